// SPDX-License-Identifier: Apache-2.0

import Addresses

/// What names a client within one network. Which kind is used is the network's rule, or the reservation's.
public enum ClientIdentity: Hashable, Sendable, CustomStringConvertible {
    case mac(MACAddress)
    /// Option 61, opaque (RFC 4361).
    case clientIdentifier([UInt8])
    /// Option 97 (RFC 4578).
    case uuid(MachineUUID)
    /// Option 82 sub-option 1, opaque (RFC 3046).
    case circuit([UInt8])

    public var description: String {
        switch self {
        case .mac(let mac): "mac \(mac)"
        case .clientIdentifier(let bytes): "client-id \(hexText(bytes))"
        case .uuid(let uuid): "uuid \(uuid)"
        case .circuit(let bytes): "circuit \(hexText(bytes))"
        }
    }
}
