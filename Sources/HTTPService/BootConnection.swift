// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore
import NIOHTTP1

/// One answer, down to its headers.
struct BootReply: Sendable {
    enum Body: Sendable {
        case none
        case bytes(ByteBuffer)
        /// The first piece is in the page cache; the file is there up to `ready`, which is more than the range's start.
        case file(FileSource, Range<Int>, ready: Int)
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
/// and end. At shutdown the reply that is under way is the last one.
///
/// NIO's handler for clients that ask ahead is not used: it stops and starts reading around every request, two system
/// calls each time, where this one does so only when a client does ask ahead.
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
    private let connections: IdleConnections
    private var place: IdleConnections.Place?
    private var state = State.waiting(head: nil, bodyBytes: 0)
    /// What a client that asks ahead has sent while an answer is under way.
    private var queued = CircularBuffer<HTTPServerRequestPart>()
    /// Nothing more is read while something is queued: that is the kernel's to keep, and the client's to wait for.
    private var readWaits = false
    private var inputClosed = false
    /// The service stops: the answer that is under way is the last.
    private var isStopping = false
    /// What came after the requests that are queued is none.
    private var refusal: HTTPResponseStatus?
    private var timer: Scheduled<Void>?
    private var transferTimer: Scheduled<Void>?
    /// When the connection began, or the last reply ended.
    private var idleSince = NIODeadline.now()

    /// `idleLimit`: how long a request may take to come in, from the connection's start or the last reply's end.
    init(idleLimit: TimeAmount, connections: IdleConnections) {
        self.idleLimit = idleLimit
        self.connections = connections
    }

    func channelActive(context: ChannelHandlerContext) {
        place = connections.open(context.channel)
        startIdleTimer(context)
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { cancelTimers() }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimers()
        if let place { connections.closed(place) }
        context.fireChannelInactive()
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = Self.unwrapInboundIn(data)
        switch state {
        case .waiting: take(context, part)
        case .answering, .sending: queued.append(part)
        case .refusing: break
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
            place?.becomesBusy()
            state = .answering
            context.fireChannelRead(Self.wrapInboundOut(head))
        }
    }

    /// Goes on with what was asked ahead.
    private func takeQueued(_ context: ChannelHandlerContext) {
        while case .waiting = state, let part = queued.popFirst() { take(context, part) }
        // A request is handed on at the end of a read, and this one has had its end.
        if case .answering = state { context.fireChannelReadComplete() }
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
        let headers = HTTPHeaders([("Connection", "close"), ("Content-Length", "0")])
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            isStopping = true
        } else if case ChannelEvent.inputClosed = event {
            // Half-closed: the client wants what it has asked for and will ask nothing more.
            inputClosed = true
        } else {
            return context.fireUserInboundEventTriggered(event)
        }
        if case .waiting = state { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // NIO's own handler for this would answer a connection that is closed already, which NIO's own assertions
        // do not survive: a half-sent request at shutdown.
        guard let error = error as? HTTPParserError, context.channel.isActive else {
            return context.close(promise: nil)
        }
        let status: HTTPResponseStatus = error == .headerOverflow ? .requestHeaderFieldsTooLarge : .badRequest
        switch state {
        case .waiting: refuse(context, status)
        case .answering, .sending: refusal = status
        case .refusing: break
        }
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
        case .file(let source, let range, let ready):
            let transfer = FileTransfer(source: source, range: range, ready: ready)
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
        let closes = reply.closes || isStopping || inputClosed && queued.isEmpty
        state = closes ? .refusing : .waiting(head: nil, bodyBytes: 0)
        if let place { connections.becomesIdle(place) }
        startIdleTimer(context)
        let left = context.eventLoop.makePromise(of: Void.self)
        left.futureResult.assumeIsolated().whenComplete { result in
            if case .success = result { reply.finished(bytes, true) } else { reply.finished(taken, false) }
            if closes { context.close(promise: nil) }
        }
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: left)
        if !closes { takeQueued(context) }
    }

    // MARK: Time

    private func cancelTimers() {
        timer?.cancel()
        transferTimer?.cancel()
    }

    /// One timer for all requests of a connection: it looks whether its time has come, and else waits for the rest.
    private func startIdleTimer(_ context: ChannelHandlerContext) {
        idleSince = .now()
        guard timer == nil else { return }
        watchIdle(context, after: idleLimit)
    }

    private func watchIdle(_ context: ChannelHandlerContext, after delay: TimeAmount) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            let rest = self.idleSince + self.idleLimit - .now()
            switch self.state {
            case .waiting where rest <= .zero, .refusing where rest <= .zero: context.close(promise: nil)
            case .waiting, .refusing: self.watchIdle(context, after: rest)
            case .answering, .sending: self.watchIdle(context, after: self.idleLimit)
            }
        }
    }

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
