// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Ports
import Synchronization

/// What the store says about the site, in memory, on every node: loaded once and then kept by the change feed alone.
/// Whoever writes does not touch it; a local and a remote write take the same path.
public final class SiteCache: Sendable {
    struct State: Sendable {
        var site = Site()
        var statuses: [String: BootStatus] = [:]
        /// What stands beside the site under the same prefix, by key: images, and who holds them.
        var beside: [String: StoreRecord] = [:]
        /// Environments, templates and parameters, ready to render.
        var library = BootLibrary(site: Site())
        /// The last commit that touched the site and has been taken in.
        var applied = Revision.none
        var waiters: [(revision: Revision, resume: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let engine: DHCPEngine
    private let timeline: Timeline
    /// Environments and templates that OnDeck brings along; an operator's object of the same name wins.
    public let shipped: Site
    private let onChange: @Sendable () -> Void
    private let followers = Mutex<[Follower]>([])

    /// Who goes by the records beside the site: told everything, in the order of the store's commits, before those who
    /// wait for a commit go on.
    public struct Follower: Sendable {
        var replace: @Sendable ([StoreRecord]) -> Void
        var take: @Sendable (StoreChange) -> Void
        /// The site itself has changed.
        var siteChanged: @Sendable (Site) -> Void
        public init(
            replace: @escaping @Sendable ([StoreRecord]) -> Void, take: @escaping @Sendable (StoreChange) -> Void,
            siteChanged: @escaping @Sendable (Site) -> Void = { _ in }
        ) {
            self.replace = replace
            self.take = take
            self.siteChanged = siteChanged
        }
    }

    public func add(_ follower: Follower) { followers.withLock { $0.append(follower) } }

    public init(
        engine: DHCPEngine, timeline: Timeline, shipped: Site, onChange: @escaping @Sendable () -> Void
    ) {
        self.engine = engine
        self.timeline = timeline
        self.shipped = shipped
        self.onChange = onChange
    }

    // MARK: Reading

    /// What operators have described.
    public var site: Site { state.withLock { $0.site } }

    var statuses: [String: BootStatus] { state.withLock { $0.statuses } }
    var besides: [StoreRecord] { state.withLock { Array($0.beside.values) } }
    public func status(of machine: String) -> BootStatus? { state.withLock { $0.statuses[machine] } }

    /// Environments, templates and parameters, ready to render.
    public var library: BootLibrary { state.withLock { $0.library } }

    /// The last commit that touched the site and has been taken in.
    public var revision: Revision { state.withLock { $0.applied } }

    /// Returns when the commit of that revision has been taken in.
    public func wait(for revision: Revision) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.applied >= revision { return true }
                state.waiters.append((revision, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    // MARK: Taking in

    /// The site as the store has it; replaces what was known.
    package func replace(_ records: [StoreRecord], revision: Revision) {
        let records = records.applying(decided(records))
        var site = Site()
        var byMachine: [String: BootStatus] = [:]
        var beside: [String: StoreRecord] = [:]
        for record in records {
            if let (kind, name) = StoreKeys.parseSite(record.key) {
                if let object = object(.put(key: record.key, value: record.value), kind, name) { site.set(object) }
            } else if !record.key.hasPrefix(StoreKeys.bootPrefix) {
                beside[record.key] = record
            } else if let status = Self.status(record) {
                byMachine[status.machine] = status
            }
        }
        for follower in followers.withLock({ $0 }) { follower.replace(Array(beside.values)) }
        engine.replaceSite(compile(site, byMachine))
        resolveWaiters { state in
            state.site = site
            state.library = BootLibrary(site: site)
            state.statuses = byMachine
            state.beside = beside
            state.applied = revision
        }
        tellChanged(site)
    }

    private func tellChanged(_ site: Site) {
        onChange()
        for follower in followers.withLock({ $0 }) { follower.siteChanged(site) }
    }

    /// The next change. Returns the networks that are new: their leases have to be read.
    package func take(_ change: StoreChange) -> [String] {
        guard change.writes.contains(where: { $0.key.hasPrefix(StoreKeys.followedPrefix) }), change.revision > revision
        else { return [] }
        return apply(withJournal(change))
    }

    /// A change that the journal decides is taken in as a whole: its parts have come before.
    private func withJournal(_ change: StoreChange) -> StoreChange {
        let head = change.writes.compactMap { StoreRecord($0, revision: change.revision) }
            .filter { $0.key == StoreKeys.siteJournal }
        guard !head.isEmpty else { return change }
        let parts = state.withLock { $0.beside.values.filter { $0.key.hasPrefix(StoreKeys.siteJournal + "/") } }
        return StoreChange(revision: change.revision, writes: change.writes + decided(head + parts))
    }

    private func decided(_ records: [StoreRecord]) -> [StoreWrite] {
        do throws(StoreError) {
            return try SiteJournal.decidedWrites(records.filter { $0.key.hasPrefix(StoreKeys.siteJournal) })
        } catch {
            timeline.add(Event(.system, .error, .text("a change of the site cannot be read: \(error.sentence)")))
            return []
        }
    }

    /// Somebody's large change of the site is under way, or was left half-way.
    var hasJournal: Bool { state.withLock { $0.beside[StoreKeys.siteJournal] != nil } }

    private func apply(_ change: StoreChange) -> [String] {
        var touched = Touched()
        var objects: [(ObjectKind, String, SiteObject?)] = []
        var statuses: [String: BootStatus?] = [:]
        var beside: [StoreWrite] = []
        for write in change.writes {
            if let (kind, name) = StoreKeys.parseSite(write.key) {
                touched.add(kind, name)
                objects.append((kind, name, object(write, kind, name)))
            } else if write.key.hasPrefix(StoreKeys.bootPrefix) {
                let machine = String(write.key.dropFirst(StoreKeys.bootPrefix.count))
                if case .put(_, let value) = write {
                    statuses[machine] = Self.status(machine, value)
                } else {
                    statuses[machine] = .some(nil)
                }
            } else if write.key.hasPrefix(StoreKeys.followedPrefix) {
                beside.append(write)
            }
        }
        let (before, site) = state.withLock { state in
            let before = Set(state.site.networks.keys)
            for (kind, name, object) in objects {
                if let object { state.site.set(object) } else { state.site.remove(kind, name) }
            }
            for (machine, status) in statuses { state.statuses[machine] = status }
            for write in beside { state.beside[write.key] = StoreRecord(write, revision: change.revision) }
            if touched.library { state.library = BootLibrary(site: state.site) }
            return (before, state.site)
        }
        for (machine, status) in statuses { engine.setStatus(status, machine: machine) }
        publish(touched, site)
        for follower in followers.withLock({ $0 }) { follower.take(change) }
        resolveWaiters { $0.applied = max($0.applied, change.revision) }
        if touched.isAny { tellChanged(site) }
        return Set(site.networks.keys).subtracting(before).sorted()
    }

    private func resolveWaiters(_ change: (inout State) -> Void) {
        let ready = state.withLock { state in
            change(&state)
            let applied = state.applied
            defer { state.waiters.removeAll { $0.revision <= applied } }
            return state.waiters.filter { $0.revision <= applied }
        }
        for waiter in ready { waiter.resume.resume() }
    }

    // MARK: Records

    /// Nil for a deletion, and for a record that cannot be read: that object is then as good as not there, and said so.
    private func object(_ write: StoreWrite, _ kind: ObjectKind, _ name: String) -> SiteObject? {
        guard case .put(_, let value) = write else { return nil }
        do throws(UnreadableObject) { return try ObjectRecord.decode(value, kind: kind, name: name) } catch {
            timeline.add(Event(.system, .error, .text("\(error)")))
            return nil
        }
    }

    private static func status(_ record: StoreRecord) -> BootStatus? {
        status(String(record.key.dropFirst(StoreKeys.bootPrefix.count)), record.value)
    }

    private static func status(_ machine: String, _ value: [UInt8]) -> BootStatus? {
        try? BootStatusRecord.decode(value, machine: machine)
    }

    private func compile(_ site: Site, _ statuses: [String: BootStatus]) -> CompiledSite {
        CompiledSite(site: site, environments: environments(site), statuses: statuses)
    }

    private func environments(_ site: Site) -> [String: BootEnvironment] {
        shipped.environments.merging(site.environments) { _, own in own }
    }

    /// Gives the packet path what has changed, and only that.
    private func publish(_ touched: Touched, _ site: Site) {
        if touched.machines { engine.setMachines(site.machines) }
        if touched.environments { engine.setEnvironments(environments(site)) }
        guard !touched.networks.isEmpty else { return }
        var reservations: [String: [Reservation]] = [:]
        for reservation in site.reservations.values where touched.networks.contains(reservation.network) {
            reservations[reservation.network, default: []].append(reservation)
        }
        for name in touched.networks {
            let compiled = site.networks[name].map {
                CompiledNetwork(network: $0, reservations: reservations[name] ?? [])
            }
            engine.replaceNetwork(name, with: compiled)
        }
    }
}

extension StoreRecord {
    /// Nil for a deletion.
    fileprivate init?(_ write: StoreWrite, revision: Revision) {
        guard case .put(let key, let value) = write else { return nil }
        self.init(key: key, value: value, revision: revision)
    }
}

/// Which parts of the packet path's view one change concerns.
private struct Touched {
    var networks: Set<String> = []
    var machines = false
    var environments = false
    /// What scripts and answers are made of.
    var library = false
    /// Where nodes, networks and images are.
    var places = false

    var isAny: Bool { !networks.isEmpty || machines || library || places }

    mutating func add(_ kind: ObjectKind, _ name: String) {
        switch kind {
        case .network: networks.insert(name)
        case .reservation: networks.insert(String(name.prefix { $0 != "/" }))
        case .machine: machines = true
        case .environment: (environments, library) = (true, true)
        case .profile, .template, .parameters: library = true
        case .location, .image: places = true
        }
    }
}
