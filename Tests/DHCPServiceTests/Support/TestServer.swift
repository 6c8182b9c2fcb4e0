// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Glibc
import Logging
import Model
import Synchronization
import Wire

@testable import DHCPService

func testNow() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
}

/// Polls until it holds, for at most ten seconds.
func eventually(within milliseconds: Int64 = 10_000, _ holds: () throws -> Bool) rethrows -> Bool {
    let end = testNow().adding(milliseconds: milliseconds)
    while testNow() < end {
        if try holds() { return true }
        usleep(2_000)
    }
    return try holds()
}

/// The engine's part, by closures; remembers what it was asked.
final class TestEngine: Sendable {
    typealias Decide = @Sendable (ArrivedRequest) -> DHCPOutcome
    typealias Conflict = @Sendable (IPv4Address, MACAddress, ArrivedRequest) -> DHCPOutcome

    private let decide: Decide
    private let conflict: Conflict
    private let asked = Mutex<[ArrivedRequest]>([])
    private let conflicts = Mutex<[(address: IPv4Address, mac: MACAddress)]>([])
    private let changes = Mutex<[[InterfaceInfo]]>([])

    init(conflict: @escaping Conflict = { _, _, _ in .nothing }, decide: @escaping Decide) {
        self.decide = decide
        self.conflict = conflict
    }

    var requests: [ArrivedRequest] { asked.withLock { $0 } }
    var conflictAddresses: [IPv4Address] { conflicts.withLock { $0.map(\.address) } }
    var conflictMACs: [MACAddress] { conflicts.withLock { $0.map(\.mac) } }
    var interfaces: [InterfaceInfo] { changes.withLock { $0.last ?? [] } }

    var calls: DHCPEngineCalls {
        DHCPEngineCalls(
            now: testNow,
            decide: { arrived in
                self.asked.withLock { $0.append(arrived) }
                return self.decide(arrived)
            },
            conflict: { address, mac, arrived in
                self.conflicts.withLock { $0.append((address, mac)) }
                return self.conflict(address, mac, arrived)
            },
            interfacesChanged: { infos in self.changes.withLock { $0.append(infos) } })
    }
}

extension ArrivedRequest {
    /// An offer of `address` from the server's address.
    func offer(
        _ address: IPv4Address, _ route: ReplyRoute, from source: IPv4Address = NetworkLab.serverAddress
    ) -> OutgoingReply {
        var reply = DHCPReply(to: request, type: .offer)
        reply.yourAddress = address
        return OutgoingReply(PlannedReply(reply: reply, route: route, source: source), port: datagram.port)
    }

    func broadcastOffer(_ address: IPv4Address = IPv4Address(10, 77, 0, 50)) -> OutgoingReply {
        offer(address, .broadcast(port: 68))
    }
}

/// Log lines, for the tests to read.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        init(lines: LogLines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.level): \(event.message)") }
        }
    }
}

/// A server that runs in the lab's server namespace until `stop`.
final class TestServer: Sendable {
    let server: DHCPServer
    let log = LogLines()
    private let thread: PacketThread

    /// Serves `interfaces`, and waits until all of them are served.
    init(_ lab: NetworkLab, _ engine: TestEngine, serving interfaces: [ServedInterface] = [.init(name: "eth0")]) throws
    {
        let server = try DHCPServer(engine: engine.calls, logger: log.logger)
        server.serve(interfaces)
        let namespace = lab.server
        thread = try PacketThread(name: "test server") {
            do { try enter(namespace) } catch { return }
            server.superviseUntilStopped()
        }
        self.server = server
        let all = eventually { interfaces.allSatisfy { state($0.name) == .serving(bootPort: $0.answersBootPort) } }
        guard all else {
            stop()
            throw LabFault(description: "not serving: \(server.snapshot)")
        }
    }

    func state(_ name: String) -> DHCPInterfaceState? { server.snapshot.first { $0.name == name }?.state }
    func counts(_ name: String = "eth0") -> DHCPCounts {
        server.snapshot.first { $0.name == name }?.counts ?? DHCPCounts()
    }

    func stop() {
        server.stop()
        thread.join()
    }
}

func withServer(
    _ engine: TestEngine, serving interfaces: [ServedInterface] = [.init(name: "eth0")],
    _ body: (NetworkLab, TestServer, TestClient) throws -> Void
) throws {
    try withLab { lab in
        let client = try TestClient(lab)
        let server = try TestServer(lab, engine, serving: interfaces)
        defer { server.stop() }
        try body(lab, server, client)
    }
}
