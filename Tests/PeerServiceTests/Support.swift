// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Glibc
import Logging
import Model
import Synchronization
import Testing

@testable import PeerService

let clusterKey = [UInt8](repeating: 7, count: 32)

func heartbeat(_ node: String, _ sequence: UInt64, incarnation: UInt64 = 1) -> Heartbeat {
    Heartbeat(
        run: NodeRun(node: node, incarnation: incarnation), sequence: sequence, sentAt: Instant(milliseconds: 1_000),
        intent: .serving)
}

/// A peer server that runs, and what it has reported.
final class RunningPeer: Sendable {
    let server: PeerServer
    private let events = Events()
    private let running: Mutex<Task<Void, any Error>?> = Mutex(nil)

    init(port: UInt16 = 0, key: [UInt8] = clusterKey) throws {
        let events = events
        server = try PeerServer(
            listen: .loopback, port: port, key: key, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { event in
            events.list.withLock { $0.append(event) }
        }
        let server = server
        running.withLock { $0 = Task { try await server.run() } }
    }

    deinit { running.withLock { $0?.cancel() } }

    /// Closes its port and waits until that is done.
    func close() async throws {
        let task = running.withLock { $0 }
        task?.cancel()
        try await task?.value
    }

    func peer(_ node: String) -> PeerServer.Peer {
        PeerServer.Peer(node: node, address: .loopback, port: server.port)
    }

    var heartbeats: [Heartbeat] {
        events.list.withLock { events in
            events.compactMap { if case .heartbeat(let heartbeat) = $0 { heartbeat } else { nil } }
        }
    }

    var refusals: [String] {
        events.list.withLock { events in events.compactMap { if case .refused(let node) = $0 { node } else { nil } } }
    }
}

private final class Events: Sendable {
    let list = Mutex<[PeerServer.Event]>([])
}

/// Somebody else's socket: sends bytes to a port of this machine.
struct Stranger: ~Copyable {
    private let descriptor: Int32

    init(to port: UInt16) throws {
        descriptor = cl_peer_connect(0, IPv4Address.loopback.bits, port)
        try #require(descriptor >= 0)
    }

    func send(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBufferPointer { cl_peer_send(descriptor, $0.baseAddress, $0.count) }
    }

    deinit { _ = Glibc.close(descriptor) }
}

/// Polls until it holds. Five seconds are for a busy machine; each test says where less is promised.
func eventually(within limit: Duration = .seconds(5), _ holds: () throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try holds() { return true }
        try await Task.sleep(for: .milliseconds(1))
    }
    return try holds()
}
