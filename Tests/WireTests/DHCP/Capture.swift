// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing
import Wire

/// A datagram as it was on the wire, and its golden text.
struct Capture: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    let text: String

    /// `hex` holds the octets; "(12)" stands for twelve zeros.
    init(_ name: String, hex: String, text: String) {
        self.name = name
        self.text = text
        var bytes: [UInt8] = []
        for word in hex.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            if word.first == "(", let count = Int(word.dropFirst().dropLast()) {
                bytes += [UInt8](repeating: 0, count: count)
            } else if let octets = hexBytes(word) {
                bytes += octets
            } else {
                preconditionFailure("\(name): '\(word)' is no hex")
            }
        }
        self.bytes = bytes
    }

    var testDescription: String { name }
}

/// A datagram made by hand: zeros, but for op, the cookie, and what follows it.
func datagram(op: UInt8 = 1, options: [UInt8], file: [UInt8] = [], sname: [UInt8] = []) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 236)
    bytes.replaceSubrange(0..<3, with: [op, 1, 6])
    bytes.replaceSubrange(28..<34, with: [0x52, 0x54, 0, 0x12, 0x34, 0x56])
    bytes.replaceSubrange(44..<(44 + sname.count), with: sname)
    bytes.replaceSubrange(108..<(108 + file.count), with: file)
    return bytes + [0x63, 0x82, 0x53, 0x63] + options
}

/// One option as it stands on the wire.
func option(_ code: DHCPOptionCode, _ value: [UInt8]) -> [UInt8] { [code.rawValue, UInt8(value.count)] + value }

let discover = option(.messageType, [1])
let end: [UInt8] = [255]

func decodeRequest(_ bytes: [UInt8]) throws(DHCPDecodeError) -> DHCPRequest { try DHCPRequest(decoding: bytes.span) }
func decodeReply(_ bytes: [UInt8]) throws(DHCPDecodeError) -> DHCPReply { try DHCPReply(decoding: bytes.span) }

extension DHCPOptions {
    /// For comparisons that print well.
    var entries: [Entry] { map { Entry(code: $0.code.rawValue, value: Array($0.value)) } }

    struct Entry: Hashable {
        var code: UInt8
        var value: [UInt8]
    }
}

/// Steele, Lea and Flood's SplitMix64: the same numbers from the same seed, on every machine.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var word: UInt64 = 0
        for index in 0..<count {
            word = index & 7 == 0 ? next() : word >> 8
            bytes.append(UInt8(truncatingIfNeeded: word))
        }
        return bytes
    }
}
