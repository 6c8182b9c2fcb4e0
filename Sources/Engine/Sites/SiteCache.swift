// SPDX-License-Identifier: Apache-2.0

import CLinux
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
        /// Environments, templates and parameters, ready to render.
        var library = BootLibrary(site: Site())
        /// The last commit that touched the site and has been taken in.
        var applied = Revision.none
        var waiters: [(revision: Revision, resume: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let store: any StateStore
    private let engine: DHCPEngine
    private let terms: TermKeeper
    private let timeline: Timeline
    /// Environments and templates that OnDeck brings along; an operator's object of the same name wins.
    public let shipped: Site
    private let onChange: @Sendable () -> Void

    public init(
        store: any StateStore, engine: DHCPEngine, terms: TermKeeper, timeline: Timeline, shipped: Site,
        onChange: @escaping @Sendable () -> Void
    ) {
        self.store = store
        self.engine = engine
        self.terms = terms
        self.timeline = timeline
        self.shipped = shipped
        self.onChange = onChange
    }

    // MARK: Reading

    /// What operators have described.
    public var site: Site { state.withLock { $0.site } }

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

    // MARK: Loading and following

    /// Reads everything once: the site, then each network's leases and term. Returns the latest instant that any
    /// lease began.
    public func load() async throws(StoreError) {
        let snapshot = try await store.read(prefix: StoreKeys.followedPrefix)
        var site = Site()
        var byMachine: [String: BootStatus] = [:]
        for record in snapshot.records {
            if let (kind, name) = StoreKeys.parseSite(record.key) {
                if let object = object(.put(key: record.key, value: record.value), kind, name) { site.set(object) }
            } else if let status = Self.status(record) {
                byMachine[status.machine] = status
            }
        }
        engine.replaceSite(compile(site, byMachine))
        try await openNetworks(site.networks.keys.sorted())
        resolveWaiters { state in
            state.site = site
            state.library = BootLibrary(site: site)
            state.statuses = byMachine
            state.applied = snapshot.revision
        }
        // The records are decoded; a site of a hundred thousand leaves tens of MiB of them behind.
        cl_release_free_memory()
        onChange()
    }

    /// Follows the store until the task is cancelled. A feed that ends was too slow: everything is read again.
    public func run() async {
        while !Task.isCancelled {
            let after = state.withLock { $0.applied }
            do {
                for await change in try await store.changes(prefix: StoreKeys.followedPrefix, after: after) {
                    await apply(change)
                }
                guard !Task.isCancelled else { return }
                try await load()
            } catch {
                timeline.add(Event(.system, .error, .text("cannot follow the store: \(error)")))
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func apply(_ change: StoreChange) async {
        var touched = Touched()
        var objects: [(ObjectKind, String, SiteObject?)] = []
        var statuses: [String: BootStatus?] = [:]
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
            }
        }
        let (before, site) = state.withLock { state in
            let before = Set(state.site.networks.keys)
            for (kind, name, object) in objects {
                if let object { state.site.set(object) } else { state.site.remove(kind, name) }
            }
            for (machine, status) in statuses { state.statuses[machine] = status }
            if touched.library { state.library = BootLibrary(site: state.site) }
            return (before, state.site)
        }
        for (machine, status) in statuses { engine.setStatus(status, machine: machine) }
        publish(touched, site)
        let new = Set(site.networks.keys).subtracting(before)
        do throws(StoreError) { try await openNetworks(new.sorted()) } catch {
            timeline.add(Event(.system, .error, .text("cannot open a new network: \(error.sentence)")))
        }
        resolveWaiters { $0.applied = max($0.applied, change.revision) }
        if touched.isAny { onChange() }
    }

    /// Loads the leases of networks and takes their terms.
    private func openNetworks(_ names: [String]) async throws(StoreError) {
        for name in names {
            let leases = try await store.read(prefix: StoreKeys.leasePrefix + name + "/")
            engine.loadLeases(leases.records, network: name, timeline: timeline)
        }
        for held in try await terms.claim(names, since: engine.clock.now()) { engine.hold(held) }
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

/// Which parts of the packet path's view one change concerns.
private struct Touched {
    var networks: Set<String> = []
    var machines = false
    var environments = false
    /// What scripts and answers are made of.
    var library = false

    var isAny: Bool { !networks.isEmpty || machines || library }

    mutating func add(_ kind: ObjectKind, _ name: String) {
        switch kind {
        case .network: networks.insert(name)
        case .reservation: networks.insert(String(name.prefix { $0 != "/" }))
        case .machine: machines = true
        case .environment: (environments, library) = (true, true)
        case .profile, .template, .parameters: library = true
        }
    }
}
