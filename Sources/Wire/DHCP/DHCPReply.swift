// SPDX-License-Identifier: Apache-2.0

import Addresses

/// A reply before it has bytes. Options stand in the order in which they are sent; option 82 is kept apart because
/// it must come last (RFC 3046 2.1) and must never move into sname or file.
public struct DHCPReply: Hashable, Sendable {
    /// Nil for a BOOTP reply, which carries no option 53.
    public var messageType: DHCPMessageType?
    public var hardware: ClientHardware
    public var hops: UInt8 = 0
    public var transactionID: UInt32
    public var seconds: UInt16 = 0
    public var flags: UInt16
    /// "ciaddr"
    public var clientAddress: IPv4Address = .any
    /// "yiaddr"
    public var yourAddress: IPv4Address = .any
    /// "siaddr"
    public var nextServer: IPv4Address = .any
    /// "giaddr"
    public var relayAddress: IPv4Address
    /// "sname", at most 63 octets and a NUL
    public var serverName: [UInt8] = []
    /// "file", at most 127 octets and a NUL
    public var bootFile: [UInt8] = []
    /// All options but 53 and 82.
    public var options: DHCPOptions = DHCPOptions()
    public var relayAgentInformation: [UInt8]?
    /// How large the whole message may be, IP and UDP headers included (option 57's meaning). RFC 2131 2: 576.
    public var messageSizeMax: Int = 576

    /// A reply to `request`: the fields that RFC 2131 table 3 copies are copied.
    public init(to request: DHCPRequest, type: DHCPMessageType?) {
        messageType = type
        hardware = request.hardware
        transactionID = request.transactionID
        flags = request.flags
        relayAddress = request.relayAddress
        relayAgentInformation = request.options.bytes(.relayAgentInformation)
        if let size = request.messageSizeMax { messageSizeMax = size }
        options.reserveCapacity(bytes: 192)
    }
}
