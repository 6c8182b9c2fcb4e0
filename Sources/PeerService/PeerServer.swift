// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Glibc
import Logging
import Model
import Synchronization

/// Direct heartbeats between the nodes of a cluster, signed with its key: one socket that receives, and one to each
/// peer that sends and learns when nobody listens there any more.
public final class PeerServer: Sendable {
    /// Where a node's peer port is.
    public struct Peer: Hashable, Sendable {
        public var node: String
        public var address: IPv4Address
        public var port: UInt16

        public init(node: String, address: IPv4Address, port: UInt16) {
            self.node = node
            self.address = address
            self.port = port
        }
    }

    public enum Event: Sendable {
        /// Signed with the cluster's key, and newer than any of that run before.
        case heartbeat(Heartbeat)
        /// The node's machine answers, and nobody listens on its peer port. At most once for each heartbeat sent.
        case refused(node: String)
    }

    /// Why a server could not be made or started.
    public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    private let codec: HeartbeatCodec
    private let telemetry: PeerTelemetry
    private let report: @Sendable (Event) -> Void
    private let poll: PeerPoll
    private let buffers: PeerBuffers
    private let links: Mutex<PeerLinks>
    private let tally = Mutex(PeerCounts())
    private let phase: Mutex<Phase>

    private enum Phase {
        /// Bound; becomes `running`, or `over` when it is cancelled first.
        case bound(Descriptor)
        /// Becomes `over` when the task is cancelled.
        case running(Descriptor)
        case over
    }

    /// The port that is bound: the one asked for, or the kernel's choice for 0.
    public let port: UInt16

    /// Binds the UDP port at once, and sends from the same address. `key` has at least 16 octets. `report` is called
    /// from the server's own thread and from those that call `send`; it must not wait for anything.
    public init(
        listen: IPv4Address, port: UInt16, key: [UInt8], logger: Logger, report: @escaping @Sendable (Event) -> Void
    ) throws(Fault) {
        guard key.count >= Limits.clusterKeyBytesMin else {
            throw Fault(
                description: "the cluster's key has \(key.count) octets; it needs \(Limits.clusterKeyBytesMin) or more")
        }
        guard let buffers = PeerBuffers() else { throw Fault(description: "no memory for receiving heartbeats") }
        let poll: PeerPoll
        let socket: Descriptor
        do throws(SocketFault) {
            poll = try PeerPoll()
            socket = try SocketFault.check(
                cl_peer_listen(listen.bits, port, Int32(Limits.peerReceiveBufferBytes)))
            try poll.add(socket, PeerPoll.received, reads: true)
        } catch {
            throw Fault(description: "cannot listen for heartbeats on UDP \(listen):\(port): \(errorText(error.errno))")
        }
        codec = HeartbeatCodec(key: key)
        telemetry = PeerTelemetry(logger: logger)
        self.report = report
        self.poll = poll
        self.buffers = buffers
        self.port = UInt16(clamping: cl_peer_port(socket.number))
        links = Mutex(PeerLinks(local: listen, poll: poll))
        phase = Mutex(.bound(socket))
    }

    /// The nodes to send heartbeats to, this one left out. Replaces those before. Peers without an address or a port
    /// are passed over.
    public func setPeers(_ peers: [Peer]) {
        let surplus = links.withLock { $0.set(peers) }
        if surplus > 0 { telemetry.tooManyPeers(surplus) }
    }

    /// Sends to every peer, from the calling thread, without waiting for anything.
    public func send(_ heartbeat: Heartbeat) {
        guard let bytes = codec.encode(heartbeat) else { return telemetry.unencodable(heartbeat.run.node) }
        let outcome = links.withLock { $0.send(bytes) }
        tally.withLock {
            $0.sent += outcome.sent
            $0.unsent += outcome.unsent
            $0.refused += outcome.refused.count
        }
        for node in outcome.refused { report(.refused(node: node)) }
    }

    public var counts: PeerCounts { tally.withLock { $0 } }

    /// Receives until the task is cancelled; then all sockets are closed and the thread has ended. Once only.
    public func run() async throws(Fault) {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (done: CheckedContinuation<Fault?, Never>) in
                let previous = phase.withLock { phase in
                    defer { if case .bound(let socket) = phase { phase = .running(socket) } }
                    return phase
                }
                switch previous {
                case .over: done.resume(returning: nil)
                case .running: done.resume(returning: Fault(description: "the peer server runs already"))
                case .bound:
                    let error = startThread(name: "peers") {
                        self.receiveUntilStopped()
                        done.resume(returning: nil)
                    }
                    guard error != 0 else { return }
                    done.resume(returning: Fault(description: "no thread for heartbeats: \(errorText(error))"))
                }
            }
        } onCancel: {
            stop()
        }
        if let result { throw result }
    }

    private func stop() {
        phase.withLock { $0 = .over }
        // What is sent from now on goes nowhere.
        links.withLock { $0.removeAll() }
        poll.wake()
    }

    /// Nil when it is to end. The thread keeps it no longer than it uses it: who ends the run closes it.
    private var socket: Descriptor? {
        phase.withLock {
            if case .running(let socket) = $0 { socket } else { nil }
        }
    }

    /// The body of the thread.
    private func receiveUntilStopped() {
        var ready = [UInt64](repeating: 0, count: Limits.nodesMax)
        var replays = ReplayGuard()
        while true {
            let count = poll.wait(&ready)
            guard let socket else { return }
            for id in ready.prefix(count) {
                switch id {
                case PeerPoll.woken: break
                case PeerPoll.received: receive(socket, &replays)
                default: errorCame(id)
                }
            }
        }
    }

    private func errorCame(_ id: UInt64) {
        guard let node = links.withLock({ $0.errorCame(id) }) else { return }
        tally.withLock { $0.refused += 1 }
        report(.refused(node: node))
    }

    /// One batch; the poll tells of what is left.
    private func receive(_ socket: Descriptor, _ replays: inout ReplayGuard) {
        let count = buffers.receive(from: socket)
        guard count >= 0 else {
            receiveFailed(Int32(-count))
            return
        }
        var now = counts
        var news: [Heartbeat] = []
        for index in 0..<count {
            if let heartbeat = take(index, &replays, &now) { news.append(heartbeat) }
        }
        tally.withLock {
            $0.received = now.received
            $0.badSignature = now.badSignature
            $0.replayed = now.replayed
            $0.malformed = now.malformed
        }
        for heartbeat in news { report(.heartbeat(heartbeat)) }
    }

    private func take(_ index: Int, _ replays: inout ReplayGuard, _ counts: inout PeerCounts) -> Heartbeat? {
        let datagram = buffers.datagram(index)
        let source = IPv4Address(bits: datagram.source)
        do throws(HeartbeatFault) {
            let heartbeat = try buffers.withBytes(index) { bytes throws(HeartbeatFault) in try codec.decode(bytes) }
            guard replays.admits(heartbeat.run, sequence: heartbeat.sequence) else {
                counts.replayed += 1
                return nil
            }
            counts.received += 1
            return heartbeat
        } catch {
            switch error {
            case .malformed(let reason):
                counts.malformed += 1
                telemetry.malformed(from: source, port: datagram.source_port, reason, soFar: counts.malformed)
            case .badSignature:
                counts.badSignature += 1
                telemetry.badSignature(from: source, port: datagram.source_port, soFar: counts.badSignature)
            }
            return nil
        }
    }

    /// The pause is for errors that stay.
    private func receiveFailed(_ errno: Int32) {
        let soFar = tally.withLock { counts in
            counts.socketErrors += 1
            return counts.socketErrors
        }
        telemetry.receiveFailed(errno, soFar: soFar)
        usleep(1_000 * Limits.peerErrorPauseMilliseconds)
    }
}
