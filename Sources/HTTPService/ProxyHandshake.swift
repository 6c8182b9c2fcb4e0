// SPDX-License-Identifier: Apache-2.0

import Addresses
import Logging
import Model
import NIOCore
import Synchronization

/// Who is at the other end of a connection. Known before the first request is.
final class ConnectionPeer: Sendable {
    /// That of the connection whose task this is, where Hummingbird stands between.
    @TaskLocal static var current: ConnectionPeer?

    private let peer: Mutex<Peer?>

    init(_ peer: Peer?) { self.peer = Mutex(peer) }

    /// Nil for a connection that is gone already, or not IPv4.
    var value: Peer? { peer.withLock { $0 } }

    /// Takes over what the balancer says. TFTP is not behind it, so `local` stays an address of ours.
    func apply(_ header: ProxyHeader) {
        guard let source = header.source else { return }
        peer.withLock { peer in
            guard var told = peer else { return }
            told.client = source.client
            told.clientPort = source.clientPort
            let (scheme, port) = header.isEncrypted ? ("https", 443) : ("http", 80)
            let suffix = source.reachedPort == port ? "" : ":\(source.reachedPort)"
            told.base = "\(scheme)://\(source.reached)\(suffix)"
            peer = told
        }
    }

    /// Notes who has connected, and has balancers say for whom they do. To be called before any other handler is added.
    static func attach(to channel: any Channel, _ trust: ProxyTrust, logger: Logger) throws -> ConnectionPeer {
        let peer = ConnectionPeer(Peer(channel))
        if trust.expectsProxyHeader, let sender = peer.value?.client, trust.trusts(sender) {
            try channel.pipeline.syncOperations.addHandler(ProxyHandshake(peer, sender, logger))
        }
        return peer
    }
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

/// Takes the PROXY header off a connection's beginning. Without one the connection ends: where the header may be left
/// out, a client could pass for the balancer, and be whoever it likes.
final class ProxyHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let peer: ConnectionPeer
    private let sender: IPv4Address
    private let logger: Logger
    private var received: ByteBuffer?
    private var isOver = false

    init(_ peer: ConnectionPeer, _ sender: IPv4Address, _ logger: Logger) {
        self.peer = peer
        self.sender = sender
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = Self.unwrapInboundIn(data)
        guard !isOver else { return }
        if received?.writeBuffer(&part) == nil { received = part }
        guard var received else { return }
        // Not all that has come: a header is short, and this is tried again with each part.
        let beginning = Array(received.readableBytesView.prefix(Limits.proxyHeaderBytesMax))
        switch ProxyHeader.read(beginning) {
        case .incomplete: self.received = received
        case .invalid(let reason): refuse(context, reason)
        case .header(let header, let bytes):
            isOver = true
            peer.apply(header)
            received.moveReaderIndex(forwardBy: bytes)
            self.received = nil
            if received.readableBytes > 0 { context.fireChannelRead(Self.wrapInboundOut(received)) }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }

    private func refuse(_ context: ChannelHandlerContext, _ reason: String) {
        isOver = true
        received = nil
        logger.debug("no PROXY header", metadata: ["from": "\(sender)", "reason": "\(reason)"])
        RefusedHandshakes.shared.note(sender, reason, logger)
        context.close(promise: nil)
    }
}

/// A balancer that is set up otherwise than we are is said once in a while, not for each of its connections.
private final class RefusedHandshakes: Sendable {
    static let shared = RefusedHandshakes()
    private static let quiet = Duration.seconds(30)
    private let quietUntil = Mutex(ContinuousClock.now)

    func note(_ sender: IPv4Address, _ reason: String, _ logger: Logger) {
        let isDue = quietUntil.withLock { until in
            guard until <= .now else { return false }
            until = .now + Self.quiet
            return true
        }
        guard isDue else { return }
        logger.warning(
            """
            a connection from \(sender) was closed: 'proxy-protocol' is on and the address is in 'trusted', but what \
            came is no PROXY header: \(reason)
            """)
    }
}
