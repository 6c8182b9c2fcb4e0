// SPDX-License-Identifier: Apache-2.0

/// A subnet: a network address and a prefix length. The host bits of `address` are zero.
public struct IPv4Subnet: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let address: IPv4Address
    public let prefixLength: Int

    /// The subnet that holds `address`: its host bits are dropped. `prefixLength` is 0 to 32.
    public init(containing address: IPv4Address, prefixLength: Int) {
        precondition((0...32).contains(prefixLength))
        self.prefixLength = prefixLength
        self.address = IPv4Address(bits: address.bits & Self.maskBits(prefixLength))
    }

    /// Reads "10.0.0.0/24". Returns nil when host bits are set: "10.0.0.7/24" is more often a slip than a subnet.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(parts[0]), let length = Int(parts[1]),
            (0...32).contains(length), parts[1] == String(length)  // not "+8", not "08"
        else { return nil }
        guard address.bits & ~Self.maskBits(length) == 0 else { return nil }
        self.init(containing: address, prefixLength: length)
    }

    private static func maskBits(_ length: Int) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length) }

    public var mask: IPv4Address { IPv4Address(bits: Self.maskBits(prefixLength)) }
    public var first: IPv4Address { address }
    public var last: IPv4Address { IPv4Address(bits: address.bits | ~mask.bits) }
    public var broadcast: IPv4Address { last }
    public var range: IPv4Range { IPv4Range(first: first, last: last) }

    public func contains(_ other: IPv4Address) -> Bool { other.bits & mask.bits == address.bits }
    public func overlaps(_ other: IPv4Subnet) -> Bool { contains(other.address) || other.contains(address) }

    public static func < (a: Self, b: Self) -> Bool {
        (a.address, a.prefixLength) < (b.address, b.prefixLength)
    }
    public var description: String { "\(address)/\(prefixLength)" }
}

/// An inclusive range of addresses.
public struct IPv4Range: Hashable, Sendable, CustomStringConvertible {
    public let first: IPv4Address
    public let last: IPv4Address

    /// `first` must not be after `last`.
    public init(first: IPv4Address, last: IPv4Address) {
        precondition(first <= last)
        self.first = first
        self.last = last
    }

    /// Reads "10.0.0.10-10.0.0.99", "10.0.0.10", or a subnet "10.0.0.64/26".
    public init?(_ text: some StringProtocol) {
        if let subnet = IPv4Subnet(text) { self = subnet.range; return }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { part in
            var part = part.drop(while: { $0 == " " })
            while part.last == " " { part = part.dropLast() }
            return IPv4Address(part)
        }
        switch (parts.count, parts.first ?? nil, parts.last ?? nil) {
        case (1, let only?, _): self.init(first: only, last: only)
        case (2, let first?, let last?) where first <= last: self.init(first: first, last: last)
        default: return nil
        }
    }

    public var count: Int { Int(last.bits) - Int(first.bits) + 1 }
    public func contains(_ address: IPv4Address) -> Bool { first <= address && address <= last }
    public func overlaps(_ other: IPv4Range) -> Bool { first <= other.last && other.first <= last }
    public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}
