// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One operation of a transaction, as `PUT /v1/txn` takes it.
struct ConsulOperation: Encodable, Sendable {
    enum Verb: String, Encodable, Sendable {
        case set
        case delete
        case deleteTree = "delete-tree"
        case getTree = "get-tree"
        case checkIndex = "check-index"
        case checkNotExists = "check-not-exists"
    }

    private struct Fields: Encodable, Sendable {
        var verb: Verb
        var key: String
        var value: Data?
        var flags: UInt64?
        var index: Int64?

        enum CodingKeys: String, CodingKey {
            case verb = "Verb"
            case key = "Key"
            case value = "Value"
            case flags = "Flags"
            case index = "Index"
        }
    }

    private var fields: Fields
    enum CodingKeys: String, CodingKey { case fields = "KV" }

    init(_ verb: Verb, _ key: String) { fields = Fields(verb: verb, key: key) }

    /// `flags` must differ from those that are stored: Consul takes a put that changes nothing for no write, and
    /// leaves the record's ModifyIndex as it was.
    static func set(_ key: String, _ value: [UInt8], flags: UInt64) -> ConsulOperation {
        var operation = ConsulOperation(.set, key)
        operation.fields.value = Data(value)
        operation.fields.flags = flags
        return operation
    }

    /// The record has this ModifyIndex still; 0: there is none.
    static func check(_ key: String, _ index: Int64) -> ConsulOperation {
        guard index != 0 else { return ConsulOperation(.checkNotExists, key) }
        var operation = ConsulOperation(.checkIndex, key)
        operation.fields.index = index
        return operation
    }
}

/// A key with its value, as Consul shows it.
struct ConsulRecord: Decodable, Sendable {
    var key: String
    /// Nil when it is empty.
    var value: Data?
    var modifyIndex: Int64

    enum CodingKeys: String, CodingKey {
        case key = "Key"
        case value = "Value"
        case modifyIndex = "ModifyIndex"
    }

    var bytes: [UInt8] { value.map { [UInt8]($0) } ?? [] }
}

/// What became of a transaction.
struct ConsulOutcome: Decodable, Sendable {
    struct Result: Decodable, Sendable {
        var record: ConsulRecord?
        enum CodingKeys: String, CodingKey { case record = "KV" }
    }

    struct Failure: Decodable, Sendable {
        var operation: Int
        var reason: String
        enum CodingKeys: String, CodingKey {
            case operation = "OpIndex"
            case reason = "What"
        }
        var isPermission: Bool { reason.hasPrefix("Permission denied") }
    }

    var results: [Result]?
    /// All that failed, in the order of operations.
    var failures: [Failure]?

    enum CodingKeys: String, CodingKey {
        case results = "Results"
        case failures = "Errors"
    }

    var records: [ConsulRecord] { (results ?? []).compactMap(\.record) }
}
