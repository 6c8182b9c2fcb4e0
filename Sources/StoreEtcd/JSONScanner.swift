// SPDX-License-Identifier: Apache-2.0

/// Reads etcd's JSON from front to back: a caller takes the members that it knows and skips the others. There is no
/// tree in between, because an answer may hold thousands of records.
struct JSONScanner {
    /// Not JSON, or not what was asked for.
    struct Fault: Error { var offset: Int }

    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var fault: Fault { Fault(offset: offset) }

    /// The next byte that is no white space.
    private mutating func peek() throws(Fault) -> UInt8 {
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): offset += 1
            default: return bytes[offset]
            }
        }
        throw fault
    }

    private mutating func take(_ byte: UInt8) throws(Fault) {
        guard try peek() == byte else { throw fault }
        offset += 1
    }

    /// Whether the next is this byte, which is then taken.
    private mutating func takes(_ byte: UInt8) throws(Fault) -> Bool {
        guard try peek() == byte else { return false }
        offset += 1
        return true
    }

    /// Hands each member's name to `member`, which must read or skip its value.
    mutating func object(_ member: (String, inout JSONScanner) throws(Fault) -> Void) throws(Fault) {
        try take(UInt8(ascii: "{"))
        if try takes(UInt8(ascii: "}")) { return }
        repeat {
            let name = try string()
            try take(UInt8(ascii: ":"))
            try member(name, &self)
        } while try takes(UInt8(ascii: ","))
        try take(UInt8(ascii: "}"))
    }

    /// `element` must read or skip each element.
    mutating func array(_ element: (inout JSONScanner) throws(Fault) -> Void) throws(Fault) {
        try take(UInt8(ascii: "["))
        if try takes(UInt8(ascii: "]")) { return }
        repeat { try element(&self) } while try takes(UInt8(ascii: ","))
        try take(UInt8(ascii: "]"))
    }

    /// What stands between the quotes, as it is written; whether there are escapes in it.
    private mutating func quoted() throws(Fault) -> (text: ArraySlice<UInt8>, isEscaped: Bool) {
        try take(UInt8(ascii: "\""))
        let start = offset
        let (end, isEscaped) = Self.closingQuote(bytes, from: start)
        guard end < bytes.count else { throw fault }
        offset = end + 1
        return (bytes[start..<end], isEscaped)
    }

    /// Where the string ends that began before `start`: at or after the end of the text, if it does not. Nearly all
    /// that etcd sends is strings, which is why this loop has a function to itself.
    private static func closingQuote(_ bytes: [UInt8], from start: Int) -> (end: Int, isEscaped: Bool) {
        bytes.withUnsafeBufferPointer { bytes in
            var (end, isEscaped) = (start, false)
            while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
                let isEscape = bytes[end] == UInt8(ascii: "\\")
                isEscaped = isEscaped || isEscape
                end += isEscape ? 2 : 1
            }
            return (end, isEscaped)
        }
    }

    mutating func string() throws(Fault) -> String {
        let (text, isEscaped) = try quoted()
        return String(decoding: isEscaped ? try unescaped(text)[...] : text, as: UTF8.self)
    }

    /// Base64.
    mutating func data() throws(Fault) -> [UInt8] {
        let (text, isEscaped) = try quoted()
        guard let data = Base64.decode(isEscaped ? try unescaped(text)[...] : text) else { throw fault }
        return data
    }

    private func unescaped(_ text: ArraySlice<UInt8>) throws(Fault) -> [UInt8] {
        var plain: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                plain.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "n"): plain.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "t"): plain.append(UInt8(ascii: "\t"))
            case UInt8(ascii: "r"): plain.append(UInt8(ascii: "\r"))
            case UInt8(ascii: "b"): plain.append(0x08)
            case UInt8(ascii: "f"): plain.append(0x0c)
            case UInt8(ascii: "u"):
                guard let unit = UInt32(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16) else { throw fault }
                rest = rest.dropFirst(4)
                // Halves of a pair stand in messages only: a mark will do.
                plain += Array(String(Character(Unicode.Scalar(unit) ?? "\u{fffd}")).utf8)
            case let other?: plain.append(other)
            case nil: throw fault
            }
        }
        return plain
    }

    /// A whole number; 64-bit ones come as strings.
    mutating func integer() throws(Fault) -> Int64 {
        guard let value = Int64(try numeral()) else { throw fault }
        return value
    }

    /// The same, of etcd's identifiers.
    mutating func identifier() throws(Fault) -> UInt64 {
        guard let value = UInt64(try numeral()) else { throw fault }
        return value
    }

    private mutating func numeral() throws(Fault) -> String {
        if try peek() == UInt8(ascii: "\"") { return try string() }
        return String(decoding: word(), as: UTF8.self)
    }

    mutating func bool() throws(Fault) -> Bool {
        _ = try peek()
        switch String(decoding: word(), as: UTF8.self) {
        case "true": return true
        case "false": return false
        default: throw fault
        }
    }

    /// A number, true, false or null.
    private mutating func word() -> ArraySlice<UInt8> {
        let start = offset
        while offset < bytes.count, !Self.endsWord(bytes[offset]) { offset += 1 }
        return bytes[start..<offset]
    }

    private static func endsWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: "\""): true
        default: byte <= UInt8(ascii: " ")
        }
    }

    /// Passes over one value, however deep.
    mutating func skip() throws(Fault) {
        var depth = 0
        repeat {
            switch try peek() {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                offset += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw fault }
                depth -= 1
                offset += 1
            case UInt8(ascii: "\""): _ = try quoted()
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw fault }
                offset += 1
            default: guard !word().isEmpty else { throw fault }
            }
        } while depth > 0
    }
}
