// SPDX-License-Identifier: Apache-2.0

import Addresses
import HummingbirdCore
import Logging
import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// Serves boot files and scripts to machines, over plain HTTP/1.1.
///
/// Run it in a `ServiceGroup`: at graceful shutdown it takes no new connection, lets running transfers end, and
/// returns; when cancelled it breaks them off.
public final class BootListener: Service {
    private let address: IPv4Address
    private let port: UInt16
    private let channel: BootChannel
    private let bound = BoundPort()
    private let logger: Logger

    /// Port 0 takes any free one; see `boundPort`.
    public convenience init(listen address: IPv4Address, port: UInt16, calls: BootPlaneCalls, logger: Logger) {
        self.init(
            listen: address, port: port, calls: calls, idleLimit: .seconds(Limits.bootIdleSeconds), logger: logger)
    }

    init(listen address: IPv4Address, port: UInt16, calls: BootPlaneCalls, idleLimit: TimeAmount, logger: Logger) {
        self.address = address
        self.port = port
        self.logger = logger
        let telemetry = BootTelemetry(logger: logger)
        let responder = BootResponder(calls: calls, telemetry: telemetry)
        channel = BootChannel(responder: responder, telemetry: telemetry, idleLimit: idleLimit)
    }

    /// The port, once it is open; nil when it could not be opened.
    public var boundPort: UInt16? {
        get async { await bound.value }
    }

    /// Throws `ListenError` when the port cannot be opened.
    public func run() async throws {
        defer { bound.set(nil) }
        let configuration = ServerConfiguration(
            address: .hostname("\(address)", port: Int(port)), backlog: 4096,
            availableConnectionsDelegate: MaximumAvailableConnections(Limits.bootConnectionsMax))
        let server = channel.server(
            configuration: configuration,
            onServerRunning: { [bound, logger] channel in
                await AcceptGuard.add(to: channel, logger: logger)
                bound.set(channel.localAddress?.port)
            }, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        do {
            try await server.run()
        } catch let error as IOError {
            throw ListenError(listener: "boot", address: address, port: port, reason: error)
        }
    }
}

/// How a connection's bytes become requests and replies.
private struct BootChannel: ServerChildChannel {
    typealias Value = NIOAsyncChannel<HTTPRequestHead, BootReply>

    let responder: BootResponder
    let telemetry: BootTelemetry
    let idleLimit: TimeAmount

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = Limits.httpHeaderBytesMax
            limits.maxHeaderListSize = Limits.httpHeaderBytesMax
            limits.maxHeaderFieldCount = Limits.httpHeadersMax
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                withErrorHandling: false, withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
            try channel.pipeline.syncOperations.addHandler(BootConnection(idleLimit: idleLimit))
            let stall = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCPOption.userTimeout))
            try channel.syncOptions?.setOption(stall, value: .init(Limits.transferStallSeconds * 1000))
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        do {
            // In any case, also for a connection that is gone already: NIO insists on the closing.
            try await value.executeThenClose { inbound, outbound in
                guard let peer = Peer(value.channel) else { return }
                for try await head in inbound {
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

extension Peer {
    /// Nil when the connection is gone already, or not IPv4.
    init?(_ channel: any Channel) {
        guard let client = channel.remoteAddress, let local = channel.localAddress,
            let clientAddress = client.ipAddress.flatMap({ IPv4Address($0) }),
            let localAddress = local.ipAddress.flatMap({ IPv4Address($0) })
        else { return nil }
        self.init(
            client: clientAddress, clientPort: UInt16(client.port ?? 0),
            local: localAddress, localPort: UInt16(local.port ?? 0))
    }
}
