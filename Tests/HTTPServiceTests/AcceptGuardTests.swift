// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import HTTPService

struct AcceptGuardTests {
    /// Stands where the socket is: counts the reads that get there.
    private final class Reads: ChannelOutboundHandler {
        typealias OutboundIn = Never
        var count = 0
        func read(context: ChannelHandlerContext) { count += 1 }
    }

    /// Stands where connections are taken: an error here would end the listener.
    private final class Errors: ChannelInboundHandler {
        typealias InboundIn = Never
        var count = 0
        func errorCaught(context: ChannelHandlerContext, error: any Error) { count += 1 }
    }

    @Test func `an accept that fails ends nothing, and is tried again a little later`() throws {
        let book = LogBook()
        let (reads, errors) = (Reads(), Errors())
        let channel = EmbeddedChannel(handlers: [reads, AcceptGuard(logger: book.logger("boot")), errors])
        for _ in 0..<3 {
            channel.pipeline.fireErrorCaught(IOError(errnoCode: 24, reason: "accept"))
            channel.pipeline.read()
        }
        #expect(errors.count == 0)
        #expect(reads.count == 0)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(99))
        #expect(reads.count == 0)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(reads.count == 1)
        channel.pipeline.read()
        #expect(reads.count == 2)
        #expect(book.lines.withLock { $0.filter { $0.contains("cannot accept") }.count } == 1)
        _ = try? channel.finish()
    }

    @Test func `with as many connections as there may be it waits until one has gone`() throws {
        let reads = Reads()
        let channel = EmbeddedChannel(handlers: [reads, AcceptGuard(most: 2, logger: LogBook().logger("boot"))])
        let loop = channel.embeddedEventLoop
        let clients = (0..<2).map { _ in EmbeddedChannel(loop: loop) }
        channel.pipeline.read()
        #expect(reads.count == 1)
        for client in clients { channel.pipeline.fireChannelRead(client as any Channel) }
        for _ in 0..<3 { channel.pipeline.read() }
        #expect(reads.count == 1)
        clients[0].close(promise: nil)
        loop.run()
        #expect(reads.count == 2)
        _ = try? clients[1].finish()
        _ = try? channel.finish()
    }
}
