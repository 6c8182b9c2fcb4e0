// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore

/// Lets a busy watch's connection be read fifty times a second and not after each of several hundred commits: what
/// a wake-up costs is most of what a node on deck spends. What comes to a quiet connection is read at once.
///
/// It stands next to the socket, and belongs to its event loop.
final class PacedReads: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private var pacing = ReadPacing()
    private var isWaiting = false

    func channelReadComplete(context: ChannelHandlerContext) {
        pacing.read(at: context.eventLoop.now)
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        guard !isWaiting else { return }
        guard let due = pacing.due(at: context.eventLoop.now) else { return context.read() }
        isWaiting = true
        context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            self.isWaiting = false
            context.read()
        }
    }
}

/// When a connection is to be read next, by when it was read last.
struct ReadPacing: Sendable {
    private var lastRead: NIODeadline?
    private var next: NIODeadline?

    /// Something came.
    mutating func read(at now: NIODeadline) {
        let isBusy = lastRead.map { now - $0 < .milliseconds(2 * Limits.etcdWatchReadMilliseconds) } ?? false
        lastRead = now
        next = isBusy ? now + .milliseconds(Limits.etcdWatchReadMilliseconds) : nil
    }

    /// Nil: at once.
    func due(at now: NIODeadline) -> NIODeadline? { next.flatMap { now < $0 ? $0 : nil } }
}
