// SPDX-License-Identifier: Apache-2.0

import Addresses

/// RFC 2132 9.6.
public enum DHCPMessageType: UInt8, Sendable, CaseIterable {
    case discover = 1, offer, request, decline, ack, nak, release, inform
}

/// The link-layer address of a client as BOOTP carries it: htype, hlen and the 16 octets of chaddr.
public struct ClientHardware: Hashable, Sendable {
    public var type: UInt8
    public var length: UInt8
    /// chaddr, the first eight octets and the last eight, big-endian; all sixteen are echoed in replies.
    public var high: UInt64
    public var low: UInt64

    public init(type: UInt8, length: UInt8, high: UInt64, low: UInt64) {
        self.type = type
        self.length = length
        self.high = high
        self.low = low
    }

    public init(mac: MACAddress) { self.init(type: 1, length: 6, high: mac.bits << 16, low: 0) }

    /// The MAC address, when this is a 6-octet link (Ethernet and kin); nil for IPoIB (RFC 4390, hlen 0).
    public var mac: MACAddress? { length == 6 ? MACAddress(bits: high >> 16) : nil }
}

/// A decoded message from a client or a relay: everything the server decides on, and no buffer.
/// Names in quotes are the RFC 2131 field names.
public struct DHCPRequest: Hashable, Sendable {
    public var hardware: ClientHardware
    public var hops: UInt8 = 0
    /// "xid"
    public var transactionID: UInt32 = 0
    /// "secs"
    public var seconds: UInt16 = 0
    /// "flags"; the top bit asks for a broadcast reply.
    public var flags: UInt16 = 0
    /// "ciaddr"
    public var clientAddress: IPv4Address = .any
    /// "giaddr"
    public var relayAddress: IPv4Address = .any
    /// Option 53; nil for plain BOOTP (RFC 951), which has none.
    public var messageType: DHCPMessageType?
    /// All options but 53 and 52 (the overload has been undone: options found in sname and file stand here too).
    public var options: DHCPOptions = DHCPOptions()

    public init(hardware: ClientHardware) { self.hardware = hardware }

    public var wantsBroadcast: Bool { flags & 0x8000 != 0 }
    public var mac: MACAddress? { hardware.mac }
    public var requestedAddress: IPv4Address? { options.address(.requestedAddress) }
    public var serverIdentifier: IPv4Address? { options.address(.serverIdentifier) }
    public var clientIdentifier: ArraySlice<UInt8>? { options[.clientIdentifier] }
    public var parameterRequestList: ArraySlice<UInt8> { options[.parameterRequestList] ?? [] }
    public var requestedLeaseSeconds: UInt32? { options.uint32(.leaseTime) }
    /// Option 57, at least 576 when present (RFC 2132 9.10); nil when absent or smaller.
    public var messageSizeMax: Int? { options.uint16(.maximumMessageSize).flatMap { $0 >= 576 ? Int($0) : nil } }
    public var relayAgent: RelayAgentInformation? {
        options[.relayAgentInformation].map(RelayAgentInformation.init)
    }
}
