// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A key as bytes, in their order.
struct FakeConsulKey: Hashable, Comparable, Sendable {
    var bytes: [UInt8]
    init(_ text: String) { bytes = Array(text.utf8) }
    static func < (a: Self, b: Self) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
    func hasPrefix(_ prefix: Self) -> Bool { bytes.starts(with: prefix.bytes) }
}

struct FakeConsulEntry: Sendable, Equatable {
    var value: [UInt8]
    var flags: UInt64
    var createIndex: Int64
    var modifyIndex: Int64
}

/// One operation of a transaction as it came.
struct FakeConsulOperation: Decodable, Sendable {
    struct Fields: Decodable, Sendable {
        var verb: String
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
    var fields: Fields
    enum CodingKeys: String, CodingKey { case fields = "KV" }
    var isWrite: Bool { ["set", "cas", "delete", "delete-cas", "delete-tree"].contains(fields.verb) }
}

/// What Consul's documentation says of its key/value store, in memory: the state that Raft would replicate.
struct FakeConsulState: Sendable {
    typealias Record = (key: FakeConsulKey, entry: FakeConsulEntry)

    /// In the order of keys.
    private(set) var keys: [FakeConsulKey] = []
    private(set) var entries: [FakeConsulKey: FakeConsulEntry] = [:]
    /// Of deleted keys, until they are reaped.
    private(set) var tombstones: [(key: FakeConsulKey, index: Int64)] = []
    /// Raft's index, which other things move too.
    private(set) var index: Int64 = 7
    private var tableIndex: Int64 = 0
    /// What the transaction under way has changed, to take it back; copies of everything would take too long.
    private var undo: [(key: FakeConsulKey, entry: FakeConsulEntry?)] = []

    /// Something else that Consul writes: a session, a coordinate.
    mutating func moveIndex(_ count: Int64) { index += count }
    mutating func reapTombstones() { tombstones = [] }

    func list(_ prefix: FakeConsulKey) -> [Record] {
        keys[firstKey(from: prefix)...].prefix { $0.hasPrefix(prefix) }.map { ($0, entries[$0]!) }
    }

    /// X-Consul-Index of a recursive read: the largest of what was found, buried ones included; of the whole table
    /// when there is nothing; never 0.
    func listIndex(_ prefix: FakeConsulKey) -> Int64 {
        let found = list(prefix).map(\.entry.modifyIndex).max() ?? 0
        let buried = tombstones.filter { $0.key.hasPrefix(prefix) }.map(\.index).max() ?? 0
        let index = max(found, buried)
        return max(index == 0 ? tableIndex : index, 1)
    }

    /// All operations at one index, or none; what failed otherwise.
    mutating func apply(_ operations: [FakeConsulOperation]) -> (results: [Record], errors: [(Int, String)]) {
        let (tombstonesBefore, tableIndexBefore) = (tombstones.count, tableIndex)
        undo = []
        index += 1
        var results: [Record] = []
        var errors: [(Int, String)] = []
        for (number, operation) in operations.enumerated() {
            switch perform(operation.fields) {
            case .success(let found): results += found
            case .failure(let error): errors.append((number, error.why))
            }
        }
        if errors.isEmpty { return (results, []) }
        for change in undo.reversed() { replace(change.key, with: change.entry) }
        tombstones.removeLast(tombstones.count - tombstonesBefore)
        tableIndex = tableIndexBefore
        return ([], errors)
    }

    /// Only reads.
    func look(_ operations: [FakeConsulOperation]) -> (results: [Record], errors: [(Int, String)]) {
        var copy = self
        return copy.apply(operations)
    }

    struct Failed: Error { var why: String }

    private mutating func perform(_ operation: FakeConsulOperation.Fields) -> Result<[Record], Failed> {
        let key = FakeConsulKey(operation.key)
        let existing = entries[key]
        if key.bytes.isEmpty, operation.verb != "delete-tree" { return .failure(Failed(why: "Must provide key")) }
        switch operation.verb {
        case "set": return .success([set(key, operation)])
        case "cas":
            guard (existing?.modifyIndex ?? 0) == (operation.index ?? 0) else {
                return .failure(Failed(why: "failed to set key \"\(operation.key)\", index is stale"))
            }
            return .success([set(key, operation)])
        case "delete": remove(key)
        case "delete-cas":
            guard existing == nil || existing?.modifyIndex == operation.index else {
                return .failure(Failed(why: "failed to delete key \"\(operation.key)\", index is stale"))
            }
            remove(key)
        case "delete-tree": for record in list(key) { remove(record.key) }
        case "get-tree": return .success(list(key))
        case "get":
            guard let existing else { return .failure(Failed(why: "key \"\(operation.key)\" doesn't exist")) }
            return .success([(key, existing)])
        case "check-index":
            guard var existing else {
                return .failure(Failed(why: "failed to check index, key \"\(operation.key)\" doesn't exist"))
            }
            guard existing.modifyIndex == operation.index else {
                return .failure(Failed(why: "failed index check for key \"\(operation.key)\""))
            }
            existing.value = []
            return .success([(key, existing)])
        case "check-not-exists":
            if existing != nil { return .failure(Failed(why: "key \"\(operation.key)\" exists")) }
        default: return .failure(Failed(why: "unknown KV verb \"\(operation.verb)\""))
        }
        return .success([])
    }

    /// The result shows no value.
    private mutating func set(_ key: FakeConsulKey, _ operation: FakeConsulOperation.Fields) -> Record {
        let value = operation.value.map { [UInt8]($0) } ?? []
        let flags = operation.flags ?? 0
        var entry = FakeConsulEntry(value: value, flags: flags, createIndex: index, modifyIndex: index)
        if let existing = entries[key] {
            entry.createIndex = existing.createIndex
            // A write that changes nothing is none.
            if existing.value == value, existing.flags == flags { entry.modifyIndex = existing.modifyIndex }
        }
        if entry.modifyIndex == index { tableIndex = index }
        undo.append((key, entries[key]))
        replace(key, with: entry)
        entry.value = []
        return (key, entry)
    }

    private mutating func remove(_ key: FakeConsulKey) {
        guard let existing = entries[key] else { return }
        undo.append((key, existing))
        replace(key, with: nil)
        tombstones.append((key, index))
        tableIndex = index
    }

    private mutating func replace(_ key: FakeConsulKey, with entry: FakeConsulEntry?) {
        let existing = entries[key]
        entries[key] = entry
        if existing == nil, entry != nil { keys.insert(key, at: firstKey(from: key)) }
        if existing != nil, entry == nil { keys.remove(at: firstKey(from: key)) }
    }

    /// An operator's hand, or many records at once.
    mutating func put(_ records: [(String, [UInt8])]) {
        index += 1
        for (name, value) in records {
            let key = FakeConsulKey(name)
            if entries[key] == nil { keys.append(key) }
            entries[key] = FakeConsulEntry(value: value, flags: 0, createIndex: index, modifyIndex: index)
        }
        keys.sort()
        tableIndex = index
    }

    private func firstKey(from key: FakeConsulKey) -> Int {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// JSON as Consul writes it.
enum FakeConsulJSON {
    static func record(_ record: FakeConsulState.Record) -> String {
        let value = record.entry.value
        let text = value.isEmpty ? "null" : "\"\(Data(value).base64EncodedString())\""
        return
            "{\"LockIndex\":0,\"Key\":\(string(String(decoding: record.key.bytes, as: UTF8.self))),\"Flags\":\(record.entry.flags),"
            + "\"Value\":\(text),\"CreateIndex\":\(record.entry.createIndex),\"ModifyIndex\":\(record.entry.modifyIndex)}"
    }

    static func transaction(_ outcome: (results: [FakeConsulState.Record], errors: [(Int, String)])) -> String {
        let results = outcome.results.map { "{\"KV\":\(record($0))}" }.joined(separator: ",")
        let errors = outcome.errors.map { "{\"OpIndex\":\($0.0),\"What\":\(string($0.1))}" }.joined(separator: ",")
        return "{\"Results\":\(outcome.errors.isEmpty ? "[\(results)]" : "null"),"
            + "\"Errors\":\(outcome.errors.isEmpty ? "null" : "[\(errors)]")}"
    }

    static func string(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case _ where scalar.value < 0x20 || "<>&\u{2028}\u{2029}".unicodeScalars.contains(scalar):
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
