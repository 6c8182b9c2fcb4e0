// SPDX-License-Identifier: Apache-2.0

import Addresses
import Hummingbird
import HummingbirdCore
import Logging
import Model
import NIOCore
import ServiceLifecycle

/// Serves the API to operators, over HTTP/1.1 with a bearer token.
///
/// Run it in a `ServiceGroup`: at graceful shutdown it takes no new connection, ends event streams, answers what has
/// been asked, and returns.
public final class APIListener: Service {
    private let address: IPv4Address
    private let port: UInt16
    private let responder: APIResponder
    private let trust: ProxyTrust
    private let bound = BoundPort()
    private let logger: Logger

    /// Port 0 takes any free one; see `boundPort`.
    public init(
        listen address: IPv4Address, port: UInt16, trust: ProxyTrust = ProxyTrust(), token: APIToken, calls: APICalls,
        logger: Logger
    ) {
        self.address = address
        self.port = port
        self.trust = trust
        self.logger = logger
        responder = APIResponder(
            calls: calls, token: token, trust: trust, telemetry: APITelemetry(logger: logger))
    }

    /// The port, once it is open; nil when it could not be opened.
    public var boundPort: UInt16? {
        get async { await bound.value }
    }

    /// Throws `ListenError` when the port cannot be opened.
    public func run() async throws {
        defer { bound.set(nil) }
        let decoder = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: Limits.httpHeaderBytesMax, maxHeaderListSize: Limits.httpHeaderBytesMax,
            maxHeaderFieldCount: Limits.httpHeadersMax)
        let channel = HTTP1Channel.Configuration(
            idleTimeout: .seconds(Limits.apiIdleSeconds),
            httpDecoderConfiguration: decoder)
        let application = Application(
            responder: responder,
            server: HTTPServerBuilder { [trust] responder in
                APIChannel(http: HTTP1Channel(responder: responder, configuration: channel), trust: trust)
            },
            configuration: ApplicationConfiguration(
                address: .hostname("\(address)", port: Int(port)), serverName: "OnDeck",
                availableConnectionsDelegate: MaximumAvailableConnections(Limits.apiConnectionsMax)),
            onServerRunning: { [bound, logger] channel in
                await AcceptGuard.add(to: channel, logger: logger)
                bound.set(channel.localAddress?.port)
            }, logger: logger)
        do {
            try await application.run()
        } catch let error as IOError {
            throw ListenError(listener: "api", address: address, port: port, reason: error)
        }
    }
}

/// Hummingbird's connection, behind a balancer where there is one.
private struct APIChannel: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        var parts: HTTP1Channel.Value
        var peer: ConnectionPeer
        var channel: any Channel { parts.channel }
    }

    let http: HTTP1Channel
    let trust: ProxyTrust

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        do {
            let peer = try ConnectionPeer.attach(to: channel, trust, logger: logger)
            return http.setup(channel: channel, logger: logger).map { Value(parts: $0.keptUntilClosed(), peer: peer) }
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    func handle(value: Value, logger: Logger) async {
        await ConnectionPeer.$current.withValue(value.peer) { await http.handle(value: value.parts, logger: logger) }
    }
}
