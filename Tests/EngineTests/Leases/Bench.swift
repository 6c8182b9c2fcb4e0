// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Foundation
import Logging
import Model
import Ports
import Simulation
import Synchronization
import Testing
import Wire

@testable import Engine

/// A whole engine over a simulated store, and an outlet that keeps what leaves.
final class Workbench: Sendable {
    let store: SimStore
    let engine: DHCPEngine
    let cache: SiteCache
    let sites: SiteService
    let committer: LeaseCommitter
    let node: ClusterNode
    let follower: StoreFollower
    let timeline: Timeline
    let sent = Mutex<[OutgoingReply]>([])

    /// `through`: what stands between the engine and its store, such as a limit.
    init(
        disk: SimDisk = SimDisk(), node: String = "a", through: (SimStore) -> any StateStore = { $0 }
    ) async throws {
        let inner = try SimStore(disk: disk)
        let store = through(inner)
        self.store = inner
        let clock = Clock()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        timeline = Timeline(clock: clock, logger: logger)
        engine = DHCPEngine(facts: ServerFacts(httpPort: 8080), clock: clock, timeline: timeline)
        committer = engine.makeCommitter(store: store)
        cache = SiteCache(engine: engine, timeline: timeline, shipped: Site(), onChange: {})
        self.node = ClusterNode(
            settings: Leadership.Settings(
                run: NodeRun(node: node, incarnation: .random(in: 1 ... .max)), isShared: false), store: store,
            engine: engine, clock: clock, timeline: timeline, tell: { _ in })
        follower = StoreFollower(store: store, cache: cache, node: self.node, timeline: timeline)
        sites = SiteService(store: store, cache: cache, timeline: timeline)
    }

    /// Loads the store, and runs committer and feed while `body` does.
    func running(_ body: @Sendable () async throws -> Void) async throws {
        try await follower.load()
        node.networksChanged()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.follower.run() }
            try await body()
            group.cancelAll()
        }
    }

    static let network: Network = {
        var network = Network(name: "rack")
        var subnet = Subnet(subnet: IPv4Subnet("10.1.0.0/24")!)
        subnet.pools = [IPv4Range("10.1.0.100-10.1.0.199")!]
        network.subnets = [subnet]
        network.unknown = .lease
        network.probe = false
        return network
    }()

    func makeNetwork() async throws {
        let report = try await sites.apply([.network(Self.network)], prune: false, dryRun: false)
        #expect(report.changes.count == 1)
        try await until("up to bat") { engine.heldTerms == 1 }
    }

    func receive(_ request: DHCPRequest) -> DHCPOutcome {
        let own = InterfaceAddress(address: IPv4Address("10.1.0.1")!, prefixLength: 24)
        let interface = InterfaceInfo(name: "eth1", index: 2, mac: nil, addresses: [own])
        let datagram = ReceivedDatagram(
            interfaceIndex: 2, source: .any, sourcePort: 68, destination: .broadcast, local: own.address, port: 67,
            receivedAt: engine.clock.now())
        let port = ReplyPort { replies in self.sent.withLock { $0 += replies } }
        return engine.decide(
            ArrivedRequest(request: request, datagram: datagram, interface: interface, replyPort: port))
    }

    /// Client 1 asks for what it was offered, and the store holds its lease. Returns the address.
    func holdOneCommit() async throws -> IPv4Address {
        let offer = try #require(receive(packet(1, .discover)).reply)
        store.inject(.hold)
        #expect(receive(select(1, offer.yourAddress)).isLater)
        try await until("the commit is held") { store.heldCount == 1 }
        return offer.yourAddress
    }

    var replies: [DHCPReply] { sent.withLock { $0.map(\.planned.reply) } }

    /// Waits, for a bounded time, until something has come true.
    func until(_ what: String, _ condition: () -> Bool) async throws {
        for _ in 0..<500 {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("never: \(what)")
    }
}

func packet(_ number: Int, _ type: DHCPMessageType, _ change: (inout DHCPRequest) -> Void = { _ in }) -> DHCPRequest {
    var request = DHCPRequest(hardware: ClientHardware(mac: MACAddress(bits: 0x0200_0000_0000 + UInt64(number))))
    request.messageType = type
    request.transactionID = UInt32(number)
    change(&request)
    return request
}

func select(_ number: Int, _ address: IPv4Address) -> DHCPRequest {
    packet(number, .request) {
        $0.options.append(.requestedAddress, address)
        $0.options.append(.serverIdentifier, IPv4Address("10.1.0.1")!)
    }
}

extension DHCPOutcome {
    var reply: DHCPReply? {
        switch self {
        case .send(let outgoing), .probe(_, let outgoing): outgoing.planned.reply
        case .nothing, .later: nil
        }
    }
    var isLater: Bool { if case .later = self { true } else { false } }
    var isNothing: Bool { if case .nothing = self { true } else { false } }
}
