// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Model
import Ports
import Synchronization

/// The cluster as operators see it, and what they order.
public struct ClusterService: Sendable {
    private let node: ClusterNode
    private let store: any StateStore
    private let engine: DHCPEngine
    private let clock: Clock
    private let timeline: Timeline

    public init(node: ClusterNode, store: any StateStore, engine: DHCPEngine, clock: Clock, timeline: Timeline) {
        self.node = node
        self.store = store
        self.engine = engine
        self.clock = clock
        self.timeline = timeline
    }

    // MARK: Seeing

    public func report() async -> ClusterReport {
        let status = await store.status()
        let views = node.networkViews
        let newest = max(node.appliedRevision, node.nodeViews.map(\.beat.applied).max() ?? 0)
        var held: [String: [String]] = [:]
        for view in views { if let term = view.term { held[term.holder.node, default: []].append(view.network) } }
        return ClusterReport(
            node: node.run.node, isCutOff: node.isCutOff, store: Self.store(status),
            nodes: node.nodeViews.map { Self.node($0, newest: newest, held: held[$0.beat.run.node] ?? []) }
                .sorted { $0.name < $1.name },
            networks: networks(views), revision: newest, clusterTime: TimeText.iso8601(clock.now()))
    }

    private static func store(_ status: StoreStatus) -> ClusterReport.Store {
        ClusterReport.Store(
            engine: status.engine, identity: status.identity,
            members: status.members.map {
                ClusterReport.Store.Member(
                    name: $0.name, endpoint: $0.endpoint, reachable: $0.isReachable, leader: $0.isLeader,
                    latencyMilliseconds: $0.latencyMilliseconds, sizeBytes: $0.sizeBytes)
            },
            hasQuorum: status.hasQuorum, survivesOneLoss: status.survivesOneLoss, alarms: status.alarms)
    }

    private static func node(_ view: Leadership.NodeView, newest: Int64, held: [String]) -> ClusterReport.Node {
        let beat = view.beat
        var node = ClusterReport.Node(
            name: beat.run.node, life: view.life.rawValue, intent: beat.intent.rawValue,
            startedAt: TimeText.iso8601(beat.startedAt), peerAddress: "\(beat.peerAddress):\(beat.peerPort)",
            version: beat.version)
        node.lastSeenMilliseconds = view.silentMilliseconds
        node.appliedRevision = beat.applied
        node.lagRevisions = max(0, newest - beat.applied)
        node.clockOffsetMilliseconds = beat.clockOffsetMilliseconds
        node.networksHeld = held.sorted()
        node.deafNetworks = beat.deaf.sorted()
        return node
    }

    private func networks(_ views: [Leadership.NetworkView]) -> [ClusterReport.Network] {
        let byName = Dictionary(views.map { ($0.network, $0) }, uniquingKeysWith: { a, _ in a })
        var vipless: [String: String] = [:]
        for view in node.nodeViews { for name in view.beat.vipless { vipless[name] = view.beat.run.node } }
        return engine.networks.sorted { $0.name < $1.name }.map { network in
            var report = ClusterReport.Network(name: network.name, mode: network.mode.rawValue)
            report.preferred = network.preferredNodes
            report.vip = network.virtualAddress.map { "\($0)" }
            guard network.mode == .dynamic, let view = byName[network.name] else { return report }
            report.servingHere = view.isServing
            report.desired = view.desired
            guard let term = view.term else { return report }
            report.holder = term.holder.node
            report.since = TimeText.iso8601(term.since)
            report.cause = term.cause.sentence
            report.epoch = term.epoch.value
            if report.vip != nil, vipless[network.name] == term.holder.node {
                report.vipFault = "node \(term.holder.node) cannot have it: see its log, or /readyz there"
            }
            return report
        }
    }

    // MARK: Ordering

    /// The order goes into the store; whoever is up to bat there carries it out. Returns when the new term is seen.
    public func handOver(_ network: String, to successor: String) async throws(Problem) -> HandoverReport {
        guard let found = engine.networks.first(where: { $0.name == network }) else {
            throw .notFound("network \(network)")
        }
        guard found.mode == .dynamic else {
            throw Problem(
                title: "nothing to hand over", status: 422,
                detail: "network \(network) is \(found.mode.rawValue): every node answers there")
        }
        try checkSuccessor(successor, network)
        let before = node.networkViews.first { $0.network == network }?.term
        if let before, before.holder.node == successor {
            return HandoverReport(
                network: network, from: successor, to: successor, epoch: before.epoch.value, milliseconds: 0)
        }
        let start = clock.uptime()
        try await write([.put(key: StoreKeys.order(network), value: Array(successor.utf8))])
        while clock.uptime().millisecondsSince(start) < Limits.orderMillisecondsMax {
            if let term = node.networkViews.first(where: { $0.network == network })?.term,
                term.holder.node == successor
            {
                return HandoverReport(
                    network: network, from: before?.holder.node, to: successor, epoch: term.epoch.value,
                    milliseconds: clock.uptime().millisecondsSince(start))
            }
            try? await Task.sleep(for: .milliseconds(2))
        }
        try await write([.delete(key: StoreKeys.order(network))])
        throw Problem(
            title: "not handed over", status: 409,
            detail: "\(before?.holder.node ?? "nobody") has not handed \(network) over to \(successor) in time; "
                + "the order is taken back")
    }

    private func checkSuccessor(_ name: String, _ network: String) throws(Problem) {
        guard let view = node.nodeViews.first(where: { $0.beat.run.node == name }) else {
            throw .notFound("node \(name)")
        }
        let reason: String? =
            if view.life != .alive {
                "it is \(view.life.rawValue)"
            } else if view.beat.intent != .serving {
                "it is \(view.beat.intent.rawValue)"
            } else if view.beat.deaf.contains(network) {
                "it does not hear that network"
            } else { nil }
        if let reason { throw Problem(title: "not now", status: 409, detail: "node \(name) cannot take it: \(reason)") }
    }

    public func drain(_ name: String, _ isDraining: Bool) async throws(Problem) -> DrainReport {
        guard node.nodeViews.contains(where: { $0.beat.run.node == name }) else { throw .notFound("node \(name)") }
        if isDraining {
            let others = node.nodeViews.filter {
                $0.beat.run.node != name && $0.life == .alive && $0.beat.intent == .serving
            }
            guard !others.isEmpty else {
                throw Problem(
                    title: "nobody could take over", status: 409, detail: "no other node is alive and takes networks")
            }
        }
        let key = StoreKeys.drain(name)
        try await write([isDraining ? .put(key: key, value: Array("1".utf8)) : .delete(key: key)])
        timeline.add(Event(.admin, .info, .text("\(isDraining ? "drain" : "no longer drain") node \(name)")))
        let held = node.networkViews.filter { $0.term?.holder.node == name }.map(\.network)
        return DrainReport(node: name, drain: isDraining, networksHeld: held.sorted())
    }

    /// An operator says that the store, though it is older than what this node has seen, is to be served from.
    public func acceptRestored() throws(Problem) -> AcceptRestoredReport {
        let held = node.restoredNetworks
        guard !held.isEmpty else {
            throw Problem(title: "not restored", status: 409, detail: "the store did not go back in time")
        }
        node.handle(.restoreAccepted)
        timeline.add(Event(.admin, .warning, .text("the restored store is accepted")))
        return AcceptRestoredReport(networks: held.sorted())
    }

    private func write(_ writes: [StoreWrite]) async throws(Problem) {
        do throws(StoreError) { _ = try await store.commit(StoreBatch(writes: writes)) } catch { throw Problem(error) }
    }
}

extension ClusterNode {
    var networkViews: [Leadership.NetworkView] { state.withLock { $0.leadership.networks(now: clock.uptime()) } }
    /// This one included, as it describes itself.
    public var nodeViews: [Leadership.NodeView] {
        state.withLock { state in
            let own = Leadership.NodeView(beat: state.beat, life: .alive, silentMilliseconds: 0)
            return state.leadership.nodes(now: clock.uptime()).filter { $0.beat.run.node != run.node } + [own]
        }
    }
    /// The networks that are held back because the store went back in time.
    var restoredNetworks: [String] {
        state.withLock { state in
            guard state.leadership.isRestored else { return [] }
            return state.leadership.networks(now: clock.uptime()).map(\.network)
        }
    }
    var isCutOff: Bool { state.withLock { $0.leadership.isCutOff(now: clock.uptime()) } }
}
