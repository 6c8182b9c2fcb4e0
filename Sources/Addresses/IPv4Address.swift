// SPDX-License-Identifier: Apache-2.0

/// An IPv4 address, held in host byte order so that ranges and offsets are plain arithmetic.
public struct IPv4Address: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var bits: UInt32

    public static let any = IPv4Address(bits: 0)
    public static let broadcast = IPv4Address(bits: .max)
    public static let loopback = IPv4Address(bits: 0x7f00_0001)

    public init(bits: UInt32) { self.bits = bits }

    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// Reads dotted-quad text; four decimal octets and nothing else. Returns nil for anything else,
    /// also for the octal-looking "010.0.0.1", which tools read in different ways.
    @inlinable
    public init?(_ text: some StringProtocol) {
        var bits: UInt32 = 0
        var octets = 0
        var value: UInt32 = 0
        var digits = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, octets < 3 else { return nil }
                bits = bits << 8 | value
                (octets, value, digits) = (octets + 1, 0, 0)
                continue
            }
            guard byte >= 0x30, byte <= 0x39, digits < 3, !(digits > 0 && value == 0) else { return nil }
            value = value * 10 + UInt32(byte - 0x30)
            digits += 1
            guard value <= 255 else { return nil }
        }
        guard octets == 3, digits > 0 else { return nil }
        self.bits = bits << 8 | value
    }

    public var octets: (UInt8, UInt8, UInt8, UInt8) {
        (
            UInt8(truncatingIfNeeded: bits >> 24), UInt8(truncatingIfNeeded: bits >> 16),
            UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)
        )
    }

    /// The four octets in network order.
    public var bytes: [UInt8] { let o = octets; return [o.0, o.1, o.2, o.3] }

    public var isAny: Bool { bits == 0 }
    public var isBroadcast: Bool { bits == .max }
    public var isLoopback: Bool { bits >> 24 == 127 }
    public var isMulticast: Bool { bits >> 28 == 14 }

    public static func < (a: Self, b: Self) -> Bool { a.bits < b.bits }

    public var description: String {
        let o = octets
        return "\(o.0).\(o.1).\(o.2).\(o.3)"
    }
}
