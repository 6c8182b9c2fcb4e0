// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// Both ends of a connection.
struct Peer: Hashable, Sendable {
    var client: IPv4Address
    var clientPort: UInt16
    var local: IPv4Address
    var localPort: UInt16
}

/// From a request's head to the reply to send: asks the engine, and applies HTTP's rules to its answer.
struct BootResponder: Sendable {
    let calls: BootPlaneCalls
    let telemetry: BootTelemetry

    func reply(to head: HTTPRequestHead, from peer: Peer) async -> BootReply {
        let start = ContinuousClock.now
        var reply: BootReply
        var request: BootRequest?
        switch Self.request(head, peer) {
        case .success(let accepted):
            request = accepted
            let response = await calls.get(accepted)
            reply = await Self.reply(response, head)
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

    private static func request(_ head: HTTPRequestHead, _ peer: Peer) -> Result<BootRequest, Refusal> {
        let target: RequestTarget
        do {
            target = try RequestTarget(head.uri)
        } catch .tooLong {
            return .failure(Refusal(.uriTooLong, "the path is too long"))
        } catch {
            return .failure(Refusal(.badRequest, "the path is malformed"))
        }
        let takesPost = BootRoute.takesPost(target.segments)
        guard let method = BootRequest.Method(rawValue: head.method.rawValue), method != .post || takesPost else {
            let allowed = takesPost ? "GET, HEAD, POST" : "GET, HEAD"
            return .failure(Refusal(.methodNotAllowed, "use \(allowed)", headers: ["Allow": allowed]))
        }
        let query = Dictionary(target.query.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        return .success(
            BootRequest(
                method: method, path: target.path, query: query, client: peer.client, clientPort: peer.clientPort,
                local: peer.local, localPort: peer.localPort, host: head.headers.first(name: "Host")))
    }

    // MARK: Replies

    private static func reply(_ response: BootResponse, _ head: HTTPRequestHead) async -> BootReply {
        switch response {
        case .file(let file, let contentType): await Self.file(file, contentType, head)
        case .text(let text, let contentType): Self.text(.ok, text, contentType: contentType)
        case .noContent: BootReply(status: .noContent, headers: [:], body: .none)
        case .notFound(let reason): Self.text(.notFound, reason)
        case .gone(let reason): Self.text(.gone, reason)
        case .forbidden(let reason): Self.text(.forbidden, reason)
        case .failed(let reason): Self.text(.internalServerError, reason)
        }
    }

    private static func text(
        _ status: HTTPResponseStatus, _ text: String, contentType: String = "text/plain; charset=utf-8"
    ) -> BootReply {
        let buffer = ByteBuffer(string: status == .ok ? text : text + "\n")
        let headers: HTTPHeaders = ["Content-Type": contentType, "Content-Length": "\(buffer.readableBytes)"]
        return BootReply(status: status, headers: headers, body: .bytes(buffer))
    }

    private static func file(_ file: OpenFile, _ contentType: String, _ head: HTTPRequestHead) async -> BootReply {
        let tag = "\"\(file.version)\""
        let answer = FileAnswer.decide(
            conditions(head), tag: tag, size: file.size, modifiedSeconds: file.modifiedSeconds)
        var headers: HTTPHeaders = [
            "Accept-Ranges": "bytes", "ETag": tag, "Last-Modified": HTTPDate.text(file.modifiedSeconds),
        ]
        switch answer {
        case .notModified:
            return BootReply(status: .notModified, headers: headers, body: .none)
        case .preconditionFailed:
            return text(.preconditionFailed, "the file is another by now")
        case .unsatisfiable:
            headers.add(name: "Content-Range", value: "bytes */\(file.size)")
            headers.add(name: "Content-Length", value: "0")
            return BootReply(status: .rangeNotSatisfiable, headers: headers, body: .none)
        case .whole:
            headers.add(name: "Content-Type", value: contentType)
            return await body(file, 0..<file.size, .ok, headers, isHead: head.method == .HEAD)
        case .part(let range):
            headers.add(name: "Content-Type", value: contentType)
            let last = range.upperBound - 1
            headers.add(name: "Content-Range", value: "bytes \(range.lowerBound)-\(last)/\(file.size)")
            return await body(file, range, .partialContent, headers, isHead: head.method == .HEAD)
        }
    }

    private static func conditions(_ head: HTTPRequestHead) -> FileAnswer.Conditions {
        func field(_ name: String) -> String? {
            let values = head.headers[name]
            return values.isEmpty ? nil : values.joined(separator: ",")
        }
        return FileAnswer.Conditions(
            ifMatch: field("If-Match"), ifUnmodifiedSince: field("If-Unmodified-Since"),
            ifNoneMatch: field("If-None-Match"), ifModifiedSince: field("If-Modified-Since"),
            ifRange: field("If-Range"), range: head.method == .GET ? field("Range") : nil)
    }

    /// Short ranges are read, long ones are left to sendfile; both on a thread that may wait for the disk, and before
    /// anything is promised to the client.
    private static func body(
        _ file: OpenFile, _ range: Range<Int>, _ status: HTTPResponseStatus, _ headers: HTTPHeaders, isHead: Bool
    ) async -> BootReply {
        var reply = BootReply(status: status, headers: headers, body: .none)
        reply.headers.add(name: "Content-Length", value: "\(range.count)")
        if isHead || range.isEmpty { return reply }
        let body = try? await NIOThreadPool.singleton.runIfActive { () -> BootReply.Body? in
            if range.count <= Limits.fileReadBytesMax { return FilePieces.read(range, of: file).map { .bytes($0) } }
            guard let first = FilePieces.piece(of: range, at: range.lowerBound) else { return nil }
            return FilePieces.load(first, of: file) ? .file(file, range) : nil
        }
        guard let body else { return text(.internalServerError, "the file cannot be read") }
        reply.body = body
        return reply
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
