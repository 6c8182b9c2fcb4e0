// SPDX-License-Identifier: Apache-2.0

import Addresses
import Logging
import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Serves boot files and scripts to machines, over plain HTTP/1.1.
///
/// Run it in a `ServiceGroup`: at graceful shutdown it takes no new connection, lets running transfers end - within
/// `Limits.bootDrainSeconds` - and returns; when cancelled it breaks them off.
public final class BootListener: Service {
    /// What a health check wants to know.
    public enum Status: Hashable, Sendable {
        /// The port is not open yet.
        case starting
        case serving
        /// The service stops: nobody new is served, and so many downloads go on.
        case draining(downloads: Int)
        case stopped
    }

    private let address: IPv4Address
    private let port: UInt16
    private let responder: BootResponder
    private let connections: BootConnections
    private let idleLimit: TimeAmount
    private let drainLimit: Duration
    private let bound = BoundPort()
    private let state = Mutex(Status.starting)
    private let logger: Logger

    /// Port 0 takes any free one; see `boundPort`.
    public convenience init(
        listen address: IPv4Address, port: UInt16, trust: ProxyTrust = ProxyTrust(), calls: BootPlaneCalls,
        logger: Logger
    ) {
        self.init(
            listen: address, port: port, trust: trust, calls: calls, idleLimit: .seconds(Limits.bootIdleSeconds),
            logger: logger)
    }

    init(
        listen address: IPv4Address, port: UInt16, trust: ProxyTrust = ProxyTrust(), calls: BootPlaneCalls,
        idleLimit: TimeAmount, connectionsMax: Int = Limits.bootConnectionsMax,
        drainLimit: Duration = .seconds(Limits.bootDrainSeconds), logger: Logger
    ) {
        self.address = address
        self.port = port
        self.idleLimit = idleLimit
        self.drainLimit = drainLimit
        self.logger = logger
        responder = BootResponder(calls: calls, trust: trust, telemetry: BootTelemetry(logger: logger))
        connections = BootConnections(most: connectionsMax)
    }

    /// The port, once it is open; nil when it could not be opened.
    public var boundPort: UInt16? {
        get async { await bound.value }
    }

    public var status: Status {
        let status = state.withLock { $0 }
        guard case .draining = status else { return status }
        return .draining(downloads: connections.busyCount)
    }

    /// Throws `ListenError` when the port cannot be opened.
    public func run() async throws {
        defer {
            bound.set(nil)
            state.withLock { $0 = .stopped }
        }
        let (work, waiting) = AsyncStream<@Sendable () async -> Void>.makeStream()
        let server: any Channel
        do {
            server = try await open(
                BootConnection.Shared(
                    responder: responder, connections: connections, waiting: waiting))
        } catch let error as IOError {
            throw ListenError(listener: "boot", address: address, port: port, reason: error)
        }
        state.withLock { if $0 == .starting { $0 = .serving } }
        bound.set(server.localAddress?.port)
        await withTaskGroup { group in
            group.addTask {
                // Requests that have to wait for something, each in a task of its own.
                await withDiscardingTaskGroup { group in
                    for await wait in work { group.addTask { await wait() } }
                }
            }
            group.addTask { [self] in await closeIdle() }
            group.addTask { [self] in await limitDrain() }
            await serve(server)
            group.cancelAll()
        }
    }

    /// Connections are handed to their event loops and looked after there: no task belongs to one, and none is looked
    /// for in a list when it ends. Ten thousand may go in one moment, and the others notice nothing.
    private func open(_ shared: BootConnection.Shared) async throws -> any Channel {
        let most = Limits.bootConnectionsMax + Limits.bootConnectionsReserve
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGuard(most: most, logger: logger))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { [logger] channel in
                channel.eventLoop.makeCompletedFuture { try Self.setUp(channel, shared, logger) }
            }
            .bind(host: "\(address)", port: Int(port)).get()
    }

    private static func setUp(_ channel: any Channel, _ shared: BootConnection.Shared, _ logger: Logger) throws {
        let peer = try ConnectionPeer.attach(to: channel, shared.responder.trust, logger: logger)
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = Limits.httpHeaderBytesMax
        limits.maxHeaderListSize = Limits.httpHeaderBytesMax
        limits.maxHeaderFieldCount = Limits.httpHeadersMax
        let outlet = BootOutlet()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(outlet)
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(
                    leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
                    limitConfiguration: limits)))
        try pipeline.addHandler(BootConnection(shared, peer: peer, outlet: outlet))
        let stall = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCPOption.userTimeout))
        try channel.syncOptions?.setOption(stall, value: .init(Limits.transferStallSeconds * 1000))
    }

    /// Until the listener and all connections are closed.
    private func serve(_ server: any Channel) async {
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler { [self] in
                try? await server.closeFuture.get()
                connections.stop()
                await connections.ended()
            } onGracefulShutdown: { [self] in
                state.withLock { $0 = .draining(downloads: 0) }
                server.close(promise: nil)
            }
        } onCancel: { [connections] in
            server.close(promise: nil)
            connections.breakOff()
        }
    }

    /// Breaks the downloads off when they take too long to end after a stop.
    private func limitDrain() async {
        do {
            try await gracefulShutdown()
            let downloads = connections.busyCount
            if downloads > 0 { logger.info("\(downloads) downloads are still running; they may end") }
            try await Task.sleep(for: drainLimit)
        } catch { return }
        logger.warning("\(connections.busyCount) downloads have not ended in time: broken off")
        connections.breakOff()
    }

    /// One look at all of them now and then, in place of a timer for each: NIO finds a timer that is taken back by
    /// looking at all that it has.
    private func closeIdle() async {
        let pause = Duration.nanoseconds(min(max(idleLimit.nanoseconds / 16, 10_000_000), 5_000_000_000))
        while (try? await Task.sleep(for: pause)) != nil { connections.closeIdle(longerThan: idleLimit) }
    }
}

private enum TCPOption {
    /// TCP_USER_TIMEOUT (RFC 5482, tcp(7)): the kernel drops a connection whose peer takes nothing for so long.
    static let userTimeout: CInt = 18
}
