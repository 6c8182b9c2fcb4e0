// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// From a request's head to the reply to send: asks the engine, and applies HTTP's rules to its answer.
struct BootResponder: Sendable {
    let calls: BootPlaneCalls
    let trust: ProxyTrust
    let telemetry: BootTelemetry

    func reply(to head: HTTPRequestHead, from peer: Peer) async -> BootReply {
        let start = ContinuousClock.now
        let forwarded = trust.asker(peer) { head.headers[$0] }
        var peer = peer
        if forwarded.client != peer.client { (peer.client, peer.clientPort) = (forwarded.client, 0) }
        var reply: BootReply
        var request: BootRequest?
        switch self.request(head, peer, forwarded) {
        case .success(let accepted):
            request = accepted.request
            let response = await calls.get(accepted.request)
            reply = await Self.reply(response, head)
            if accepted.isImmutable { Self.setImmutable(&reply) }
        case .failure(let refusal):
            reply = refusal.reply
        }
        if head.method == .HEAD { reply.body = .none }
        Self.setConnection(&reply, head)
        reply.finished = finished(request, head, peer, reply.status, start)
        return reply
    }

    private func finished(
        _ request: BootRequest?, _ head: HTTPRequestHead, _ peer: Peer, _ status: HTTPResponseStatus,
        _ start: ContinuousClock.Instant
    ) -> @Sendable (Int, Bool) -> Void {
        { [calls, telemetry] bytesSent, isComplete in
            let milliseconds = Int64((ContinuousClock.now - start) / .milliseconds(1))
            let outcome = BootOutcome(
                status: Int(status.code), bytesSent: bytesSent, isComplete: isComplete, milliseconds: milliseconds)
            telemetry.served(method: head.method.rawValue, target: head.uri, peer: peer, outcome: outcome)
            if let request { calls.served(request, outcome) }
        }
    }

    // MARK: Requests

    private struct Refusal: Error {
        var reply: BootReply
        init(_ status: HTTPResponseStatus, _ text: String, headers: HTTPHeaders = [:]) {
            reply = BootResponder.text(status, text)
            reply.headers.add(contentsOf: headers)
        }
    }

    private struct Accepted {
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
            return .failure(Refusal(.uriTooLong, "the path is too long"))
        } catch {
            return .failure(Refusal(.badRequest, "the path is malformed"))
        }
        let route = BootRoute.find(target.segments)
        let takesPost = route?.takesPost ?? false
        guard let method = BootRequest.Method(rawValue: head.method.rawValue), method != .post || takesPost else {
            let allowed = takesPost ? "GET, HEAD, POST" : "GET, HEAD"
            return .failure(Refusal(.methodNotAllowed, "use \(allowed)", headers: ["Allow": allowed]))
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

    // MARK: Replies

    private static func reply(_ response: BootResponse, _ head: HTTPRequestHead) async -> BootReply {
        switch response {
        case .file(let file, let contentType): await FileReply(file, contentType, head).reply()
        case .arriving(let file, let contentType): await FileReply(file, contentType, head).reply()
        case .text(let text, let contentType): Self.text(.ok, text, contentType: contentType)
        case .noContent: BootReply(status: .noContent, headers: [:], body: .none)
        case .notFound(let reason): Self.text(.notFound, reason)
        case .gone(let reason): Self.text(.gone, reason)
        case .forbidden(let reason): Self.text(.forbidden, reason)
        case .failed(let reason): Self.text(.internalServerError, reason)
        }
    }

    static func text(
        _ status: HTTPResponseStatus, _ text: String, contentType: String = "text/plain; charset=utf-8"
    ) -> BootReply {
        let buffer = ByteBuffer(string: status == .ok ? text : text + "\n")
        let headers: HTTPHeaders = ["Content-Type": contentType, "Content-Length": "\(buffer.readableBytes)"]
        return BootReply(status: status, headers: headers, body: .bytes(buffer))
    }

    /// Caches may keep it for good, and need not ask whether it has changed (RFC 8246).
    private static func setImmutable(_ reply: inout BootReply) {
        switch reply.status {
        case .ok, .partialContent, .notModified:
            reply.headers.add(name: "Cache-Control", value: "public, max-age=31536000, immutable")
        default: break
        }
    }

    /// What every reply says.
    private static func setConnection(_ reply: inout BootReply, _ head: HTTPRequestHead) {
        reply.headers.add(name: "Date", value: HTTPDate.now)
        reply.headers.add(name: "Server", value: "OnDeck")
        if !head.isKeepAlive {
            reply.closes = true
            reply.headers.add(name: "Connection", value: "close")
        } else if head.version.minor == 0 {
            reply.headers.add(name: "Connection", value: "keep-alive")
        }
    }
}
