// SPDX-License-Identifier: Apache-2.0

import Ports

/// The head of a change of the site that is too large for one batch, as stored under `StoreKeys.siteJournal`:
///
///     1  decided  5577006791947779410  14
///
/// version, state, number, parts; tabs in between.
struct SiteJournalHead: Hashable {
    enum State: String {
        /// Somebody writes its parts; nothing has changed yet.
        case claimed
        /// It is made: every node goes by it, and whoever writes next carries it out first.
        case decided
    }

    private static let version = UInt8(ascii: "1")

    var state: State
    /// Tells this change from every other.
    var number: UInt64
    var parts: Int

    func encode() -> [UInt8] {
        var line = RecordWriter(version: Self.version)
        line.field(text: state.rawValue)
        line.field(number)
        line.field(UInt64(parts))
        return line.bytes
    }

    static func decode(_ value: [UInt8]) throws(RecordError) -> SiteJournalHead {
        var line = try RecordReader(value, version: version)
        let word = try line.text("state")
        guard let state = State(rawValue: word) else { throw .invalid(field: "state", text: word) }
        let head = SiteJournalHead(
            state: state, number: try line.number("number"), parts: Int(clamping: try line.number("parts")))
        try line.end()
        return head
    }
}

/// Some writes of such a change, as stored under `StoreKeys.siteJournalPart`: for each of them a line and then, without
/// anything in between, its key and its value.
///
///     put 22 187
///     site/machine/rack1-u07{...
///     delete 22 0
///     site/machine/rack1-u08
enum SiteJournalPart {
    static func encode(_ writes: [StoreWrite]) -> [UInt8] {
        var bytes: [UInt8] = []
        for write in writes {
            let (word, value): (String, [UInt8]) =
                switch write {
                case .put(_, let value): ("put", value)
                case .delete: ("delete", [])
                }
            bytes += "\(word) \(write.key.utf8.count) \(value.count)\n".utf8
            bytes += write.key.utf8
            bytes += value
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    static func decode(_ value: [UInt8]) throws(RecordError) -> [StoreWrite] {
        var rest = value[...]
        var writes: [StoreWrite] = []
        while !rest.isEmpty {
            guard let end = rest.prefix(Self.lineBytesMax).firstIndex(of: UInt8(ascii: "\n")) else {
                throw .missing(field: "line")
            }
            let line = String(decoding: rest[..<end], as: UTF8.self)
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            rest = rest[(end + 1)...]
            guard words.count == 3, let keyBytes = Int(words[1]), let valueBytes = Int(words[2]), keyBytes > 0,
                valueBytes >= 0, keyBytes < rest.count, valueBytes < rest.count - keyBytes,
                let key = String(validating: rest.prefix(keyBytes), as: UTF8.self)
            else { throw .invalid(field: "line", text: line) }
            let value = Array(rest.dropFirst(keyBytes).prefix(valueBytes))
            switch words[0] {
            case "put": writes.append(.put(key: key, value: value))
            case "delete" where valueBytes == 0: writes.append(.delete(key: key))
            default: throw .invalid(field: "line", text: line)
            }
            rest = rest.dropFirst(keyBytes + valueBytes)
            guard rest.popFirst() == UInt8(ascii: "\n") else { throw .invalid(field: "end", text: line) }
        }
        return writes
    }

    /// The longest word, two numbers.
    private static let lineBytesMax = 64
}
