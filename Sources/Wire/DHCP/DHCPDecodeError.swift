// SPDX-License-Identifier: Apache-2.0

/// Why a datagram is not a message that we can act on.
public enum DHCPDecodeError: Error, Hashable, Sendable {
    /// Shorter than the fixed 236 octets.
    case short(bytes: Int)
    /// Longer than UDP can carry.
    case long(bytes: Int)
    /// "op" is not BOOTREQUEST where a request was expected: replies of other servers, mostly.
    case notRequest(op: UInt8)
    /// "op" is not BOOTREPLY where a reply was expected.
    case notReply(op: UInt8)
    /// "hlen" is larger than chaddr.
    case badHardwareLength(UInt8)
    /// An option runs past the end of its field, and what would be lost matters (see `OptionAreas`).
    case truncatedOption(DHCPOptionCode)
    /// Option 53 is not one octet, is repeated, or names no type of RFC 2132 9.6.
    case badMessageType

    /// A constant word for each case: the label of a drop metric. Nothing of the packet enters it.
    public var label: String {
        switch self {
        case .short: "short"
        case .long: "long"
        case .notRequest: "not-request"
        case .notReply: "not-reply"
        case .badHardwareLength: "bad-hardware-length"
        case .truncatedOption: "truncated-option"
        case .badMessageType: "bad-message-type"
        }
    }

    /// Every label, so that counters can be made at start.
    public static let labels = [
        Self.short(bytes: 0), .long(bytes: 0), .notRequest(op: 0), .notReply(op: 0), .badHardwareLength(0),
        .truncatedOption(.pad), .badMessageType,
    ].map(\.label)
}
