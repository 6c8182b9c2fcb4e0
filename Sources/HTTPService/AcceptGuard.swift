// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore

/// Keeps a listener listening. accept(2) may fail for want of descriptors (EMFILE) or because a client went away at
/// the wrong moment (ECONNABORTED); passed on, such an error would end the stream of connections, and the listener
/// with it. After one it waits a little, or it would spin. Where there are as many connections as there may be, it
/// waits until one has gone; the kernel keeps who comes meanwhile.
final class AcceptGuard: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private static let pause = TimeAmount.milliseconds(100)
    private static let quiet = TimeAmount.seconds(10)

    private let logger: Logger
    private let most: Int?
    private var open = 0
    private var isPausing = false
    private var readWaits = false
    private var quietUntil = NIODeadline.uptimeNanoseconds(0)

    /// `most`: connections at one time; nil: somebody else counts them.
    init(most: Int? = nil, logger: Logger) {
        self.most = most
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if most != nil {
            open += 1
            let closed = Self.unwrapInboundIn(data).closeFuture.hop(to: context.eventLoop)
            closed.assumeIsolated().whenComplete { _ in
                self.open -= 1
                self.goOn(context)
            }
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if quietUntil < .now() {
            quietUntil = .now() + Self.quiet
            logger.warning("cannot accept connections", metadata: ["error": "\(error)"])
        }
        guard !isPausing else { return }
        isPausing = true
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isPausing = false
            self.goOn(context)
        }
    }

    func read(context: ChannelHandlerContext) {
        if canAccept { context.read() } else { readWaits = true }
    }

    private var canAccept: Bool { !isPausing && most.map { open < $0 } ?? true }

    private func goOn(_ context: ChannelHandlerContext) {
        guard readWaits, canAccept else { return }
        readWaits = false
        context.read()
    }

    /// Puts one before everything else in a listener's pipeline.
    static func add(to channel: any Channel, logger: Logger) async {
        let added = channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(AcceptGuard(logger: logger), position: .first)
        }
        do {
            try await added.get()
        } catch {
            logger.error("cannot guard the listener", metadata: ["error": "\(error)"])
        }
    }
}
