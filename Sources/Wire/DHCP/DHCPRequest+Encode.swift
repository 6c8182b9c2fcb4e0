// SPDX-License-Identifier: Apache-2.0

import Addresses

extension DHCPRequest {
    /// The datagram of this request, at least 300 octets (RFC 951): the fixed fields, option 53, the options in order,
    /// End, and zeros. sname and file are empty. A value of more than 255 octets is split (RFC 3396).
    public func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(DHCPLayout.replyBytesMin)
        bytes += [DHCPLayout.bootRequest, hardware.type, hardware.length, hops]
        bytes.append(uint32: transactionID)
        bytes.append(uint16: seconds)
        bytes.append(uint16: flags)
        bytes.append(uint32: clientAddress.bits)
        bytes += [UInt8](repeating: 0, count: DHCPLayout.relayAddress.offset - bytes.count)
        bytes.append(uint32: relayAddress.bits)
        for half in [hardware.high, hardware.low] {
            bytes.append(uint32: UInt32(truncatingIfNeeded: half >> 32))
            bytes.append(uint32: UInt32(truncatingIfNeeded: half))
        }
        bytes += [UInt8](repeating: 0, count: DHCPLayout.cookie.offset - bytes.count)
        bytes.append(uint32: DHCPLayout.cookieValue)
        if let messageType { bytes += [DHCPOptionCode.messageType.rawValue, 1, messageType.rawValue] }
        for (code, value) in options {
            var rest = value
            repeat {
                let piece = rest.prefix(DHCPLayout.fragmentBytesMax)
                bytes += [code.rawValue, UInt8(truncatingIfNeeded: piece.count)] + piece
                rest = rest.dropFirst(piece.count)
            } while !rest.isEmpty
        }
        bytes.append(DHCPOptionCode.end.rawValue)
        if bytes.count < DHCPLayout.replyBytesMin {
            bytes += [UInt8](repeating: 0, count: DHCPLayout.replyBytesMin - bytes.count)
        }
        return bytes
    }
}
