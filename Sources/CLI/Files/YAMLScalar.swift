// SPDX-License-Identifier: Apache-2.0

import Addresses

/// One text as YAML: plain where every YAML reader takes it for that text, else in quotes or as a literal block.
enum YAMLScalar {
    static func text(_ text: String, inFlow: Bool) -> String {
        isPlain(text, inFlow: inFlow) ? text : quoted(text)
    }

    /// A literal block ("|" and the lines), its last newline included; nil where the text is one line or could not be
    /// kept as it is.
    static func block(_ text: String, indentation: Int) -> String? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > 1, lines.contains(where: { !$0.isEmpty }), text.unicodeScalars.allSatisfy(isBlockLetter)
        else { return nil }
        // What a block begins with must not look like indentation; what it ends with must not be lost.
        guard let first = lines.first, !first.isEmpty, first.first != " ", first.first != "\t" else { return nil }
        let isClosed = lines[lines.count - 1].isEmpty
        let content = isClosed ? lines.dropLast() : lines[...]
        guard let last = content.last, !last.isEmpty, !last.allSatisfy({ $0 == " " || $0 == "\t" }) else { return nil }
        let margin = String(repeating: " ", count: indentation)
        var block = isClosed ? "|\n" : "|-\n"
        for line in content { block += line.isEmpty ? "\n" : "\(margin)\(line)\n" }
        return block
    }

    private static func isBlockLetter(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\n" || scalar == "\t" || isPrintable(scalar)
    }

    /// YAML 1.2's printable characters, without those that some readers take for line breaks.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7e: true
        case 0x85, 0x2028, 0x2029, 0xfeff: false
        case 0xa0...0xd7ff, 0xe000...0xfffd, 0x10000...0x10ffff: true
        default: false
        }
    }

    // MARK: Plain

    private static func isPlain(_ text: String, inFlow: Bool) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return false }
        guard isWordStart(first), last != 0x20, last != UInt8(ascii: ":"), !isReserved(text) else { return false }
        var before: UInt8 = 0
        for byte in text.utf8 {
            guard isPlainByte(byte, inFlow: inFlow) else { return false }
            if byte == UInt8(ascii: "#"), before == 0x20 { return false }
            if byte == 0x20, before == UInt8(ascii: ":") { return false }
            before = byte
        }
        return true
    }

    private static func isWordStart(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: byte == UInt8(ascii: "_") || byte == UInt8(ascii: "/")
        }
    }

    private static func isPlainByte(_ byte: UInt8, inFlow: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"): !inFlow
        case 0x20...0x7e: true
        default: false
        }
    }

    /// Words and figures that some YAML reader, 1.1 or 1.2, takes for something else than text.
    private static func isReserved(_ text: String) -> Bool {
        switch text.lowercased() {
        case "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf": return true
        default: break
        }
        guard let first = text.utf8.first, (0x30...0x39).contains(first) else { return false }
        return isNumber(text) || isDate(text)
    }

    /// Integers and floats of all bases, with underscores or an exponent, and the base 60 of YAML 1.1, for which a
    /// MAC address of decimal digits is a number.
    private static func isNumber(_ text: String) -> Bool {
        let letters = Array(text.lowercased().utf8)
        if letters.count > 2, letters[0] == UInt8(ascii: "0"), "xob".utf8.contains(letters[1]) {
            return letters.dropFirst(2).allSatisfy { hexNibble($0) != nil || $0 == UInt8(ascii: "_") }
        }
        var (dots, exponents, colons) = (0, 0, 0)
        var before: UInt8 = 0
        for letter in letters {
            switch letter {
            case 0x30...0x39, UInt8(ascii: "_"): break
            case UInt8(ascii: "."): dots += 1
            case UInt8(ascii: ":"): colons += 1
            case UInt8(ascii: "e"): exponents += 1
            case UInt8(ascii: "+"), UInt8(ascii: "-"):
                if before != UInt8(ascii: "e") { return false }
            default: return false
            }
            before = letter
        }
        return dots <= 1 && exponents <= 1 && (colons == 0 || exponents == 0)
    }

    /// 2026-01-31, with a time or without.
    private static func isDate(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0].utf8.count == 4 else { return false }
        return parts[0].utf8.allSatisfy { (0x30...0x39).contains($0) }
            && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }
            && parts[2].utf8.first.map { (0x30...0x39).contains($0) } == true
    }

    // MARK: Quoted

    private static func quoted(_ text: String) -> String {
        var output = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\t": output += "\\t"
            case "\r": output += "\\r"
            default: output += isPrintable(scalar) ? String(scalar) : escape(scalar)
            }
        }
        return output + "\""
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        switch scalar.value {
        case ...0xff: return "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
        case ...0xffff: return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
        }
    }
}
