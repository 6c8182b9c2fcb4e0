// SPDX-License-Identifier: Apache-2.0

import Addresses

extension DHCPReply {
    /// The datagram of this reply, at least 300 octets (RFC 951). See `encode(into:)`.
    public func encode() -> [UInt8] {
        var buffer: [UInt8] = []
        encode(into: &buffer)
        return buffer
    }

    /// Replaces the contents of `buffer`, whose capacity is kept, by the datagram of this reply: the fixed fields,
    /// option 53, the options in order, option 82 last (RFC 3046 2.1), End, and zeros up to 300 octets. A value of
    /// more than 255 octets is split (RFC 3396). What does not fit `messageSizeMax` moves into file and sname, and
    /// then is dropped, last options first (see `OptionPlacement`).
    ///
    /// Returns what was dropped; nearly always nothing. A `serverName` or `bootFile` that its field cannot hold is
    /// left out and reported as the option that means the same, 66 or 67.
    @discardableResult
    public func encode(into buffer: inout [UInt8]) -> [DHCPOptionCode] {
        let placement = OptionPlacement(self)
        buffer.removeAll(keepingCapacity: true)
        buffer.append(addingCapacity: max(DHCPLayout.messageSizeMax, DHCPLayout.replyBytesMin)) { output in
            appendFixedPart(&output)
            appendName(serverName, placement, DHCPLayout.serverName, .serverName, &output)
            appendName(bootFile, placement, DHCPLayout.bootFile, .file, &output)
            output.append(uint32: DHCPLayout.cookieValue)
            if let messageType { output.append(.messageType, uint8: messageType.rawValue) }
            if placement.overload != 0 { output.append(.overload, uint8: placement.overload) }
            appendOptions(placement, .main, &output)
            if placement.sendsRelayAgentInformation, let relayAgentInformation {
                output.append(.relayAgentInformation, relayAgentInformation[...])
            }
            output.append(DHCPOptionCode.end.rawValue)
            output.pad(to: DHCPLayout.replyBytesMin)
        }
        return placement.dropped
    }

    private func appendFixedPart(_ output: inout OutputSpan<UInt8>) {
        output.append(DHCPLayout.bootReply)
        output.append(hardware.type)
        output.append(hardware.length)
        output.append(hops)
        output.append(uint32: transactionID)
        output.append(uint16: seconds)
        output.append(uint16: flags)
        output.append(uint32: clientAddress.bits)
        output.append(uint32: yourAddress.bits)
        output.append(uint32: nextServer.bits)
        output.append(uint32: relayAddress.bits)
        output.append(uint64: hardware.high)
        output.append(uint64: hardware.low)
    }

    /// One of sname and file: its name, or the options that overload it.
    private func appendName(
        _ name: [UInt8], _ placement: OptionPlacement, _ field: DHCPField, _ place: OptionPlacement.Field,
        _ output: inout OutputSpan<UInt8>
    ) {
        let (bit, sendsName) =
            place == .file
            ? (DHCPLayout.overloadFile, placement.sendsBootFile)
            : (DHCPLayout.overloadServerName, placement.sendsServerName)
        if placement.overload & bit != 0 {
            appendOptions(placement, place, &output)
            output.append(DHCPOptionCode.end.rawValue)
        } else if sendsName {
            output.append(name[...])
        }
        output.pad(to: field.end)
    }

    private func appendOptions(
        _ placement: OptionPlacement, _ place: OptionPlacement.Field, _ output: inout OutputSpan<UInt8>
    ) {
        guard let fields = placement.fields else {
            for (code, value) in options where place == .main && code.standsInOptions { output.append(code, value) }
            return
        }
        var index = 0
        for (code, value) in options {
            if fields[index] == place { output.append(code, value) }
            index += 1
        }
    }
}

/// The placement has counted the octets: what is appended here fits.
extension OutputSpan where Element == UInt8 {
    fileprivate mutating func append(uint16 value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    fileprivate mutating func append(uint32 value: UInt32) {
        append(uint16: UInt16(truncatingIfNeeded: value >> 16))
        append(uint16: UInt16(truncatingIfNeeded: value))
    }

    fileprivate mutating func append(uint64 value: UInt64) {
        append(uint32: UInt32(truncatingIfNeeded: value >> 32))
        append(uint32: UInt32(truncatingIfNeeded: value))
    }

    fileprivate mutating func append(_ octets: ArraySlice<UInt8>) {
        for octet in octets { append(octet) }
    }

    fileprivate mutating func append(_ code: DHCPOptionCode, uint8 value: UInt8) {
        append(code.rawValue)
        append(1)
        append(value)
    }

    /// One option, in as many pieces as it needs (RFC 3396).
    fileprivate mutating func append(_ code: DHCPOptionCode, _ value: ArraySlice<UInt8>) {
        var rest = value
        repeat {
            let piece = rest.prefix(DHCPLayout.fragmentBytesMax)
            append(code.rawValue)
            append(UInt8(truncatingIfNeeded: piece.count))
            append(piece)
            rest = rest.dropFirst(piece.count)
        } while !rest.isEmpty
    }

    /// Zeros until `count` octets stand here.
    fileprivate mutating func pad(to count: Int) {
        if self.count < count { append(repeating: 0, count: count - self.count) }
    }
}
