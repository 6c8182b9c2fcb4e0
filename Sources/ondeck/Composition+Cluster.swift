// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLI
import Decisions
import Engine
import Foundation
import Logging
import Model
import PeerService
import Ports
import ServiceLifecycle
import Synchronization

/// The parts that only several nodes need, and what ties them to the rest. With a store that nobody else writes to they
/// have nothing to do.
final class ClusterLink: Sendable {
    private struct State {
        var server: PeerServer?
        var peers: [PeerServer.Peer] = []
    }

    private let state = Mutex(State())
    private let node = Mutex<ClusterNode?>(nil)
    private let identified = Mutex<(@Sendable (ClusterIdentity) -> Void)?>(nil)
    private let drilled = Mutex<DrillTarget?>(nil)
    private let ends: AsyncStream<StartFault>
    private let end: AsyncStream<StartFault>.Continuation
    private let stops: AsyncStream<Void>
    private let stopped: AsyncStream<Void>.Continuation

    init() {
        (ends, end) = AsyncStream<StartFault>.makeStream(bufferingPolicy: .bufferingOldest(1))
        (stops, stopped) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// Told who we are as soon as the store has said so, perhaps more than once.
    func onIdentity(_ tell: @escaping @Sendable (ClusterIdentity) -> Void) { identified.withLock { $0 = tell } }

    func connect(_ node: ClusterNode) { self.node.withLock { $0 = node } }

    var nodeAddresses: [IPv4Address: String] { node.withLock { $0 }?.nodeAddresses ?? [:] }
    /// Who carries out orders to rehearse a fault.
    func onDrill(_ target: DrillTarget) { drilled.withLock { $0 = target } }

    var calls: ClusterNode.Calls {
        ClusterNode.Calls(
            tell: { [self] heartbeat in state.withLock { $0.server }?.send(heartbeat) },
            peersChanged: { [self] beats in
                let peers = beats.filter { $0.intent != .stopped }.map {
                    PeerServer.Peer(node: $0.run.node, address: $0.peerAddress, port: $0.peerPort)
                }
                state.withLock { $0.peers = peers }
                state.withLock { $0.server }?.setPeers(peers)
            },
            usurped: { [self] beat in
                end.yield(
                    StartFault(
                        sentence: "another ondeck process has this node's name, \(beat.run.node), and started later, "
                            + "at \(beat.peerAddress): this one ends. Each node needs a name of its own ('node:')"))
            },
            drillOrdered: { [self] order, revision in drilled.withLock { $0 }?.take(order, revision: revision) },
            stopped: { [self] in stopped.yield() })
    }

    /// Listens for the peers' heartbeats as soon as the store has said which secret they are signed with. Runs until
    /// its task is cancelled; throws when this node must not go on.
    func run(_ configuration: ServerConfiguration, _ store: any StateStore, logger: Logger) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                for await fault in ends { throw fault }
            }
            group.addTask { [self] in
                let identity = try await identity(configuration, store)
                let peer = configuration.cluster.peer
                let server = try PeerServer(
                    listen: peer.listen, port: peer.port, key: identity.secret, logger: logger,
                    report: { [self] event in received(event) })
                let peers = state.withLock { state in
                    state.server = server
                    return state.peers
                }
                server.setPeers(peers)
                try await server.run()
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func received(_ event: PeerServer.Event) {
        guard let node = node.withLock({ $0 }) else { return }
        switch event {
        case .heartbeat(let heartbeat): node.receive(heartbeat)
        case .refused(let name): node.handle(.refused(node: name))
        }
    }

    private func identity(
        _ configuration: ServerConfiguration, _ store: any StateStore
    ) async throws -> ClusterIdentity {
        while true {
            do throws(ClusterIdentity.Fault) { return try await join(configuration, store) } catch {
                guard case .store = error else { throw StartFault(sentence: error.sentence(configuration)) }
                try await Task.sleep(for: .milliseconds(Limits.storeProbeMilliseconds))
            }
        }
    }

    @discardableResult
    func join(
        _ configuration: ServerConfiguration, _ store: any StateStore
    ) async throws(ClusterIdentity.Fault) -> ClusterIdentity {
        let identity = try await ClusterIdentity.join(
            store, name: configuration.cluster.name,
            secret: (0..<Limits.clusterKeyBytes).map { _ in UInt8.random(in: 0...255) })
        identified.withLock { $0 }?(identity)
        return identity
    }

    /// Hands everything over when the process is told to stop, and holds up the rest of the stop until that is done.
    func handOverAtStop() async {
        let (waits, wait) = AsyncStream<Void>.makeStream()
        await withTaskCancellationOrGracefulShutdownHandler {
            for await _ in waits {}
        } onCancelOrGracefulShutdown: {
            wait.finish()
        }
        node.withLock { $0 }?.handle(.stopping)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [stops] in for await _ in stops { return } }
            group.addTask { try? await Task.sleep(for: .milliseconds(Limits.handOverMillisecondsMax)) }
            await group.next()
            group.cancelAll()
        }
    }
}

extension ClusterIdentity.Fault {
    func sentence(_ configuration: ServerConfiguration) -> String {
        switch self {
        case .store(let error): "cannot read the store: \(error.sentence)"
        case .otherCluster(let name):
            "\(configuration.store.spoken) holds the cluster '\(name)', and this node belongs to "
                + "'\(configuration.cluster.name)': give it another prefix, or set cluster.name"
        case .unreadable(let error): "the store's record 'cluster' cannot be read: \(error)"
        }
    }
}
