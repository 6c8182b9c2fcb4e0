// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import Ports

/// Why a question to Consul has no answer.
enum ConsulFailure: Error, Sendable {
    /// It never reached Consul, or Consul turned it away: nothing has happened.
    case refused(String)
    /// The answer is missing: what was asked may have happened, or may still happen.
    case unknown(String)

    /// For those who only read.
    var asError: StoreError {
        switch self {
        case .refused(let why), .unknown(let why): .unavailable(why)
        }
    }
}

/// Requests to one Consul agent, and its refusals in words. Nothing is followed and nothing is tried twice.
struct ConsulConnection: Sendable {
    struct Answer: Sendable {
        var status: HTTPResponseStatus
        /// X-Consul-Index; 0 when there is none.
        var index: Int64
        var body: ByteBuffer
    }

    let base: String
    private let http: HTTPClient
    private let token: ConsulToken
    private let prefix: String

    init(_ settings: ConsulSettings) throws(StoreError) {
        base = try settings.base()
        token = try ConsulToken(settings)
        prefix = settings.prefix
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: try settings.tls(), redirectConfiguration: .disallow,
            timeout: .init(connect: .milliseconds(Limits.consulConnectMilliseconds)))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func shutdown() async { try? await http.shutdown() }

    /// Applies or reads, all at one point of Consul's history. Refused guards are an outcome, not an error.
    func transact(
        _ operations: [ConsulOperation], query: String = "", milliseconds: Int64
    ) async throws(ConsulFailure) -> ConsulOutcome {
        try await transact(body: Self.body(operations), query: query, milliseconds: milliseconds)
    }

    func transact(
        body: ByteBuffer, query: String = "", milliseconds: Int64
    ) async throws(ConsulFailure) -> ConsulOutcome {
        let answer = try await send(.PUT, "/v1/txn" + query, body: body, milliseconds: milliseconds)
        guard answer.status == .ok || answer.status == .conflict else { throw refusal(answer) }
        let outcome: ConsulOutcome = try decode(answer.body)
        if outcome.failures?.contains(where: \.isPermission) == true { throw permissionDenied() }
        return outcome
    }

    static func body(_ operations: [ConsulOperation]) -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        // Only a number that is none can fail to be encoded, and there is no such field.
        return ByteBuffer(bytes: (try? encoder.encode(operations)) ?? Data())
    }

    /// All keys that begin with a prefix. With an index it waits until they have changed since, or the time is over.
    func list(
        _ prefix: String, after index: Int64
    ) async throws(ConsulFailure) -> (records: [ConsulRecord], index: Int64) {
        let wait = index > 0 ? "&index=\(index)&wait=\(Limits.consulWaitMilliseconds)ms" : ""
        let path = "/v1/kv/\(prefix)?recurse\(wait)"
        let answer = try await send(.GET, path, body: nil, milliseconds: Limits.consulAnswerMilliseconds)
        switch answer.status {
        case .ok: return (try decode(answer.body), answer.index)
        case .notFound: return ([], answer.index)
        default: throw refusal(answer)
        }
    }

    /// One of the small questions about Consul itself.
    func ask<Value: Decodable>(_ path: String, _ type: Value.Type) async throws(ConsulFailure) -> Value {
        let answer = try await send(.GET, path, body: nil, milliseconds: Limits.consulStatusMilliseconds)
        guard answer.status == .ok else { throw refusal(answer) }
        return try decode(answer.body)
    }

    private func decode<Value: Decodable>(_ body: ByteBuffer) throws(ConsulFailure) -> Value {
        do { return try JSONDecoder().decode(Value.self, from: Data(body.readableBytesView)) } catch {
            throw .unknown("consul at \(base): its answer is not what Consul's API says; is it Consul?")
        }
    }

    private func send(
        _ method: HTTPMethod, _ path: String, body: ByteBuffer?, milliseconds: Int64
    ) async throws(ConsulFailure) -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        if let secret = token.value { request.headers.add(name: "X-Consul-Token", value: secret) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(body)
        }
        do {
            let response = try await http.execute(request, timeout: .milliseconds(milliseconds))
            let body = try await response.body.collect(upTo: Limits.consulAnswerBytesMax)
            let index = response.headers.first(name: "X-Consul-Index").flatMap { Int64($0) } ?? 0
            return Answer(status: response.status, index: index, body: body)
        } catch {
            throw failure(error)
        }
    }

    // MARK: Words

    private func refusal(_ answer: Answer) -> ConsulFailure {
        if answer.status == .forbidden || answer.status == .unauthorized { return permissionDenied() }
        let text = token.redacted(String(String(buffer: answer.body).prefix(200)).filter { !$0.isNewline })
        let said = "consul at \(base) answered \(answer.status.code): \(text)"
        if text.contains("No cluster leader") { return .refused("consul at \(base) has no leader") }
        switch answer.status {
        case .payloadTooLarge:
            return .refused(
                "\(said) (limits.txn_max_req_len and limits.kv_max_value_size in Consul's configuration)")
        // A leader that fell may have passed it on before.
        case _ where answer.status.code >= 500: return .unknown(said)
        default: return .refused(said)
        }
    }

    private func permissionDenied() -> ConsulFailure {
        token.refresh()
        return .refused(
            "consul at \(base): its ACL does not allow this token what OnDeck needs: "
                + "key_prefix \"\(prefix)\" { policy = \"write\" }")
    }

    private func failure(_ error: any Error) -> ConsulFailure {
        switch error {
        case let error as ConsulFailure: return error
        case is NIOConnectionError: return .refused("consul at \(base) cannot be reached")
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            return .refused("consul at \(base) cannot be reached: connection refused")
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .getConnectionFromPoolTimeout, .alreadyShutdown:
                return .refused("consul at \(base) cannot be reached")
            case .deadlineExceeded, .readTimeout: return .unknown("consul at \(base) does not answer")
            default: return .unknown("consul at \(base): \(error.shortDescription)")
            }
        default:
            return .unknown("consul at \(base): the connection broke (\(token.redacted("\(error)").prefix(200)))")
        }
    }
}
