// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore

/// Keeps a listener listening. accept(2) may fail for want of descriptors (EMFILE) or because a client went away at
/// the wrong moment (ECONNABORTED); passed on, such an error would end the stream of connections, and the listener
/// with it. After one it waits a little, or it would spin.
final class AcceptGuard: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    private static let pause = TimeAmount.milliseconds(100)
    private static let quiet = TimeAmount.seconds(10)

    private let logger: Logger
    private var isPausing = false
    private var readWaits = false
    private var quietUntil = NIODeadline.uptimeNanoseconds(0)

    init(logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if quietUntil < .now() {
            quietUntil = .now() + Self.quiet
            logger.warning("cannot accept connections", metadata: ["error": "\(error)"])
        }
        guard !isPausing else { return }
        isPausing = true
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isPausing = false
            guard self.readWaits else { return }
            self.readWaits = false
            context.read()
        }
    }

    func read(context: ChannelHandlerContext) {
        if isPausing { readWaits = true } else { context.read() }
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
