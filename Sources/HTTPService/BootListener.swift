// SPDX-License-Identifier: Apache-2.0

import Addresses
import HummingbirdCore
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
    private let channel: BootChannel
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
        self.drainLimit = drainLimit
        self.logger = logger
        let telemetry = BootTelemetry(logger: logger)
        channel = BootChannel(
            responder: BootResponder(calls: calls, trust: trust, telemetry: telemetry), telemetry: telemetry,
            idleLimit: idleLimit, connections: IdleConnections(most: connectionsMax))
    }

    /// The port, once it is open; nil when it could not be opened.
    public var boundPort: UInt16? {
        get async { await bound.value }
    }

    public var status: Status {
        let status = state.withLock { $0 }
        guard case .draining = status else { return status }
        return .draining(downloads: channel.connections.busyCount)
    }

    /// Throws `ListenError` when the port cannot be opened.
    public func run() async throws {
        defer {
            bound.set(nil)
            state.withLock { $0 = .stopped }
        }
        let configuration = ServerConfiguration(
            address: .hostname("\(address)", port: Int(port)), backlog: 4096,
            availableConnectionsDelegate: MaximumAvailableConnections(
                Limits.bootConnectionsMax + Limits.bootConnectionsReserve))
        let server = channel.server(
            configuration: configuration,
            onServerRunning: { [self] channel in
                await AcceptGuard.add(to: channel, logger: logger)
                state.withLock { if $0 == .starting { $0 = .serving } }
                bound.set(channel.localAddress?.port)
            }, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        do {
            try await withGracefulShutdownHandler {
                try await runUntilDrained(server)
            } onGracefulShutdown: { [self] in
                state.withLock { $0 = .draining(downloads: 0) }
            }
        } catch let error as IOError {
            throw ListenError(listener: "boot", address: address, port: port, reason: error)
        }
    }

    /// Ends with the server, or breaks it off when its transfers take too long to end.
    private func runUntilDrained(_ server: any Service) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await server.run() }
            group.addTask { [channel, drainLimit, logger] in
                try await gracefulShutdown()
                let downloads = channel.connections.busyCount
                if downloads > 0 { logger.info("\(downloads) downloads are still running; they may end") }
                try await Task.sleep(for: drainLimit)
                logger.warning("\(channel.connections.busyCount) downloads have not ended in time: broken off")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

/// How a connection's bytes become requests and replies.
private struct BootChannel: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        var parts: NIOAsyncChannel<HTTPRequestHead, BootReply>
        var peer: ConnectionPeer
        var channel: any Channel { parts.channel }
    }

    let responder: BootResponder
    let telemetry: BootTelemetry
    let idleLimit: TimeAmount
    let connections: IdleConnections

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let peer = try ConnectionPeer.attach(to: channel, responder.trust, logger: logger)
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = Limits.httpHeaderBytesMax
            limits.maxHeaderListSize = Limits.httpHeaderBytesMax
            limits.maxHeaderFieldCount = Limits.httpHeadersMax
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withEncoderConfiguration: .init(),
                withDecoderLimitConfiguration: limits)
            try channel.pipeline.syncOperations.addHandler(
                BootConnection(idleLimit: idleLimit, connections: connections))
            let stall = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCPOption.userTimeout))
            try channel.syncOptions?.setOption(stall, value: .init(Limits.transferStallSeconds * 1000))
            let parts = try NIOAsyncChannel<HTTPRequestHead, BootReply>(wrappingChannelSynchronously: channel)
            return Value(parts: parts.keptUntilClosed(), peer: peer)
        }
    }

    func handle(value: Value, logger: Logger) async {
        await withTaskExecutorPreference(LoopExecutor(value.channel.eventLoop)) { await answer(value) }
    }

    private func answer(_ value: Value) async {
        do {
            // In any case, also for a connection that is gone already: NIO insists on the closing.
            try await value.parts.executeThenClose { inbound, outbound in
                for try await head in inbound {
                    guard let peer = value.peer.value else { return }
                    let reply = await responder.reply(to: head, from: peer)
                    do {
                        try await outbound.write(reply)
                    } catch {
                        reply.finished(0, false)
                        throw error
                    }
                }
            }
        } catch {
            telemetry.connectionFailed(error)
        }
    }
}

private enum TCPOption {
    /// TCP_USER_TIMEOUT (RFC 5482, tcp(7)): the kernel drops a connection whose peer takes nothing for so long.
    static let userTimeout: CInt = 18
}
