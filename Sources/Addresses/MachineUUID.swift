// SPDX-License-Identifier: Apache-2.0

/// A machine's SMBIOS UUID, in the order in which people and iPXE's `${uuid}` write it.
public struct MachineUUID: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) { self.high = high; self.low = low }

    /// Reads 8-4-4-4-12 hex digits, hyphens optional.
    public init?(_ text: some StringProtocol) {
        guard let bytes = hexBytes(String(text.filter { $0 != "-" })), bytes.count == 16 else { return nil }
        self.init(textOrder: bytes)
    }

    /// From 16 octets in the order of the written form.
    public init(textOrder bytes: [UInt8]) {
        func word(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: word(0..<8), low: word(8..<16))
    }

    /// From the 16 octets of DHCP option 97 (after its type octet), whose first three fields are little-endian,
    /// as SMBIOS 2.6 and later has them (seen with Debian 12's iPXE ROM; RFC 4578 2.3 leaves it open).
    public init(smbiosOrder b: [UInt8]) {
        self.init(textOrder: [b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6]] + b[8..<16])
    }

    /// The octets of option 97 for this UUID, without the type octet.
    public var smbiosOrder: [UInt8] {
        let b = textOrder
        return [b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6]] + b[8..<16]
    }

    public var textOrder: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: high >> UInt64(8 * (7 - $0))) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> UInt64(8 * (7 - $0))) }
    }

    /// All-zero and all-one values stand for "not set" and name no machine (OVMF without a UUID sends zeros).
    public var isIdentity: Bool { !(high == 0 && low == 0) && !(high == .max && low == .max) }

    public var description: String {
        let h = hexText(textOrder)
        let cuts = [0, 8, 12, 16, 20, 32]
        return zip(cuts, cuts.dropFirst()).map { from, to in String(h.dropFirst(from).prefix(to - from)) }
            .joined(separator: "-")
    }
}
