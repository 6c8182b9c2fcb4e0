// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Foundation
import Hummingbird
import HummingbirdCore
import Model
import NIOCore

/// A request of the API with what its route made of its path; and the reading of what else it carries.
struct APIExchange: Sendable {
    var request: Request
    var target: RequestTarget
    var parameters: [String: String]

    /// The route's patterns and endpoints agree on the names, so there is always one.
    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    /// "networks" and so on, from the path.
    func kind() throws(Problem) -> ObjectKind {
        // The patterns for reservations, whose names have a slash, spell the kind out.
        guard let word = parameters["kind"] else { return .reservation }
        guard let kind = ObjectKind.allCases.first(where: { $0.plural == word }) else {
            let kinds = ObjectKind.allCases.map(\.plural).joined(separator: ", ")
            throw .notFound("there is no kind \(word); there are \(kinds)")
        }
        return kind
    }

    var objectName: String { parameters["name"] ?? "\(parameter("network"))/\(parameter("address"))" }

    /// "true", "1" and a bare name say yes.
    func flag(_ name: String, default value: Bool = false) throws(Problem) -> Bool {
        switch target[name] {
        case nil: return value
        case "true", "1", "": return true
        case "false", "0": return false
        default: throw .badRequest("\(name) takes true or false")
        }
    }

    func mac() throws(Problem) -> MACAddress? {
        guard let text = target["mac"] else { return nil }
        guard let mac = MACAddress(text) else { throw .badRequest("mac takes an address such as 52:54:00:12:34:56") }
        return mac
    }

    /// An event's number; none is ever beyond Int64.
    func sequence(_ name: String) throws(Problem) -> UInt64? {
        guard let text = target[name] else { return nil }
        guard let number = UInt64(text), number <= UInt64(Int64.max) else {
            throw .badRequest("\(name) takes an event's sequence number")
        }
        return number
    }

    func address() throws(Problem) -> IPv4Address {
        guard let address = IPv4Address(parameter("address")) else {
            throw .notFound("\(parameter("address")) is not an IPv4 address")
        }
        return address
    }

    /// The revision that a write is bound to. "If-None-Match: *" binds it to there being none, as revision 0.
    func expectedRevision() throws(Problem) -> Int64? {
        if request.headers[.ifNoneMatch] == "*" { return 0 }
        guard let tag = request.headers[.ifMatch] else { return nil }
        guard tag.count > 2, tag.first == "\"", tag.last == "\"", let revision = Int64(tag.dropFirst().dropLast())
        else { throw .tagNotRevision }
        return revision
    }

    /// The body, decoded from JSON.
    func body<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        let buffer = try await body()
        do {
            return try JSONDecoder().decode(type, from: Data(buffer.readableBytesView))
        } catch let error as DecodingError {
            throw Problem.badRequest("the body is not the JSON that is taken here: \(error.sentence)")
        }
    }

    /// The body, an object or a whole site, from JSON.
    func fields() async throws -> FieldValue {
        let buffer = try await body()
        do {
            return try JSONText.parse(Array(buffer.readableBytesView))
        } catch {
            throw Problem.badRequest("the body is not JSON: \(error)")
        }
    }

    /// The body, if it is called JSON and not too large.
    private func body() async throws -> ByteBuffer {
        if let type = request.headers[.contentType] {
            let essence = type.prefix { $0 != ";" && $0 != " " }.lowercased()
            guard essence == "application/json" || essence.hasSuffix("+json") else { throw Problem.notJSON }
        }
        let length = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        guard length <= Limits.requestBodyBytesMax else { throw Problem.bodyTooLarge }
        do {
            return try await request.body.collect(upTo: Limits.requestBodyBytesMax)
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge
        }
    }
}

extension DecodingError {
    /// Where and what, without the type names of the program.
    fileprivate var sentence: String {
        let context: Context
        switch self {
        case .keyNotFound(let key, let found): return "\"\(key.stringValue)\" is missing\(Self.place(found))"
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found): context = found
        @unknown default: return "it does not decode"
        }
        let cause = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"] as? String
        return (cause ?? context.debugDescription) + Self.place(context)
    }

    private static func place(_ context: Context) -> String {
        context.codingPath.isEmpty ? "" : " in " + context.codingPath.map(\.stringValue).joined(separator: ".")
    }
}

extension Response {
    static func text(_ text: String, contentType: String = "text/plain; charset=utf-8") -> Response {
        Response(
            status: .ok, headers: [.contentType: contentType], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    static func json(_ value: FieldValue) -> Response {
        var buffer = ByteBuffer(bytes: JSONText.bytes(value))
        buffer.writeString("\n")
        return Response(
            status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: buffer))
    }

    /// Keys in order, so that the same value always is the same bytes.
    static func json(
        _ value: some Encodable, status: HTTPResponse.Status = .ok, contentType: String = "application/json"
    ) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(value) + [UInt8(ascii: "\n")]
        return Response(
            status: status, headers: [.contentType: contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }
}

extension Problem {
    var response: Response {
        let status = HTTPResponse.Status(code: status)
        guard var response = try? Response.json(self, status: status, contentType: Self.mediaType) else {
            return Response(status: status)
        }
        if self.status == 401 { response.headers[.wwwAuthenticate] = "Bearer" }
        if self.status == 503 { response.headers[.retryAfter] = "5" }
        return response
    }
}
