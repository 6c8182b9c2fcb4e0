// SPDX-License-Identifier: Apache-2.0

import Addresses

extension DHCPRequest {
    /// Reads a BOOTREQUEST datagram (RFC 2131 2, RFC 951). A vendor area without the DHCP cookie, or a datagram
    /// that ends before it, is plain BOOTP: no message type, no options. Takes one allocation, for the options.
    public init(decoding bytes: Span<UInt8>) throws(DHCPDecodeError) {
        let fixed = try DHCPFixedPart(bytes)
        guard fixed.operation == DHCPLayout.bootRequest else { throw .notRequest(op: fixed.operation) }
        self.init(hardware: try fixed.hardware())
        hops = fixed.hops
        transactionID = fixed.transactionID
        seconds = fixed.seconds
        flags = fixed.flags
        clientAddress = fixed.clientAddress
        relayAddress = fixed.relayAddress
        guard fixed.hasOptions else { return }
        let areas = try OptionAreas(bytes)
        messageType = areas.messageType
        options = areas.options
    }
}

extension DHCPReply {
    /// Reads a BOOTREPLY datagram, as clients do. Options 53, 52 and 82 are taken out of the options. sname and file
    /// are read up to their NUL, or their last octet, which is for the NUL; both are empty where they hold options.
    /// `messageSizeMax` is not part of a message: it has its default.
    public init(decoding bytes: Span<UInt8>) throws(DHCPDecodeError) {
        let fixed = try DHCPFixedPart(bytes)
        guard fixed.operation == DHCPLayout.bootReply else { throw .notReply(op: fixed.operation) }
        let areas = fixed.hasOptions ? try OptionAreas(bytes) : nil
        var request = DHCPRequest(hardware: try fixed.hardware())
        request.transactionID = fixed.transactionID
        request.flags = fixed.flags
        request.relayAddress = fixed.relayAddress
        self.init(to: request, type: areas?.messageType)
        hops = fixed.hops
        seconds = fixed.seconds
        clientAddress = fixed.clientAddress
        yourAddress = fixed.yourAddress
        nextServer = fixed.nextServer
        if areas?.usesServerName != true { serverName = Self.text(bytes, DHCPLayout.serverName) }
        if areas?.usesFile != true { bootFile = Self.text(bytes, DHCPLayout.bootFile) }
        for (code, value) in areas?.options ?? DHCPOptions() {
            if code == .relayAgentInformation {
                relayAgentInformation = Array(value)
            } else {
                options.append(code, value)
            }
        }
    }

    private static func text(_ bytes: Span<UInt8>, _ field: DHCPField) -> [UInt8] {
        var octets: [UInt8] = []
        for offset in field.offset..<(field.end - 1) {
            guard bytes[offset] != 0 else { break }
            octets.append(bytes[offset])
        }
        return octets
    }
}

/// The fields before the options; requests and replies have the same.
private struct DHCPFixedPart {
    let operation: UInt8
    let hardwareType: UInt8
    let hardwareLength: UInt8
    let hops: UInt8
    let transactionID: UInt32
    let seconds: UInt16
    let flags: UInt16
    let clientAddress: IPv4Address
    let yourAddress: IPv4Address
    let nextServer: IPv4Address
    let relayAddress: IPv4Address
    let hardwareHigh: UInt64
    let hardwareLow: UInt64
    let hasOptions: Bool

    init(_ bytes: Span<UInt8>) throws(DHCPDecodeError) {
        guard bytes.count >= DHCPLayout.fixedBytes else { throw .short(bytes: bytes.count) }
        guard bytes.count <= DHCPLayout.datagramBytesMax else { throw .long(bytes: bytes.count) }
        operation = bytes[DHCPLayout.operation.offset]
        hardwareType = bytes[DHCPLayout.hardwareType.offset]
        hardwareLength = bytes[DHCPLayout.hardwareLength.offset]
        hops = bytes[DHCPLayout.hops.offset]
        transactionID = UInt32(truncatingIfNeeded: Self.integer(bytes, DHCPLayout.transactionID))
        seconds = UInt16(truncatingIfNeeded: Self.integer(bytes, DHCPLayout.seconds))
        flags = UInt16(truncatingIfNeeded: Self.integer(bytes, DHCPLayout.flags))
        clientAddress = Self.address(bytes, DHCPLayout.clientAddress)
        yourAddress = Self.address(bytes, DHCPLayout.yourAddress)
        nextServer = Self.address(bytes, DHCPLayout.nextServer)
        relayAddress = Self.address(bytes, DHCPLayout.relayAddress)
        let hardware = DHCPLayout.hardwareAddress
        hardwareHigh = Self.integer(bytes, from: hardware.offset, to: hardware.offset + 8)
        hardwareLow = Self.integer(bytes, from: hardware.offset + 8, to: hardware.end)
        let cookie = DHCPLayout.cookie
        hasOptions = bytes.count >= cookie.end && Self.integer(bytes, cookie) == UInt64(DHCPLayout.cookieValue)
    }

    func hardware() throws(DHCPDecodeError) -> ClientHardware {
        guard hardwareLength <= DHCPLayout.hardwareLengthMax else { throw .badHardwareLength(hardwareLength) }
        return ClientHardware(type: hardwareType, length: hardwareLength, high: hardwareHigh, low: hardwareLow)
    }

    @inline(__always)
    private static func integer(_ bytes: Span<UInt8>, _ field: DHCPField) -> UInt64 {
        integer(bytes, from: field.offset, to: field.end)
    }

    @inline(__always)
    private static func integer(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> UInt64 {
        var value: UInt64 = 0
        for offset in start..<end { value = value << 8 | UInt64(bytes[offset]) }
        return value
    }

    @inline(__always)
    private static func address(_ bytes: Span<UInt8>, _ field: DHCPField) -> IPv4Address {
        IPv4Address(bits: UInt32(truncatingIfNeeded: integer(bytes, field)))
    }
}
