// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model
import Ports

/// Changes to the site, as operators ask for them: planned, checked as a whole, committed as one guarded batch, and
/// answered when this node has taken them in.
public struct SiteService: Sendable {
    private let store: any StateStore
    private let cache: SiteCache
    private let timeline: Timeline
    private let nodeAddresses: @Sendable () -> [IPv4Address: String]
    private let endpointFaults: @Sendable (Set<String>) async -> [String: String]

    /// `nodeAddresses`: the addresses of the nodes that are known, and whose they are. `endpointFaults`: those of some
    /// base URLs that do not answer now, and why.
    public init(
        store: any StateStore, cache: SiteCache, timeline: Timeline,
        nodeAddresses: @escaping @Sendable () -> [IPv4Address: String] = { [:] },
        endpointFaults: @escaping @Sendable (Set<String>) async -> [String: String] = { _ in [:] }
    ) {
        self.store = store
        self.cache = cache
        self.timeline = timeline
        self.nodeAddresses = nodeAddresses
        self.endpointFaults = endpointFaults
    }

    private func check(_ site: Site) async -> SiteFindings {
        let urls = site.endpointURLs
        return SiteValidation.check(
            site, builtIn: cache.shipped, storeIsShared: store.isShared,
            failingEndpoints: urls.isEmpty ? [:] : await endpointFaults(urls), nodeAddresses: nodeAddresses())
    }

    /// Makes the site hold `objects`; with `prune` nothing else. All or nothing.
    public func apply(
        _ objects: [SiteObject], prune: Bool, dryRun: Bool
    ) async throws(Problem) -> ChangeReport {
        guard !(prune && objects.isEmpty) else { throw .wouldDeleteEverything }
        try await settle()
        let revisions = try await siteRevisions()
        let plan = ChangePlan.between(current: cache.site, desired: objects, prune: prune)
        let findings = await check(plan.result)
        guard findings.problems.isEmpty else { throw .invalid(findings.problems.map { FieldError($0) }) }
        var revision: Revision?
        if !dryRun, !plan.changes.isEmpty {
            revision = try await commit(plan.changes) { revisions[$0] ?? .none }
        }
        return ChangeReport(
            dryRun: dryRun, revision: revision?.value, changes: plan.changes, unchanged: plan.unchanged,
            unnamed: plan.unnamed, warnings: findings.warnings)
    }

    /// One object and the commit that wrote it last; nil revision for one that OnDeck brings along, or when the store
    /// cannot say now.
    public func get(_ kind: ObjectKind, _ name: String) async -> ObjectReport? {
        guard let object = cache.site.object(kind, name) else {
            return cache.shipped.object(kind, name).map { ObjectReport($0, revision: nil) }
        }
        let revision = try? await revision(of: StoreKeys.site(kind, name))
        return ObjectReport(object, revision: revision?.value)
    }

    /// All objects of a kind by name, those that OnDeck brings along included.
    public func list(_ kind: ObjectKind) async -> [ObjectReport] {
        let revisions = (try? await siteRevisions(StoreKeys.site(kind, ""))) ?? [:]
        let site = cache.site
        let names = Set(site.names(kind)).union(cache.shipped.names(kind)).sorted()
        return names.compactMap { name in
            guard let object = site.object(kind, name) ?? cache.shipped.object(kind, name) else { return nil }
            return ObjectReport(object, revision: revisions[StoreKeys.site(kind, name)]?.value)
        }
    }

    /// Writes one object. `expected`: the revision that it must have now (If-Match).
    public func put(_ object: SiteObject, expected: Revision?) async throws(Problem) -> ChangeReport {
        try await settle()
        let current = try await revision(of: StoreKeys.site(object.kind, object.name))
        if let expected, expected != current { throw .changedMeanwhile(object.objectName) }
        let plan = ChangePlan.between(current: cache.site, desired: [object], prune: false)
        let findings = await check(plan.result)
        guard findings.problems.isEmpty else { throw .invalid(findings.problems.map { FieldError($0) }) }
        let revision = plan.changes.isEmpty ? current : try await commit(plan.changes) { _ in current }
        return report(plan.changes, revision, unchanged: plan.unchanged, warnings: findings.warnings)
    }

    private func report(
        _ changes: [SiteChange], _ revision: Revision, unchanged: Int = 0, warnings: [SiteProblem]
    ) -> ChangeReport {
        ChangeReport(
            dryRun: false, revision: revision.value, changes: changes, unchanged: unchanged, unnamed: [],
            warnings: warnings)
    }

    public func delete(_ kind: ObjectKind, _ name: String, expected: Revision?) async throws(Problem) -> ChangeReport {
        try await settle()
        guard let object = cache.site.object(kind, name) else { throw .notFound("\(kind.rawValue) \(name)") }
        let current = try await revision(of: StoreKeys.site(kind, name))
        if let expected, expected != current { throw .changedMeanwhile(object.objectName) }
        var after = cache.site
        after.remove(kind, name)
        let findings = await check(after)
        guard findings.problems.isEmpty else {
            throw Problem(
                title: "still in use", status: 409, detail: "\(kind.rawValue) \(name) is still referred to",
                errors: findings.problems.map { FieldError($0) })
        }
        let revision = try await commit([.deleted(object)]) { _ in current }
        return report([.deleted(object)], revision, warnings: findings.warnings)
    }

    /// Sets a machine's intent and arms it afresh: what it did for an earlier intent, the same one included, no
    /// longer counts.
    public func boot(_ name: String, _ intent: BootIntent) async throws(Problem) -> ChangeReport {
        try await settle()
        guard var machine = cache.site.machines[name] else { throw .notFound("machine \(name)") }
        let old = machine
        machine.intent = intent
        let key = StoreKeys.site(.machine, name)
        let current = try await revision(of: key)
        var after = cache.site
        after.set(.machine(machine))
        let findings = await check(after)
        guard findings.problems.isEmpty else { throw .invalid(findings.problems.map { FieldError($0) }) }
        var batch = StoreBatch(guards: [StoreGuard(key: key, revision: current)], writes: [])
        if old != machine { batch.writes.append(.put(key: key, value: ObjectRecord.encode(.machine(machine)))) }
        if cache.status(of: name) != nil { batch.writes.append(.delete(key: StoreKeys.boot(name))) }
        let revision = batch.writes.isEmpty ? current : try await writeSite(batch)
        await cache.wait(for: batch.writes.isEmpty ? .none : revision)
        timeline.add(Event(.admin, .info, mac: machine.macs.first, .text("next boot of \(name): \(intent)")))
        let changes = old == machine ? [] : [SiteChange.changed(from: .machine(old), to: .machine(machine))]
        return report(changes, revision, unchanged: changes.isEmpty ? 1 : 0, warnings: findings.warnings)
    }

    /// Stores what has come of a machine's intent, before anybody acts on it.
    public func record(_ status: BootStatus) async throws(Problem) {
        let batch = StoreBatch(writes: [
            .put(key: StoreKeys.boot(status.machine), value: BootStatusRecord.encode(status))
        ])
        await cache.wait(for: try await write(batch))
    }

    // MARK: Commits

    /// One batch where the store takes it, else by way of the journal: all or nothing. Guarded: what has changed
    /// meanwhile stops it.
    private func commit(
        _ changes: [SiteChange], revision: (String) -> Revision
    ) async throws(Problem) -> Revision {
        let committed = try await writeSite(Self.batch(changes.sorted { Self.rank($0) < Self.rank($1) }, revision))
        await cache.wait(for: committed)
        for change in changes.prefix(Self.changesNoted) { note(change) }
        return committed
    }

    private func writeSite(_ batch: StoreBatch) async throws(Problem) -> Revision {
        let journal = SiteJournal(store: store)
        do throws(StoreError) {
            if journal.isNeeded(for: batch) { return try await journal.commit(batch) }
            var batch = batch
            batch.guards.append(SiteJournal.absent)
            do throws(StoreError) { return try await store.commit(batch) } catch {
                guard error == .conflict(key: StoreKeys.siteJournal) else { throw error }
            }
            try await journal.settle()
            return try await store.commit(batch)
        } catch { throw Problem(error) }
    }

    /// A large change that was left half-way is carried out before another one is judged.
    private func settle() async throws(Problem) {
        guard cache.hasJournal else { return }
        do throws(StoreError) { try await SiteJournal(store: store).settle() } catch { throw Problem(error) }
    }

    private static func batch(_ changes: some Sequence<SiteChange>, _ revision: (String) -> Revision) -> StoreBatch {
        var batch = StoreBatch(writes: [])
        for change in changes {
            let name = change.objectName
            let key = StoreKeys.site(name.kind, name.name)
            switch change {
            case .created(let object):
                batch.guards.append(StoreGuard(key: key, revision: .none))
                batch.writes.append(.put(key: key, value: ObjectRecord.encode(object)))
            case .changed(_, let object):
                batch.guards.append(StoreGuard(key: key, revision: revision(key)))
                batch.writes.append(.put(key: key, value: ObjectRecord.encode(object)))
            case .deleted:
                batch.guards.append(StoreGuard(key: key, revision: revision(key)))
                batch.writes.append(.delete(key: key))
            }
        }
        return batch
    }

    /// What others refer to is written first, and deleted last: an older node may take in one batch after the other.
    private static func rank(_ change: SiteChange) -> Int {
        let order: [ObjectKind] = [
            .location, .image, .template, .environment, .profile, .parameters, .network, .reservation, .machine,
        ]
        let place = order.firstIndex(of: change.objectName.kind) ?? order.count
        if case .deleted = change { return 2 * order.count - place }
        return place
    }

    /// A change of thousands of objects is not thousands of lines.
    private static let changesNoted = 20

    private func note(_ change: SiteChange) {
        let verb =
            switch change {
            case .created: "created"
            case .changed: "changed"
            case .deleted: "deleted"
            }
        timeline.add(Event(.admin, .info, .text("\(verb) \(change.objectName)")))
    }

    private func write(_ batch: StoreBatch) async throws(Problem) -> Revision {
        do throws(StoreError) { return try await store.commit(batch) } catch { throw Problem(error) }
    }

    private func siteRevisions(
        _ prefix: String = StoreKeys.sitePrefix
    ) async throws(Problem) -> [String: Revision] {
        do throws(StoreError) {
            let records = try await store.read(prefix: prefix).records
            return Dictionary(records.map { ($0.key, $0.revision) }, uniquingKeysWith: { a, _ in a })
        } catch { throw Problem(error) }
    }

    private func revision(of key: String) async throws(Problem) -> Revision {
        do throws(StoreError) {
            return try await store.read(prefix: key).records.first { $0.key == key }?.revision ?? .none
        } catch { throw Problem(error) }
    }
}

extension Problem {
    init(_ error: StoreError) {
        switch error {
        case .conflict(let key):
            self.init(title: "changed meanwhile", status: 409, detail: "\(key) was changed by somebody else; try again")
        case .full, .unavailable, .corrupt:
            self.init(title: "the store takes no writes", status: 503, detail: error.sentence)
        }
    }

    /// An empty file is more often a slip than a wish.
    static var wouldDeleteEverything: Problem {
        Problem(
            title: "would delete everything", status: 422,
            detail: "the document is empty, and with prune that deletes the whole site; delete objects by name")
    }

    static func notFound(_ what: String) -> Problem {
        Problem(title: "not found", status: 404, detail: "there is no \(what)")
    }

    static func changedMeanwhile(_ name: ObjectName) -> Problem {
        Problem(
            title: "changed meanwhile", status: 412, detail: "\(name) is no longer at the revision of If-Match")
    }
}
