// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import NIOCore
import NIOHTTP1

/// One answer, down to its headers.
struct BootReply: Sendable {
    enum Body: Sendable {
        case none
        case bytes(ByteBuffer)
        /// The first piece is in the page cache.
        case file(OpenFile, Range<Int>)
    }

    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    /// `none` for HEAD.
    var body: Body
    /// Close the connection after it.
    var closes = false
    /// Told once, when the last byte has left or the connection has broken.
    var finished: @Sendable (_ bytesSent: Int, _ isComplete: Bool) -> Void = { _, _ in }
}

/// Between HTTP's parts and whole values: requests go in complete and one at a time, replies come out as head, body
/// and end. The end is not written before the body has left, so that everything below - pipelining, draining at
/// shutdown - sees a transfer as the long response that it is.
final class BootConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPRequestHead
    typealias OutboundIn = BootReply
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Until a request is complete. Becomes `answering` with a request's end, `refusing` with too much of a body.
        case waiting(head: HTTPRequestHead?, bodyBytes: Int)
        /// The engine thinks. Becomes `sending` with its reply.
        case answering
        /// Bytes are on their way. Becomes `waiting` with the last.
        case sending(FileTransfer, BootReply)
        /// What still comes in is not read any more.
        case refusing
    }

    private static let checkSeconds: Int64 = 5

    private let idleLimit: TimeAmount
    private var state = State.waiting(head: nil, bodyBytes: 0)
    private var inputClosed = false
    private var timer: Scheduled<Void>?

    /// `idleLimit`: how long a request may take to come in, from the connection's start or the last reply's end.
    init(idleLimit: TimeAmount) { self.idleLimit = idleLimit }

    func channelActive(context: ChannelHandlerContext) {
        startIdleTimer(context)
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .waiting(let head, let bodyBytes) = state else { return }
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            state = .waiting(head: head, bodyBytes: 0)
        case .body(let part):
            let bodyBytes = bodyBytes + part.readableBytes
            state = .waiting(head: head, bodyBytes: bodyBytes)
            // A body that nobody asked for: RFC 9110 15.5.14 lets us close.
            if bodyBytes > Limits.bootBodyBytesMax { refuse(context, .payloadTooLarge) }
        case .end:
            guard let head else { return }
            timer?.cancel()
            state = .answering
            context.fireChannelRead(Self.wrapInboundOut(head))
        }
    }

    /// Answers what is not, or not yet, a whole request, and closes.
    private func refuse(_ context: ChannelHandlerContext, _ status: HTTPResponseStatus) {
        state = .refusing
        let headers = HTTPHeaders([("Connection", "close"), ("Content-Length", "0")])
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        // Half-closed: the client wants what it has asked for and will ask nothing more.
        inputClosed = true
        if case .waiting = state { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // NIO's own handler for this would answer a connection that is closed already, which NIO's own assertions
        // do not survive: a half-sent request at shutdown.
        guard error is HTTPParserError, context.channel.isActive, case .waiting = state else {
            return context.close(promise: nil)
        }
        refuse(context, .badRequest)
    }

    // MARK: Replies

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let reply = Self.unwrapOutboundIn(data)
        let head = HTTPResponseHead(version: .http1_1, status: reply.status, headers: reply.headers)
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        promise?.succeed()
        switch reply.body {
        case .none:
            finish(context, reply, bytes: 0)
        case .bytes(let buffer):
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
            finish(context, reply, bytes: buffer.readableBytes)
        case .file(let file, let range):
            let transfer = FileTransfer(file: file, range: range)
            state = .sending(transfer, reply)
            sendPiece(context, transfer, reply)
            startTransferTimer(context, transfer)
        }
    }

    private func sendPiece(_ context: ChannelHandlerContext, _ transfer: FileTransfer, _ reply: BootReply) {
        guard let piece = transfer.nextPiece() else {
            return finish(context, reply, bytes: transfer.bytesSent, taken: transfer.bytesSent)
        }
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(Self.wrapOutboundOut(.body(.fileRegion(piece))), promise: sent)
        let fetched = transfer.prefetch(on: context.eventLoop)
        sent.futureResult.assumeIsolated().whenComplete { result in
            guard case .success = result else { return reply.finished(transfer.bytesSent, false) }
            transfer.pieceSent()
            fetched.assumeIsolated().whenComplete { isFetched in
                if case .success(true) = isFetched { return self.sendPiece(context, transfer, reply) }
                // The length has been promised: all that is left is to break off.
                reply.finished(transfer.bytesSent, false)
                context.close(promise: nil)
            }
        }
    }

    /// The body has been written; ends the response and begins to wait for the next request. `taken` of its `bytes`
    /// are known to have left.
    private func finish(_ context: ChannelHandlerContext, _ reply: BootReply, bytes: Int, taken: Int = 0) {
        let closes = reply.closes || inputClosed
        // Before the end is written, for that lets the next request in.
        state = closes ? .refusing : .waiting(head: nil, bodyBytes: 0)
        startIdleTimer(context)
        let left = context.eventLoop.makePromise(of: Void.self)
        left.futureResult.assumeIsolated().whenComplete { result in
            if case .success = result { reply.finished(bytes, true) } else { reply.finished(taken, false) }
            if closes { context.close(promise: nil) }
        }
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: left)
    }

    // MARK: Time

    private func startIdleTimer(_ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: idleLimit) {
            context.close(promise: nil)
        }
    }

    /// Clients that take nothing are the kernel's to drop (TCP_USER_TIMEOUT); this finds files cut short.
    private func startTransferTimer(_ context: ChannelHandlerContext, _ transfer: FileTransfer) {
        guard case .sending = state else { return }
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Self.checkSeconds)) {
            guard !transfer.isCutShort else { return context.close(promise: nil) }
            self.startTransferTimer(context, transfer)
        }
    }
}
