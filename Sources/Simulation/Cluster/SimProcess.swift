// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Logging
import Model
import Ports
import Wire

/// One run of the product on a node: the real engine, committer and cluster node, wired as `ondeck` wires them, with
/// the simulation's store, clock and network around them.
final class SimProcess {
    let run: NodeRun
    let clock: Clock
    let engine: DHCPEngine
    let cluster: ClusterNode
    /// The version of the site that it answers by.
    private(set) var siteRevision = Revision.none
    /// It has read the store once, and when.
    private(set) var isLoaded = false
    private(set) var loadedAt = Uptime(milliseconds: 0)
    private let cache: SiteCache
    private let committer: LeaseCommitter
    private let timeline: Timeline
    private let interfaces: [String: InterfaceInfo]
    private let port: ReplyPort
    private let isForgetful: Bool

    init(
        node: SimNode, run: NodeRun, machine: SimMachine, world: SimWorld, isForgetful: Bool,
        calls: ClusterNode.Calls
    ) {
        self.run = run
        self.isForgetful = isForgetful
        clock = Clock { machine.reading() }
        let index = node.index
        let logger = Logger(label: "simulation", factory: { _ in SimLog(world: world, node: index) })
        timeline = Timeline(clock: clock, logger: logger)
        engine = DHCPEngine(facts: ServerFacts(httpPort: 8080), clock: clock, timeline: timeline, isShared: true)
        let store = SimStoreHandle(world: world, node: node, run: run)
        committer = engine.makeCommitter(store: store)
        cache = SiteCache(engine: engine, timeline: timeline, shipped: Site(), onChange: {})
        cluster = ClusterNode(
            settings: Leadership.Settings(run: run, isShared: true), store: store, engine: engine, clock: clock,
            timeline: timeline, calls: calls)
        let own = Set(SimSite.all.map { SimSite.nodeAddress(node.index, $0) })
        cluster.beginJoining()
        cluster.describe { beat in
            beat.peerAddress = SimSite.nodeAddress(node.index, SimSite.relayed)
            beat.peerPort = 6700
            beat.serverIdentifiers = own
        }
        interfaces = Dictionary(
            uniqueKeysWithValues: SimSite.all.map { ($0, Self.interface(node: node.index, network: $0)) })
        port = ReplyPort { [unowned node] replies in node.outbox += replies }
    }

    private static func interface(node: Int, network: String) -> InterfaceInfo {
        let isRelayed = SimSite.isRelayed(network)
        let own = InterfaceAddress(address: SimSite.nodeAddress(node, network), prefixLength: 24)
        return InterfaceInfo(
            name: isRelayed ? "backbone" : "lan", index: isRelayed ? 2 : 3, mac: nil, addresses: [own])
    }

    func isServing(_ network: String) -> Bool { cluster.serving.contains(network) }

    // MARK: What the store says

    /// What a node keeps on its own disk.
    struct Replica {
        var records: [StoreRecord]
        var epochs: [String: UInt64]
        var clusterTime: Instant
    }

    /// Nil before it knows anything.
    var replica: Replica? {
        guard isLoaded else { return nil }
        let (epochs, records) = cluster.replica(of: cache)
        return Replica(records: records, epochs: epochs, clusterTime: clock.now())
    }

    /// The store does not answer: begins with what the disk has.
    func load(_ replica: Replica) {
        begin()
        cluster.start(from: replica.records, keptAt: replica.clusterTime, cache: cache)
        cluster.networksChanged()
    }

    private func begin() {
        guard !isLoaded else { return }
        isLoaded = true
        loadedAt = clock.uptime()
    }

    func load(_ snapshot: StoreSnapshot) {
        begin()
        var snapshot = snapshot
        if isForgetful { snapshot.records.removeAll { $0.key.hasPrefix(StoreKeys.leasePrefix) } }
        let site = snapshot.records.filter { $0.key.hasPrefix(StoreKeys.followedPrefix) }
        cache.replace(site, revision: snapshot.revision)
        siteRevision = Self.newest(site)
        cluster.load(snapshot)
        cluster.networksChanged()
    }

    private static func newest(_ records: [StoreRecord]) -> Revision { records.map(\.revision).max() ?? .none }

    func take(_ change: StoreChange) {
        let before = cache.revision
        _ = cache.take(change)
        cluster.take(change)
        guard cache.revision != before else { return }
        siteRevision = cache.revision
        cluster.networksChanged()
    }

    // MARK: Packets

    /// A client's packet in `network`; `isUnicast`: sent to this node alone, by its address.
    func receive(_ request: DHCPRequest, network: String, isUnicast: Bool, from source: IPv4Address) -> [OutgoingReply]
    {
        guard let interface = interfaces[network] else { return [] }
        let own = interface.ownAddresses[0]
        let isDirected = isUnicast || !request.relayAddress.isAny
        let datagram = ReceivedDatagram(
            interfaceIndex: interface.index, source: source, sourcePort: request.relayAddress.isAny ? 68 : 67,
            destination: isDirected ? own : .broadcast, local: own, port: 67, receivedAt: clock.now())
        let outcome = engine.decide(
            ArrivedRequest(request: request, datagram: datagram, interface: interface, replyPort: port))
        switch outcome {
        case .send(let reply), .probe(_, let reply): return [reply]
        case .nothing, .later: return []
        }
    }
}
