// SPDX-License-Identifier: Apache-2.0

import Addresses

/// Option 82 (RFC 3046): opaque octets to echo, and the sub-options that the server acts on.
public struct RelayAgentInformation: Hashable, Sendable {
    public var bytes: [UInt8]

    public init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes) }

    public var circuitID: ArraySlice<UInt8>? { subOption(1) }
    public var remoteID: ArraySlice<UInt8>? { subOption(2) }
    /// RFC 3527: the link to choose the subnet by; replies still go to giaddr.
    public var linkSelection: IPv4Address? { address(5) }
    /// RFC 3993
    public var subscriberID: ArraySlice<UInt8>? { subOption(6) }
    /// RFC 5107: stands as option 54 in the reply, and is accepted as ours later.
    public var serverIdentifierOverride: IPv4Address? { address(11) }
    /// RFC 8357: present (length 0 or 2) when the reply goes to the relay's UDP source port.
    public var hasSourcePort: Bool { subOption(19) != nil }

    /// The first sub-option of that number; nil when absent or when the option ends within it.
    public func subOption(_ code: UInt8) -> ArraySlice<UInt8>? {
        var i = 0
        while i + 1 < bytes.count {
            let end = i + 2 + Int(bytes[i + 1])
            guard end <= bytes.count else { return nil }
            if bytes[i] == code { return bytes[(i + 2)..<end] }
            i = end
        }
        return nil
    }

    private func address(_ code: UInt8) -> IPv4Address? {
        guard let value = subOption(code), value.count == 4 else { return nil }
        return IPv4Address(bits: value.reduce(0) { $0 << 8 | UInt32($1) })
    }
}
