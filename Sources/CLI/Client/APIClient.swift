// SPDX-License-Identifier: Apache-2.0

import APITypes
import AsyncHTTPClient
import Foundation
import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// The API from the client's side: requests with the token, answers decoded, refusals and failures in words.
struct APIClient: Sendable {
    let base: String
    private let token: String

    init(base: String, token: String) {
        self.base = base
        self.token = token
    }

    struct Answer: Sendable {
        var body: ByteBuffer
        /// The ETag's revision.
        var revision: Int64?

        private static let unexpected = CommandError(
            "the server's answer is not what this version of ondeck expects")

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            do {
                return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
            } catch {
                throw Self.unexpected
            }
        }

        /// The JSON as it came.
        func value() throws -> FieldValue {
            do {
                return try JSONText.parse(Array(body.readableBytesView))
            } catch {
                throw Self.unexpected
            }
        }

        /// One object, or a list of them.
        func objects() throws -> [ObjectReport] {
            let value = try value()
            return try (value.asList ?? [value]).map { value in
                guard let object = ObjectReport(value) else { throw Self.unexpected }
                return object
            }
        }
    }

    enum Method: String, Sendable { case get = "GET", put = "PUT", post = "POST", delete = "DELETE" }

    /// Which revision a write is bound to.
    enum Precondition: Sendable {
        case any
        case revision(Int64)
        case isNew
    }

    /// Throws `Problem` for the server's refusal and `CommandError` for everything else.
    func send(
        _ method: Method, _ path: [String], query: [(String, String?)] = [], body: (any Encodable & Sendable)? = nil,
        if precondition: Precondition = .any
    ) async throws -> Answer {
        var request = try self.request(method, path, query, body)
        switch precondition {
        case .any: break
        case .revision(let revision): request.headers.add(name: "If-Match", value: "\"\(revision)\"")
        case .isNew: request.headers.add(name: "If-None-Match", value: "*")
        }
        return try await withHTTP { [request] http in try await answer(http, request) }
    }

    func answer(_ http: HTTPClient, _ request: HTTPClientRequest) async throws -> Answer {
        let response = try await http.execute(request, timeout: .seconds(Limits.apiAnswerSeconds))
        let body = try await response.body.collect(upTo: Limits.siteBytesMax)
        try check(response.status, body)
        let tag = response.headers.first(name: "ETag").flatMap { Int64($0.filter { $0 != "\"" }) }
        return Answer(body: body, revision: tag)
    }

    /// Calls `line` for each line of a stream, heartbeats (empty ones) included, until the server ends it.
    func stream(_ path: [String], query: [(String, String?)], line: (ByteBuffer) throws -> Void) async throws {
        try await withHTTP { http in
            let request = try self.request(.get, path, query, nil)
            let response = try await http.execute(request, deadline: .distantFuture)
            guard response.status == .ok else {
                return try check(response.status, try await response.body.collect(upTo: Limits.siteBytesMax))
            }
            var pending = ByteBuffer()
            for try await part in response.body {
                pending.writeImmutableBuffer(part)
                while let end = pending.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
                    if let text = pending.readSlice(length: end - pending.readerIndex) { try line(text) }
                    pending.moveReaderIndex(forwardBy: 1)
                }
                pending.discardReadBytes()
            }
        }
    }

    func request(
        _ method: Method, _ path: [String], _ query: [(String, String?)], _ body: (any Encodable & Sendable)? = nil
    ) throws -> HTTPClientRequest {
        var url = base + "/" + path.map(Self.escaped).joined(separator: "/")
        let pairs = query.compactMap { name, value in value.map { "\(name)=\(Self.escaped($0))" } }
        if !pairs.isEmpty { url += "?" + pairs.joined(separator: "&") }
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: method.rawValue)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        request.headers.add(name: "User-Agent", value: "ondeck/\(Version.text)")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            let bytes = try (body as? FieldValue).map { JSONText.bytes($0) } ?? Array(JSONEncoder().encode(body))
            request.body = .bytes(ByteBuffer(bytes: bytes))
        }
        return request
    }

    /// Everything but what RFC 3986 calls unreserved.
    private static func escaped(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }

    private func check(_ status: HTTPResponseStatus, _ body: ByteBuffer) throws {
        guard status.code >= 300 else { return }
        if status == .unauthorized {
            throw CommandError(
                "token refused by \(base)", hint: "Run as root on the server's machine, or set ONDECK_TOKEN.")
        }
        if let problem = try? JSONDecoder().decode(Problem.self, from: Data(body.readableBytesView)) { throw problem }
        throw CommandError("\(base) answered \(status.code) \(status.reasonPhrase)", hint: "Is it OnDeck's API?")
    }

    /// A client of its own for each command: nothing is kept open, nothing is followed, nothing is tried twice.
    func withHTTP<Value>(_ body: (HTTPClient) async throws -> Value) async throws -> Value {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(
                connect: .seconds(Limits.apiConnectSeconds),
                // Streams have a heartbeat more often than this.
                read: .seconds(3 * Limits.watchHeartbeatSeconds)))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(http))
        } catch {
            result = .failure(explained(error))
        }
        try? await http.shutdown()
        return try result.get()
    }

    func explained(_ error: any Error) -> any Error {
        switch error {
        case is Problem, is CommandError, is CancellationError: error
        case let error as HTTPClientError: explained(error)
        case HTTPParserError.invalidEOFState: CommandError("\(base) closed the connection", isTransient: true)
        case is HTTPParserError: CommandError("\(base) does not speak HTTP", hint: "Is it OnDeck's API?")
        case let error as NIOConnectionError:
            cannotReach(error.connectionErrors.first.map { reason($0.error) } ?? "the name is not known")
        default: cannotReach(reason(error))
        }
    }

    private func explained(_ error: HTTPClientError) -> CommandError {
        switch error {
        case .readTimeout, .deadlineExceeded: CommandError("\(base) does not answer", isTransient: true)
        case .remoteConnectionClosed: CommandError("\(base) closed the connection", isTransient: true)
        case .connectTimeout: cannotReach("no answer in \(Limits.apiConnectSeconds) s")
        default: cannotReach(error.shortDescription)
        }
    }

    private func reason(_ error: any Error) -> String {
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)).lowercased() }
        let text = "\(error)"
        guard base.hasPrefix("https:"), text.contains("SSL") else { return text }
        // BoringSSL's own words name its source files and little else.
        if text.contains("WRONG_VERSION_NUMBER") { return "it speaks http there, not https" }
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return "its certificate is not trusted here" }
        return "no TLS with it: \(text)"
    }

    private func cannotReach(_ reason: String) -> CommandError {
        CommandError(
            "cannot reach OnDeck at \(base): \(reason)", hint: "Is `ondeck serve` running?", isTransient: true)
    }
}
