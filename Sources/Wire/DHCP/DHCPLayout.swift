// SPDX-License-Identifier: Apache-2.0

/// Where one field of the fixed part stands.
struct DHCPField: Equatable, Sendable {
    /// As RFC 2131 writes it.
    let name: StaticString
    let offset: Int
    let width: Int

    init(_ name: StaticString, at offset: Int, width: Int) {
        self.name = name
        self.offset = offset
        self.width = width
    }

    var end: Int { offset + width }

    static func == (a: Self, b: Self) -> Bool { a.offset == b.offset && a.width == b.width }
}

/// The fixed part of a message (RFC 2131 figure 1), and the sizes that the RFCs set.
enum DHCPLayout {
    static let operation = DHCPField("op", at: 0, width: 1)
    static let hardwareType = DHCPField("htype", at: 1, width: 1)
    static let hardwareLength = DHCPField("hlen", at: 2, width: 1)
    static let hops = DHCPField("hops", at: 3, width: 1)
    static let transactionID = DHCPField("xid", at: 4, width: 4)
    static let seconds = DHCPField("secs", at: 8, width: 2)
    static let flags = DHCPField("flags", at: 10, width: 2)
    static let clientAddress = DHCPField("ciaddr", at: 12, width: 4)
    static let yourAddress = DHCPField("yiaddr", at: 16, width: 4)
    static let nextServer = DHCPField("siaddr", at: 20, width: 4)
    static let relayAddress = DHCPField("giaddr", at: 24, width: 4)
    static let hardwareAddress = DHCPField("chaddr", at: 28, width: 16)
    static let serverName = DHCPField("sname", at: 44, width: 64)
    static let bootFile = DHCPField("file", at: 108, width: 128)
    /// RFC 2131 3: the first four octets of the options field; without it the field is a BOOTP vendor area.
    static let cookie = DHCPField("cookie", at: 236, width: 4)

    static let fields = [
        operation, hardwareType, hardwareLength, hops, transactionID, seconds, flags, clientAddress, yourAddress,
        nextServer, relayAddress, hardwareAddress, serverName, bootFile, cookie,
    ]

    static let cookieValue: UInt32 = 0x6382_5363
    static let bootRequest: UInt8 = 1
    static let bootReply: UInt8 = 2
    static let fixedBytes = 236
    static let optionsOffset = 240
    /// The size of chaddr.
    static let hardwareLengthMax: UInt8 = 16
    /// An option's length is one octet.
    static let fragmentBytesMax = 255
    /// The value of option 52: which of file and sname hold options (RFC 2132 9.3).
    static let overloadFile: UInt8 = 1
    static let overloadServerName: UInt8 = 2

    /// RFC 951: the size of a BOOTP message; relays and old clients drop shorter ones.
    static let replyBytesMin = 300
    static let headersIPAndUDPBytes = 28
    /// RFC 2131 2: what every client takes, IP and UDP headers included.
    static let messageSizeMin = 576
    /// An Ethernet frame's worth: a larger message would be fragmented, and boot firmware reassembles badly.
    static let messageSizeMax = 1500
    /// What UDP can carry; the lengths in `DHCPOptions` rely on it.
    static let datagramBytesMax = 65_535
}
