// SPDX-License-Identifier: Apache-2.0

import Ports

/// A writer's last word: which of its batches was the last. It is written with every batch, so its ModifyIndex is that
/// batch's revision.
struct FeedHead: Hashable, Sendable {
    /// One life of one writer; hexadecimal digits.
    var run: String
    var sequence: Int64
    /// How many slots the writer's feed has.
    var slots: Int64
    /// The ModifyIndex.
    var index: Int64

    /// Nil when another version wrote it, in a way that this one does not know.
    init?(_ record: ConsulRecord, _ keys: ConsulKeys) {
        let parts = String(decoding: record.bytes, as: UTF8.self).split(
            separator: "\t", omittingEmptySubsequences: false)
        guard let run = record.key.rest(after: keys.heads), parts.count >= 2, let sequence = Int64(parts[0]),
            let slots = Int64(parts[1]), sequence > 0, slots > 0
        else { return nil }
        self.run = run
        self.sequence = sequence
        self.slots = slots
        index = record.modifyIndex
    }

    /// Text, for those who look into Consul.
    static func text(sequence: Int64, slots: Int64, node: String) -> [UInt8] {
        Array("\(sequence)\t\(slots)\t\(node)".utf8)
    }
}

/// What one batch wrote, in a slot of its writer's feed. Bytes: version, kind, sequence, the removed runs with their
/// last sequences, the writes; numbers in groups of 7 bits, texts and values after their length.
package struct FeedEntry: Hashable, Sendable {
    package var sequence: Int64
    /// Runs whose heads this batch removed, with their last sequences.
    package var removed: [String: Int64] = [:]
    /// Nil: more than fits into an entry, so that followers must read everything again.
    package var writes: [StoreWrite]?

    private static let version: UInt8 = 1
    private static let (complete, withoutWrites): (UInt8, UInt8) = (0, 1)
    private static let (put, delete): (UInt8, UInt8) = (0, 1)

    package init(sequence: Int64, writes: [StoreWrite]?, removed: [String: Int64] = [:]) {
        self.sequence = sequence
        self.writes = writes
        self.removed = removed
    }

    package var bytes: [UInt8] {
        var out = EntryWriter()
        out.bytes = [Self.version, writes == nil ? Self.withoutWrites : Self.complete]
        out.number(sequence)
        out.number(Int64(removed.count))
        for (run, last) in removed.sorted(by: { $0.key < $1.key }) {
            out.text(run)
            out.number(last)
        }
        out.number(Int64(writes?.count ?? 0))
        for write in writes ?? [] {
            switch write {
            case .put(let key, let value):
                out.bytes.append(Self.put)
                out.text(key)
                out.number(Int64(value.count))
                out.bytes += value
            case .delete(let key):
                out.bytes.append(Self.delete)
                out.text(key)
            }
        }
        return out.bytes
    }

    /// Nil for anything but a whole entry of this version.
    package init?(_ bytes: [UInt8]) {
        var reader = EntryReader(bytes: bytes[...])
        guard reader.byte() == Self.version, let kind = reader.byte(), kind <= Self.withoutWrites,
            let sequence = reader.number(), let removals = reader.number()
        else { return nil }
        self.sequence = sequence
        for _ in 0..<removals {
            guard let run = reader.text(), let last = reader.number() else { return nil }
            removed[run] = last
        }
        guard let count = reader.number() else { return nil }
        var found: [StoreWrite] = []
        for _ in 0..<count {
            guard let operation = reader.byte(), operation <= Self.delete, let key = reader.text() else { return nil }
            if operation == Self.delete {
                found.append(.delete(key: key))
            } else {
                guard let value = reader.block() else { return nil }
                found.append(.put(key: key, value: value))
            }
        }
        guard reader.bytes.isEmpty else { return nil }
        writes = kind == Self.complete ? found : nil
    }
}

private struct EntryWriter {
    var bytes: [UInt8] = []

    /// Not negative.
    mutating func number(_ value: Int64) {
        var rest = UInt64(value)
        while rest > 0x7f {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func text(_ text: String) {
        number(Int64(text.utf8.count))
        bytes += Array(text.utf8)
    }
}

private struct EntryReader {
    var bytes: ArraySlice<UInt8>

    mutating func byte() -> UInt8? { bytes.popFirst() }

    /// Not negative, and never more than 63 bits.
    mutating func number() -> Int64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 56, by: 7) {
            guard let next = byte() else { return nil }
            value |= UInt64(next & 0x7f) << shift
            if next & 0x80 == 0 { return Int64(value) }
        }
        return nil
    }

    mutating func block() -> [UInt8]? {
        guard let count = number(), count <= bytes.count else { return nil }
        defer { bytes = bytes.dropFirst(Int(count)) }
        return Array(bytes.prefix(Int(count)))
    }

    mutating func text() -> String? { block().flatMap { String(validating: $0, as: UTF8.self) } }
}
