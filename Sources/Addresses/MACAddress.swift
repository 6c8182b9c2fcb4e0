// SPDX-License-Identifier: Apache-2.0

/// A 48-bit link-layer address. Written as operators do: lower-case, colons.
public struct MACAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let bits: UInt64

    public init(bits: UInt64) { self.bits = bits & 0xffff_ffff_ffff }

    /// Takes the first six octets of `bytes`, which must hold at least six.
    public init(_ bytes: some Sequence<UInt8>) {
        var bits: UInt64 = 0
        for byte in bytes.prefix(6) { bits = bits << 8 | UInt64(byte) }
        self.bits = bits
    }

    /// Reads twelve hex digits in any common notation: 52:54:00:12:34:56, 52-54-..., 5254.0012.3456, 525400123456.
    public init?(_ text: some StringProtocol) {
        var bits: UInt64 = 0
        var digits = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") { continue }
            guard let nibble = hexNibble(byte), digits < 12 else { return nil }
            bits = bits << 4 | UInt64(nibble)
            digits += 1
        }
        guard digits == 12 else { return nil }
        self.bits = bits
    }

    public var bytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * (5 - $0))) } }
    public var isMulticast: Bool { bits >> 40 & 1 == 1 }
    public static func < (a: Self, b: Self) -> Bool { a.bits < b.bits }

    public var description: String { text(separator: ":") }
    /// The form that iPXE's `${mac:hexhyp}` has, safe in a path: 52-54-00-12-34-56.
    public var hyphenated: String { text(separator: "-") }

    private func text(separator: String) -> String { bytes.map { hexText([$0]) }.joined(separator: separator) }
}
