// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// A reply, or what has to be waited for until there is one.
enum BootAnswer: Sendable {
    case now(BootReply)
    case later(@Sendable () async -> BootReply)
}

/// From a request's head to the reply to send: asks the engine, and applies HTTP's rules to its answer.
struct BootResponder: Sendable {
    let calls: BootPlaneCalls
    let trust: ProxyTrust
    let telemetry: BootTelemetry

    /// On the event loop's thread: whatever has to wait does so later.
    func answer(to head: HTTPRequestHead, from peer: Peer) -> BootAnswer {
        let start = ContinuousClock.now
        let forwarded = trust.asker(peer) { head.headers[$0] }
        var peer = peer
        if forwarded.client != peer.client { (peer.client, peer.clientPort) = (forwarded.client, 0) }
        let exchange: Exchange
        let answer: BootAnswer
        switch request(head, peer, forwarded) {
        case .success(let accepted):
            exchange = Exchange(responder: self, request: accepted.request, head: head, peer: peer, start: start)
            answer = self.answer(accepted, head)
        case .failure(let refusal):
            exchange = Exchange(responder: self, request: nil, head: head, peer: peer, start: start)
            answer = .now(.text(refusal.status, refusal.text, to: head, allow: refusal.allow))
        }
        switch answer {
        case .now(let reply): return .now(exchange.watched(reply))
        case .later(let work): return .later { exchange.watched(await work()) }
        }
    }

    private func answer(_ accepted: Accepted, _ head: HTTPRequestHead) -> BootAnswer {
        if let response = calls.getNow(accepted.request) { return Self.answer(response, accepted, head) }
        return .later { [calls] in
            switch Self.answer(await calls.get(accepted.request), accepted, head) {
            case .now(let reply): reply
            case .later(let work): await work()
            }
        }
    }

    private static func answer(
        _ response: BootResponse, _ accepted: Accepted, _ head: HTTPRequestHead
    ) -> BootAnswer {
        let isImmutable = accepted.isImmutable
        switch response {
        case .file(let file, let type): return FileReply(file, type, isImmutable: isImmutable, to: head).answer()
        case .arriving(let file, let type): return FileReply(file, type, isImmutable: isImmutable, to: head).answer()
        case .text(let text, let contentType): return .now(.text(.ok, text, to: head, contentType: contentType))
        case .noContent:
            var reply = BootReply(.noContent, to: head)
            reply.end(length: nil)
            return .now(reply)
        case .notFound(let reason): return .now(.text(.notFound, reason, to: head))
        case .gone(let reason): return .now(.text(.gone, reason, to: head))
        case .forbidden(let reason): return .now(.text(.forbidden, reason, to: head))
        case .failed(let reason): return .now(.text(.internalServerError, reason, to: head))
        }
    }

    /// One request on its way through, to be told of when it is over.
    private struct Exchange: Sendable {
        var responder: BootResponder
        /// Nil: it was refused.
        var request: BootRequest?
        var head: HTTPRequestHead
        var peer: Peer
        var start: ContinuousClock.Instant

        func watched(_ reply: BootReply) -> BootReply {
            var reply = reply
            let status = Int(reply.status.code)
            reply.finished = { bytesSent, isComplete in
                finished(
                    BootOutcome(
                        status: status, bytesSent: bytesSent, isComplete: isComplete,
                        milliseconds: Int64((ContinuousClock.now - start) / .milliseconds(1))))
            }
            return reply
        }

        private func finished(_ outcome: BootOutcome) {
            let method = head.method.rawValue
            responder.telemetry.served(method: method, target: head.uri, peer: peer, outcome: outcome)
            if let request { responder.calls.served(request, outcome) }
        }
    }

    // MARK: Requests

    private struct Refusal: Error {
        var status: HTTPResponseStatus
        var text: String
        var allow: String?
    }

    private struct Accepted: Sendable {
        var request: BootRequest
        var isImmutable: Bool
    }

    private func request(
        _ head: HTTPRequestHead, _ peer: Peer, _ forwarded: ForwardedFor
    ) -> Result<Accepted, Refusal> {
        let target: RequestTarget
        do {
            target = try RequestTarget(head.uri)
        } catch .tooLong {
            return .failure(Refusal(status: .uriTooLong, text: "the path is too long"))
        } catch {
            return .failure(Refusal(status: .badRequest, text: "the path is malformed"))
        }
        let route = BootRoute.find(target.segments)
        let takesPost = route?.takesPost ?? false
        guard let method = BootRequest.Method(rawValue: head.method.rawValue), method != .post || takesPost else {
            let allowed = takesPost ? "GET, HEAD, POST" : "GET, HEAD"
            return .failure(Refusal(status: .methodNotAllowed, text: "use \(allowed)", allow: allowed))
        }
        var query: [String: String] = [:]
        for pair in target.query where query[pair.name] == nil { query[pair.name] = pair.value }
        let host = trust.hosts.isEmpty ? nil : head.headers.first(name: "Host").flatMap { trust.hosts.accept($0) }
        let request = BootRequest(
            method: method, path: target.path, query: query, client: peer.client, clientPort: peer.clientPort,
            local: peer.local, localPort: peer.localPort, host: host?.description,
            forwardedBase: forwarded.base ?? peer.base)
        return .success(Accepted(request: request, isImmutable: route?.isImmutable ?? false))
    }
}
