// SPDX-License-Identifier: Apache-2.0

import Model
import Wire

/// What a read request's options come to (RFC 2347): the terms of the transfer, and the OACK that says so.
/// Options that are unknown (iPXE's "multicast") or carry no valid value are as good as not sent.
public struct TFTPNegotiation: Hashable, Sendable {
    /// RFC 2348; 512 when not negotiated.
    public private(set) var blockBytes = 512
    /// RFC 7440: blocks sent before an ACK is due; 1 when not negotiated.
    public private(set) var windowBlocks = 1
    /// RFC 2349: the client's wish for the time before a repetition; nil: ours to choose.
    public private(set) var timeoutSeconds: Int?
    /// The client asked for "tsize" (RFC 2349); it may be all it wants.
    public private(set) var asksSize = false
    /// The options of the OACK, named as the client named them. Empty: no OACK, DATA 1 at once.
    public private(set) var accepted: [TFTPOption] = []

    /// `mtuBytes` is the MTU towards the client: blocks are cut so that they need no fragments.
    public init(asked: [TFTPOption], contentBytes: Int, mtuBytes: Int) {
        var seen: Set<String> = []
        for option in asked {
            // "An option may only be specified once" (RFC 2347): the first one counts.
            let name = option.name.lowercased()
            guard seen.insert(name).inserted, let value = accept(name, option.value, contentBytes, mtuBytes) else {
                continue
            }
            accepted.append(TFTPOption(name: option.name, value: String(value)))
        }
    }

    private mutating func accept(_ name: String, _ value: String, _ contentBytes: Int, _ mtuBytes: Int) -> Int? {
        guard let asked = Self.number(value) else { return nil }
        switch name {
        case "blksize":
            guard asked >= Limits.tftpBlockBytesMin else { return nil }
            // 20 octets of IP, 8 of UDP, 4 of TFTP.
            blockBytes = min(asked, Limits.tftpBlockBytesMax, max(mtuBytes - 32, Limits.tftpBlockBytesMin))
            return blockBytes
        case "windowsize":
            guard asked >= 1 else { return nil }
            windowBlocks = min(asked, Limits.tftpWindowMax)
            return windowBlocks
        case "timeout":
            // The value must come back unchanged or not at all (RFC 2349).
            guard (1...255).contains(asked) else { return nil }
            timeoutSeconds = asked
            return asked
        case "tsize":
            asksSize = true
            return contentBytes
        default:
            return nil
        }
    }

    /// Decimal digits and nothing else.
    private static func number(_ text: String) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }
}
