// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Logging
import Model
import Ports
import Synchronization
import Wire

@testable import Engine

/// What `TargetService` asks of the rest of a node.
final class TargetWorld: Sendable {
    struct State: Sendable {
        var others: [Leadership.NodeView] = []
        var own: Beat
        var content = TargetContent()
        var drained: Set<String> = []
    }

    let state: Mutex<State>

    init() {
        var own = Beat(run: NodeRun(node: "n1", incarnation: 1))
        own.serverIdentifiers = [IPv4Address("10.1.0.1")!]
        state = Mutex(State(own: own))
    }

    var calls: TargetService.Calls {
        TargetService.Calls(
            views: { [self] in
                state.withLock { state in
                    state.others + [Leadership.NodeView(beat: state.own, life: .alive, silentMilliseconds: 0)]
                }
            },
            describe: { [self] change in state.withLock { change(&$0.own) } },
            content: { [self] in state.withLock { $0.content } },
            drained: { [self] in state.withLock { $0.drained } })
    }

    var own: Beat { state.withLock { $0.own } }

    func change(_ name: String, _ change: (inout Leadership.NodeView) -> Void) {
        state.withLock { state in
            for index in state.others.indices where state.others[index].beat.run.node == name {
                change(&state.others[index])
            }
        }
    }
}

/// One node's targets, among others that are only ports on the loopback.
final class TargetBench: Sendable {
    let world = TargetWorld()
    let engine: DHCPEngine
    let cache: SiteCache
    let timeline: Timeline
    let clock = Clock()
    let service: TargetService
    let http: [ProbeServer]
    let tftp: ProbeServer

    init(isShared: Bool = true, site: Site = TargetBench.site()) {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        timeline = Timeline(clock: clock, logger: logger)
        engine = DHCPEngine(
            facts: ServerFacts(httpPort: 8080), clock: clock, timeline: timeline, isShared: isShared)
        cache = SiteCache(engine: engine, timeline: timeline, shipped: Site(), onChange: {})
        http = (1...3).map { _ in ProbeServer(http: .works) }
        tftp = ProbeServer(tftp: .works)
        var settings = TargetService.Settings(node: "n1", isShared: isShared, httpPort: http[0].port)
        settings.tftpPort = tftp.port
        service = TargetService(
            settings: settings, calls: world.calls, engine: engine, cache: cache, clock: clock, timeline: timeline)
        let others = isShared ? [Self.view("n2", http[1].port), Self.view("n3", http[2].port)] : []
        world.state.withLock { $0.others = others }
        load(site, revision: 1)
    }

    static func site(_ change: (inout Network) -> Void = { _ in }) -> Site {
        var network = Network(name: "rack")
        network.subnets = [Subnet(subnet: IPv4Subnet("10.1.0.0/24")!)]
        change(&network)
        var site = Site()
        site.set(.network(network))
        return site
    }

    func load(_ site: Site, revision: Int64) {
        let records = ObjectKind.allCases.flatMap { kind in
            site.names(kind).compactMap { site.object(kind, $0) }
        }.map { object in
            StoreRecord(
                key: StoreKeys.site(object.kind, object.name), value: ObjectRecord.encode(object),
                revision: Revision(revision))
        }
        cache.replace(records, revision: Revision(revision))
    }

    static func view(_ name: String, _ port: UInt16) -> Leadership.NodeView {
        var beat = Beat(run: NodeRun(node: name, incarnation: 7))
        beat.peerAddress = .loopback
        beat.httpPort = port
        beat.serverIdentifiers = [IPv4Address(10, 1, 0, UInt8(name.dropFirst()) ?? 0)]
        (beat.tftp, beat.http) = (.works, .works)
        return Leadership.NodeView(beat: beat, life: .alive, silentMilliseconds: 0)
    }

    /// Runs the service while `body` does.
    func running(_ body: @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.service.run() }
            try await body()
            group.cancelAll()
        }
        for server in http + [tftp] { server.kill() }
    }

    /// How long it took until this held, in milliseconds; nil: it never did.
    func until(milliseconds: Int64 = 5_000, _ holds: @Sendable () -> Bool) async throws -> Int64? {
        let begin = clock.uptime()
        while clock.uptime().millisecondsSince(begin) < milliseconds {
            if holds() { return clock.uptime().millisecondsSince(begin) }
            try await Task.sleep(for: .milliseconds(5))
        }
        return nil
    }

    func reaches(_ holds: @Sendable () -> Bool) async throws -> Bool { try await until(holds) != nil }

    /// The nodes that the packet path would name now, for any of many clients.
    var named: Set<String> {
        let table = engine.state.withLock { $0.facts.targets }
        guard let network = cache.site.networks["rack"] else { return [] }
        let verdicts = (0..<64).map { key in
            table.verdict(in: network, environment: nil, key: UInt64(key), own: .any, use: .http)
        }
        return Set(verdicts.flatMap { $0.ranked.map(\.name) })
    }

    /// What a BIOS ROM's DISCOVER, always the same one, is told as its TFTP server.
    func nextServer(_ mac: MACAddress) -> IPv4Address? {
        var packet = DHCPRequest(hardware: ClientHardware(mac: mac))
        packet.transactionID = 77
        packet.messageType = .discover
        packet.options.append(.vendorClass, "PXEClient:Arch:00000:UNDI:002001".utf8)
        packet.options.append(.clientArchitecture, [0, 0])
        let address = IPv4Address("10.1.0.1")!
        let interface = InterfaceInfo(
            name: "eth1", index: 2, mac: nil, addresses: [InterfaceAddress(address: address, prefixLength: 24)])
        let datagram = ReceivedDatagram(
            interfaceIndex: 2, source: .any, sourcePort: 68, destination: .broadcast, local: address, port: 67,
            receivedAt: engine.clock.now())
        let arrived = ArrivedRequest(
            request: packet, datagram: datagram, interface: interface, replyPort: ReplyPort { _ in })
        guard case .send(let reply) = engine.decide(arrived) else { return nil }
        return reply.planned.reply.nextServer
    }

    func node(_ name: String) -> TargetTable.Node? { service.table.nodes.first { $0.name == name } }

    /// Everybody has answered once.
    func settled() async throws -> Bool {
        try await reaches { ["n1", "n2", "n3"].allSatisfy { self.hasAnswered($0) } }
    }

    private func hasAnswered(_ name: String) -> Bool {
        service.state.withLock { state in
            let sight = state.facts.sights[name]
            return sight?.http == .works && (name != "n1" || sight?.tftp == .works)
        }
    }
}
