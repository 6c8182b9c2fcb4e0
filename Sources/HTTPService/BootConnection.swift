// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore
import NIOHTTP1

/// One connection: requests go to the responder complete and one at a time, and answers leave as the bytes that they
/// are. What can be answered at once is, without leaving the event loop: no task, no hop, one read and one write.
///
/// NIO's handler for clients that ask ahead is not used: it stops and starts reading around every request, two system
/// calls each time, where this one does so only when a client does ask ahead.
final class BootConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never

    /// What the connections of a listener share.
    struct Shared: Sendable {
        var responder: BootResponder
        var connections: BootConnections
        /// Takes what has to be waited for.
        var waiting: AsyncStream<@Sendable () async -> Void>.Continuation
    }

    private enum State {
        /// Until a request is complete. Becomes `answering` with a request's end, `refusing` with too much of a body.
        case waiting(head: HTTPRequestHead?, bodyBytes: Int)
        /// The engine thinks. Becomes `waiting` with a short reply, `sending` with a file's.
        case answering
        /// Bytes are on their way. Becomes `waiting` with the last.
        case sending(FileTransfer, BootReply)
        /// What still comes in is not read any more.
        case refusing
        /// Nobody is there any more. From all others.
        case closed
    }

    private static let checkSeconds: Int64 = 5

    private let shared: Shared
    private let peer: ConnectionPeer
    private let outlet: BootOutlet
    private var place: BootConnections.Place?
    private var state = State.waiting(head: nil, bodyBytes: 0)
    /// What a client that asks ahead has sent while an answer is under way.
    private var queued = CircularBuffer<HTTPServerRequestPart>()
    private var isTakingQueued = false
    /// Nothing more is read while something is queued: that is the kernel's to keep, and the client's to wait for.
    private var readWaits = false
    private var inputClosed = false
    /// The service stops: the answer that is under way is the last.
    private var isStopping = false
    /// What came after the requests that are queued is none.
    private var refusal: HTTPResponseStatus?
    private var transferTimer: Scheduled<Void>?

    init(_ shared: Shared, peer: ConnectionPeer, outlet: BootOutlet) {
        self.shared = shared
        self.peer = peer
        self.outlet = outlet
    }

    func channelActive(context: ChannelHandlerContext) {
        place = shared.connections.open(context.channel)
        guard place != nil else { return context.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .closed
        queued.removeAll()
        transferTimer?.cancel()
        if let place { shared.connections.closed(place) }
        context.fireChannelInactive()
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = Self.unwrapInboundIn(data)
        switch state {
        case .waiting where queued.isEmpty: take(context, part)
        case .waiting, .answering, .sending: queued.append(part)
        case .refusing, .closed: break
        }
    }

    func read(context: ChannelHandlerContext) {
        if queued.isEmpty { context.read() } else { readWaits = true }
    }

    private func take(_ context: ChannelHandlerContext, _ part: HTTPServerRequestPart) {
        guard case .waiting(let head, let bodyBytes) = state else { return }
        switch part {
        case .head(let head):
            state = .waiting(head: head, bodyBytes: 0)
        case .body(let part):
            let bodyBytes = bodyBytes + part.readableBytes
            state = .waiting(head: head, bodyBytes: bodyBytes)
            // A body that nobody asked for: RFC 9110 15.5.14 lets us close.
            if bodyBytes > Limits.bootBodyBytesMax { refuse(context, .payloadTooLarge) }
        case .end:
            guard let head else { return }
            answer(context, head)
        }
    }

    private func answer(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
        guard let peer = peer.value else { return context.close(promise: nil) }
        place?.becomesBusy()
        state = .answering
        switch shared.responder.answer(to: head, from: peer) {
        case .now(let reply): send(context, reply)
        case .later(let work):
            let loop = context.eventLoop
            let connection = NIOLoopBound((self, context), eventLoop: loop)
            let result = shared.waiting.yield {
                let reply = await work()
                loop.execute {
                    let (handler, context) = connection.value
                    handler.send(context, reply)
                }
            }
            if case .enqueued = result { return }
            context.close(promise: nil)
        }
    }

    /// Goes on with what was asked ahead. Answers end here again: a loop, or thousands of short requests in one piece
    /// would stand upon each other on the stack.
    private func takeQueued(_ context: ChannelHandlerContext) {
        guard !isTakingQueued else { return }
        isTakingQueued = true
        while case .waiting = state, let part = queued.popFirst() { take(context, part) }
        isTakingQueued = false
        guard queued.isEmpty else { return }
        if case .waiting = state {
            if let refusal { return refuse(context, refusal) }
            if inputClosed { return context.close(promise: nil) }
        }
        guard readWaits else { return }
        readWaits = false
        context.read()
    }

    /// Answers what is not, or not yet, a whole request, and closes.
    private func refuse(_ context: ChannelHandlerContext, _ status: HTTPResponseStatus) {
        state = .refusing
        outlet.send(BootReply(refusing: status).bytes, promise: nil)
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case BootConnections.Notice.leave:
            switch state {
            case .waiting, .refusing: context.close(promise: nil)
            case .answering, .sending: if let place { shared.connections.stays(place) }
            case .closed: break
            }
            return
        case BootConnections.Notice.stopping: isStopping = true
        // Half-closed: the client wants what it has asked for and will ask nothing more.
        case ChannelEvent.inputClosed: inputClosed = true
        default: return context.fireUserInboundEventTriggered(event)
        }
        if case .waiting = state { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // NIO's own handler for this would answer a connection that is closed already, which NIO's own assertions
        // do not survive: a half-sent request at shutdown.
        guard let error = error as? HTTPParserError, context.channel.isActive else {
            shared.responder.telemetry.connectionFailed(error)
            return context.close(promise: nil)
        }
        let status: HTTPResponseStatus = error == .headerOverflow ? .requestHeaderFieldsTooLarge : .badRequest
        switch state {
        case .waiting where queued.isEmpty: refuse(context, status)
        case .waiting, .answering, .sending: refusal = status
        case .refusing, .closed: break
        }
    }

    // MARK: Replies

    private func send(_ context: ChannelHandlerContext, _ reply: BootReply) {
        // The client may have gone while there was something to wait for.
        guard case .answering = state else { return reply.finished(0, false) }
        guard let file = reply.file else { return sendBytes(context, reply) }
        let transfer = FileTransfer(source: file.source, range: file.range, ready: file.ready)
        state = .sending(transfer, reply)
        outlet.write(reply.bytes)
        sendPiece(context, transfer, reply)
        startTransferTimer(context, transfer)
    }

    private func sendBytes(_ context: ChannelHandlerContext, _ reply: BootReply) {
        let closes = becomesIdle(closing: reply.closes)
        let left = context.eventLoop.makePromise(of: Void.self)
        left.futureResult.assumeIsolated().whenComplete { result in
            if case .success = result { reply.finished(reply.bodyBytes, true) } else { reply.finished(0, false) }
            if closes { context.close(promise: nil) }
        }
        outlet.send(reply.bytes, promise: left)
        if !closes { takeQueued(context) }
    }

    private func sendPiece(_ context: ChannelHandlerContext, _ transfer: FileTransfer, _ reply: BootReply) {
        guard let piece = transfer.nextPiece() else {
            let closes = becomesIdle(closing: reply.closes)
            reply.finished(transfer.bytesSent, true)
            return closes ? context.close(promise: nil) : takeQueued(context)
        }
        let sent = context.eventLoop.makePromise(of: Void.self)
        outlet.send(piece, promise: sent)
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

    /// After the last of an answer: waits for the next request, or, when there is to be none, for what has been
    /// written to leave. Tells which.
    private func becomesIdle(closing: Bool) -> Bool {
        let closes = closing || isStopping || inputClosed && queued.isEmpty
        state = closes ? .refusing : .waiting(head: nil, bodyBytes: 0)
        place?.becomesIdle()
        return closes
    }

    // MARK: Time

    /// Clients that take nothing are the kernel's to drop (TCP_USER_TIMEOUT); this finds files cut short.
    private func startTransferTimer(_ context: ChannelHandlerContext, _ transfer: FileTransfer) {
        guard case .sending(let current, _) = state, current === transfer else { return }
        transferTimer?.cancel()
        transferTimer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Self.checkSeconds)) {
            guard case .sending(let current, _) = self.state, current === transfer else { return }
            guard !transfer.isCutShort else { return context.close(promise: nil) }
            self.startTransferTimer(context, transfer)
        }
    }
}

/// Where answers enter a connection's pipeline: below the decoder of requests, which wants to be told of all parts of
/// HTTP that pass it.
final class BootOutlet: ChannelOutboundHandler {
    typealias OutboundIn = Never
    typealias OutboundOut = IOData

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// To be sent with what follows.
    func write(_ bytes: ByteBuffer) { context?.write(Self.wrapOutboundOut(.byteBuffer(bytes)), promise: nil) }

    /// `promise` is kept when all of it has left.
    func send(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) { send(.byteBuffer(bytes), promise) }
    func send(_ piece: FileRegion, promise: EventLoopPromise<Void>?) { send(.fileRegion(piece), promise) }

    private func send(_ data: IOData, _ promise: EventLoopPromise<Void>?) {
        guard let context else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        context.writeAndFlush(Self.wrapOutboundOut(data), promise: promise)
    }
}
