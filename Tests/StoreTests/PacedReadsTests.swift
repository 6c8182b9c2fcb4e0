// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore
import NIOEmbedded
import Testing

@testable import StoreEtcd

/// A watch that is busy is read in turns; nothing is ever left unread, and what is quiet does not wait.
@Suite struct PacedReadsTests {
    /// Stands in for the socket.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var reads = 0
        func read(context: ChannelHandlerContext) { reads += 1 }
    }

    private static let pause = TimeAmount.milliseconds(Limits.etcdWatchReadMilliseconds)
    private let loop = EmbeddedEventLoop()
    private let channel: EmbeddedChannel
    private let socket = Socket()

    init() throws {
        channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandlers([socket, PacedReads()])
    }

    /// The socket has brought something, and is asked for more.
    private func bring() {
        channel.pipeline.fireChannelReadComplete()
        channel.read()
    }

    @Test func whatIsQuietIsReadAtOnce() {
        channel.read()
        #expect(socket.reads == 1)
        for reads in 2...5 {
            bring()
            #expect(socket.reads == reads)
            loop.advanceTime(by: Self.pause * 2)
        }
    }

    @Test func whatIsBusyIsReadOnceAPause() {
        bring()
        loop.advanceTime(by: .milliseconds(1))
        for reads in 1...5 {
            bring()
            // Others may ask, too.
            channel.read()
            #expect(socket.reads == reads)
            loop.advanceTime(by: Self.pause - .nanoseconds(1))
            #expect(socket.reads == reads)
            loop.advanceTime(by: .nanoseconds(1))
            #expect(socket.reads == reads + 1)
        }
    }

    @Test func aPauseEndsBusyness() {
        bring()
        bring()
        loop.advanceTime(by: Self.pause)
        #expect(socket.reads == 2)
        loop.advanceTime(by: Self.pause * 3)
        bring()
        #expect(socket.reads == 3)
    }
}
