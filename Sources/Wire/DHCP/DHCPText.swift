// SPDX-License-Identifier: Apache-2.0

import Addresses

extension DHCPRequest {
    /// The whole message in readable lines, for people: a title, the fixed fields, one line an option. Octets of the
    /// client that are not printable ASCII stand as hex, so that a line is always one line.
    public var text: String {
        var lines = [messageType.map { "DHCP\($0)".uppercased() } ?? "BOOTREQUEST"]
        lines[0] += " xid \(DHCPText.hex(transactionID))"
        lines.append(DHCPText.hardware(hardware))
        lines.append("hops \(hops) secs \(seconds) flags \(DHCPText.flags(flags))")
        lines.append("ciaddr \(clientAddress) giaddr \(relayAddress)")
        for (code, value) in options { lines += DHCPText.option(code, Array(value)) }
        return lines.joined(separator: "\n  ")
    }
}

extension DHCPReply {
    /// The whole message in readable lines, for people; see `DHCPRequest.text`.
    public var text: String {
        var lines = [messageType.map { "DHCP\($0)".uppercased() } ?? "BOOTREPLY"]
        lines[0] += " xid \(DHCPText.hex(transactionID))"
        lines.append(DHCPText.hardware(hardware))
        lines.append("hops \(hops) secs \(seconds) flags \(DHCPText.flags(flags))")
        lines.append("ciaddr \(clientAddress) yiaddr \(yourAddress) siaddr \(nextServer) giaddr \(relayAddress)")
        if !serverName.isEmpty { lines.append("sname \(DHCPText.printable(serverName))") }
        if !bootFile.isEmpty { lines.append("file \(DHCPText.printable(bootFile))") }
        for (code, value) in options { lines += DHCPText.option(code, Array(value)) }
        if let relayAgentInformation { lines += DHCPText.option(.relayAgentInformation, relayAgentInformation) }
        return lines.joined(separator: "\n  ")
    }
}

/// The pieces of both texts.
private enum DHCPText {
    static func hex(_ value: UInt32) -> String { "0x" + hexText(IPv4Address(bits: value).bytes) }

    static func flags(_ flags: UInt16) -> String {
        let octets = [UInt8(truncatingIfNeeded: flags >> 8), UInt8(truncatingIfNeeded: flags)]
        return "0x\(hexText(octets))" + (flags & 0x8000 == 0 ? "" : " (broadcast)")
    }

    static func hardware(_ hardware: ClientHardware) -> String {
        let octets = [hardware.high, hardware.low].flatMap { word in
            stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
        let address = hardware.mac?.description ?? hexText(octets.prefix(Int(hardware.length)))
        return "htype \(hardware.type) hlen \(hardware.length) chaddr \(address.isEmpty ? "none" : address)"
    }

    static func printable(_ octets: some Collection<UInt8>) -> String {
        !octets.isEmpty && octets.allSatisfy(isPrintable)
            ? String(decoding: octets, as: UTF8.self) : "hex:" + hexText(octets)
    }

    static func option(_ code: DHCPOptionCode, _ value: [UInt8]) -> [String] {
        let definition = OptionDefinition.of(code)
        let head = "\(code.rawValue) \(definition.name)"
        switch code {
        case .relayAgentInformation: return ["\(head):"] + relayAgentInformation(value).map { "  " + $0 }
        case .clientIdentifier where value.count == 7 && value[0] == 1:
            return ["\(head): htype 1 \(MACAddress(value.dropFirst()))"]
        case .clientUUID where value.count == 17 && value[0] == 0:
            return ["\(head): \(MachineUUID(smbiosOrder: Array(value.dropFirst())))"]
        default: break
        }
        // Many a server and client ends a text with a NUL: show the text, and that it does.
        if definition.kind == .text, value.count > 1, value.last == 0, value.dropLast().allSatisfy(isPrintable) {
            return ["\(head): \(printable(value.dropLast()))\\0"]
        }
        return ["\(head): \(definition.format(value).joined(separator: ", "))"]
    }

    private static func relayAgentInformation(_ value: [UInt8]) -> [String] {
        var lines: [String] = []
        var rest = value[...]
        while let code = rest.first {
            let length = rest.dropFirst().first.map(Int.init) ?? 0
            guard rest.count >= 2 + length else { return lines + ["truncated: hex:\(hexText(rest))"] }
            let octets = rest.dropFirst(2).prefix(length)
            lines.append("\(code) \(subOptionNames[code] ?? "sub-option"): \(subOption(code, octets))")
            rest = rest.dropFirst(2 + length)
        }
        return lines
    }

    private static func subOption(_ code: UInt8, _ octets: ArraySlice<UInt8>) -> String {
        let isAddress = code == 5 || code == 11
        guard isAddress, octets.count == 4 else { return printable(octets) }
        return IPv4Address(bits: octets.reduce(0) { $0 << 8 | UInt32($1) }).description
    }

    /// RFC 3046, 3527, 3993, 5010, 5107, 6925, 8357, 6607
    private static let subOptionNames: [UInt8: String] = [
        1: "circuit-id", 2: "remote-id", 5: "link-selection", 6: "subscriber-id", 10: "relay-agent-flags",
        11: "server-id-override", 12: "relay-id", 19: "relay-source-port", 151: "vss", 152: "vss-control",
    ]
}
