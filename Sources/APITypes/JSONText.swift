// SPDX-License-Identifier: Apache-2.0

/// JSON (RFC 8259) as a `FieldValue`, and back. Whole sites go through here, and generic coders take seconds for what
/// is a hundred thousand machines.
public enum JSONText {
    /// Deeper than any field of ours goes; a reader that calls itself needs an end.
    public static let depthMax = 64

    /// What is not JSON, and where.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        public var position: SourcePosition
        public var message: String
        public var description: String { "\(message) in line \(position.line), column \(position.column)" }
    }

    /// The value of a text, which must be UTF-8. A key that stands twice is an error: somebody meant both.
    public static func parse(_ text: [UInt8]) throws(Failure) -> FieldValue {
        var reader = JSONReader(text: text)
        return try reader.document()
    }

    /// Keys in their order. `indented`: for people, with a line for each member.
    public static func bytes(_ value: FieldValue, indented: Bool = false) -> [UInt8] {
        var writer = JSONWriter(indented: indented)
        writer.write(value, depth: 0)
        return writer.bytes
    }
}

private struct JSONReader {
    let text: [UInt8]
    var index = 0

    init(text: [UInt8]) { self.text = text }

    mutating func document() throws(JSONText.Failure) -> FieldValue {
        let result = try value(depth: 0)
        skipSpace()
        guard index == text.count else { throw failure("something after the end") }
        return result
    }

    private func failure(_ message: String, at place: Int? = nil) -> JSONText.Failure {
        let before = text.prefix(place ?? index)
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        return JSONText.Failure(
            position: SourcePosition(line: line, column: before.count - lineStart + 1), message: message)
    }

    private mutating func skipSpace() {
        while index < text.count, [0x20, 0x0a, 0x0d, 0x09].contains(text[index]) { index += 1 }
    }

    private mutating func value(depth: Int) throws(JSONText.Failure) -> FieldValue {
        skipSpace()
        guard index < text.count else { throw failure("a value is missing") }
        guard depth <= JSONText.depthMax else { throw failure("nested too deep") }
        switch text[index] {
        case UInt8(ascii: "{"): return try map(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), 0x30...0x39: return try number()
        default: throw failure("no JSON value begins like this")
        }
    }

    private mutating func word(_ word: String, _ value: FieldValue) throws(JSONText.Failure) -> FieldValue {
        guard text[index...].starts(with: word.utf8) else { throw failure("no JSON value begins like this") }
        index += word.utf8.count
        return value
    }

    /// Past one of the two that may follow an element; whether it was the comma.
    private mutating func goesOn(until end: UInt8) throws(JSONText.Failure) -> Bool {
        skipSpace()
        guard index < text.count, text[index] == end || text[index] == UInt8(ascii: ",") else {
            throw failure("\",\" or \"\(Character(Unicode.Scalar(end)))\" is missing")
        }
        index += 1
        return text[index - 1] != end
    }

    /// Past the opening bracket; whether the closing one follows at once, which is then taken too.
    private mutating func isEmpty(until end: UInt8) -> Bool {
        index += 1
        skipSpace()
        guard index < text.count, text[index] == end else { return false }
        index += 1
        return true
    }

    private mutating func list(depth: Int) throws(JSONText.Failure) -> FieldValue {
        var values: [FieldValue] = []
        if isEmpty(until: UInt8(ascii: "]")) { return .list([]) }
        repeat { values.append(try value(depth: depth + 1)) } while try goesOn(until: UInt8(ascii: "]"))
        return .list(values)
    }

    private mutating func map(depth: Int) throws(JSONText.Failure) -> FieldValue {
        var entries: [FieldMap.Entry] = []
        if isEmpty(until: UInt8(ascii: "}")) { return .map(FieldMap()) }
        repeat {
            skipSpace()
            guard index < text.count, text[index] == UInt8(ascii: "\"") else { throw failure("a key is missing") }
            let start = index
            let key = try string()
            skipSpace()
            guard index < text.count, text[index] == UInt8(ascii: ":") else { throw failure("\":\" is missing") }
            index += 1
            // Few keys are compared, many are looked up in one go at the end.
            if entries.count < 8, entries.contains(where: { $0.key == key }) {
                throw failure("the key \(quoted(key)) stands twice", at: start)
            }
            entries.append(FieldMap.Entry(key, try value(depth: depth + 1)))
        } while try goesOn(until: UInt8(ascii: "}"))
        if entries.count > 8, let twice = Self.firstTwice(entries) {
            throw failure("the key \(quoted(twice)) stands twice in the map that ends")
        }
        return .map(FieldMap(unique: entries))
    }

    private static func firstTwice(_ entries: [FieldMap.Entry]) -> String? {
        var seen: Set<String> = []
        seen.reserveCapacity(entries.count)
        return entries.first { !seen.insert($0.key).inserted }?.key
    }

    private mutating func number() throws(JSONText.Failure) -> FieldValue {
        let start = index
        if text[index] == UInt8(ascii: "-") { index += 1 }
        let whole = digits()
        let hasLeadingZero = whole > 1 && text[index - whole] == UInt8(ascii: "0")
        guard whole > 0, !hasLeadingZero else { throw failure("not a number", at: start) }
        var isInteger = true
        if index < text.count, text[index] == UInt8(ascii: ".") {
            index += 1
            isInteger = false
            guard digits() > 0 else { throw failure("not a number", at: start) }
        }
        if index < text.count, text[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            isInteger = false
            if index < text.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(text[index]) { index += 1 }
            guard digits() > 0 else { throw failure("not a number", at: start) }
        }
        let word = String(decoding: text[start..<index], as: UTF8.self)
        if isInteger, let value = Int(word) { return .integer(value) }
        guard let value = Double(word), value.isFinite else { throw failure("too large a number", at: start) }
        return FieldValue(.number(value))
    }

    private mutating func digits() -> Int {
        let start = index
        while index < text.count, (0x30...0x39).contains(text[index]) { index += 1 }
        return index - start
    }

    private mutating func string() throws(JSONText.Failure) -> String {
        let opening = index
        index += 1
        let start = index
        while index < text.count, text[index] != UInt8(ascii: "\""), text[index] != UInt8(ascii: "\\") {
            guard text[index] >= 0x20 else { throw failure("a control character in a text") }
            index += 1
        }
        guard index < text.count else { throw failure("a text that does not end", at: opening) }
        if text[index] == UInt8(ascii: "\\") { return try escapedString(from: start, opening) }
        defer { index += 1 }
        return try decoded(text[start..<index], opening)
    }

    private func decoded(_ bytes: some Sequence<UInt8>, _ opening: Int) throws(JSONText.Failure) -> String {
        guard let result = String(validating: bytes, as: UTF8.self) else {
            throw failure("a text that is not UTF-8", at: opening)
        }
        return result
    }

    private mutating func escapedString(from start: Int, _ opening: Int) throws(JSONText.Failure) -> String {
        var bytes = Array(text[start..<index])
        while index < text.count {
            let byte = text[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return try decoded(bytes, opening)
            case UInt8(ascii: "\\"): bytes += String(try escaped()).utf8
            case 0..<0x20: throw failure("a control character in a text", at: index - 1)
            default: bytes.append(byte)
            }
        }
        throw failure("a text that does not end", at: opening)
    }

    private mutating func escaped() throws(JSONText.Failure) -> Unicode.Scalar {
        guard index < text.count else { throw failure("a text that does not end") }
        let byte = text[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedScalar()
        default: throw failure("an escape that JSON does not have", at: index - 1)
        }
    }

    /// \uXXXX, or two of them for what lies beyond 16 bits.
    private mutating func escapedScalar() throws(JSONText.Failure) -> Unicode.Scalar {
        let start = index
        let high = try hexUnit()
        if let scalar = Unicode.Scalar(high) { return scalar }
        guard high < 0xdc00, text[index...].starts(with: "\\u".utf8) else {
            throw failure("half of a surrogate pair", at: start)
        }
        index += 2
        let low = try hexUnit()
        guard (0xdc00...0xdfff).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(high) - 0xd800) << 10 + UInt32(low) - 0xdc00)
        else { throw failure("half of a surrogate pair", at: start) }
        return scalar
    }

    private mutating func hexUnit() throws(JSONText.Failure) -> UInt16 {
        let digits = text[index...].prefix(4)
        let isHex = digits.count == 4 && digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
        guard isHex, let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16) else {
            throw failure("four hex digits are missing")
        }
        index += 4
        return unit
    }
}

private struct JSONWriter {
    var bytes: [UInt8] = []
    let indented: Bool

    init(indented: Bool) { self.indented = indented }

    mutating func write(_ value: FieldValue, depth: Int) {
        switch value.content {
        case .null: append("null")
        case .boolean(let value): append(value ? "true" : "false")
        case .integer(let value): append(String(value))
        case .number(let value): append(value.isFinite ? String(value) : "null")
        case .string(let text): write(text)
        case .list(let values):
            write(values, "[", "]", depth: depth) { writer, value in writer.write(value, depth: depth + 1) }
        case .map(let map):
            write(map.entries, "{", "}", depth: depth) { writer, entry in
                writer.write(entry.key)
                writer.append(writer.indented ? ": " : ":")
                writer.write(entry.value, depth: depth + 1)
            }
        }
    }

    private mutating func write<Element>(
        _ elements: [Element], _ opening: String, _ closing: String, depth: Int,
        _ element: (inout JSONWriter, Element) -> Void
    ) {
        append(opening)
        for (index, value) in elements.enumerated() {
            if index > 0 { append(",") }
            newLine(depth + 1)
            element(&self, value)
        }
        if !elements.isEmpty { newLine(depth) }
        append(closing)
    }

    private mutating func newLine(_ depth: Int) {
        guard indented else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\t"): append("\\t")
            case UInt8(ascii: "\r"): append("\\r")
            case 0..<0x20: append("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
