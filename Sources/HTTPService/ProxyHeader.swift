// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Model

/// What a balancer says about a connection before its first byte (haproxy.org, proxy-protocol.txt, versions 1 and 2).
struct ProxyHeader: Hashable, Sendable {
    struct Source: Hashable, Sendable {
        var client: IPv4Address
        var clientPort: UInt16
        /// Where the client reached the balancer.
        var reached: IPv4Address
        var reachedPort: UInt16
    }

    /// Nil: the balancer speaks for itself (LOCAL: it looks whether we are there), or for a client that is not IPv4.
    var source: Source?
    /// The client came over TLS.
    var isEncrypted = false

    enum Reading: Hashable, Sendable {
        /// As far as it goes it is one; its end is still to come.
        case incomplete
        /// A header of so many bytes.
        case header(ProxyHeader, bytes: Int)
        case invalid(String)
    }

    static func read(_ bytes: [UInt8]) -> Reading {
        let count = min(bytes.count, signature.count)
        if count > 0, bytes[..<count].elementsEqual(signature[..<count]) { return readBinary(bytes) }
        let begun = min(bytes.count, lineStart.count)
        guard bytes[..<begun].elementsEqual(lineStart[..<begun]) else { return .invalid("it does not begin with one") }
        return readLine(bytes)
    }

    // MARK: Version 1

    private static let lineStart = Array("PROXY ".utf8)
    /// With its end, as the specification has it.
    private static let lineBytesMax = 107

    private static func readLine(_ bytes: [UInt8]) -> Reading {
        guard let end = bytes.prefix(lineBytesMax).firstIndex(of: 10) else {
            return bytes.count < lineBytesMax ? .incomplete : .invalid("its line has no end")
        }
        guard bytes[end - 1] == 13 else { return .invalid("its line does not end in CR LF") }
        let words = String(decoding: bytes[lineStart.count..<end - 1], as: UTF8.self)
            .split(separator: " ", omittingEmptySubsequences: false)
        switch words.first {
        case "UNKNOWN": return .header(ProxyHeader(), bytes: end + 1)
        case "TCP6" where words.count == 5: return .header(ProxyHeader(), bytes: end + 1)
        case "TCP4" where words.count == 5:
            guard let client = IPv4Address(words[1]), let reached = IPv4Address(words[2]),
                let clientPort = HostName.port(words[3]), let reachedPort = HostName.port(words[4])
            else { return .invalid("its addresses or ports are malformed") }
            let source = Source(client: client, clientPort: clientPort, reached: reached, reachedPort: reachedPort)
            return .header(ProxyHeader(source: source), bytes: end + 1)
        default: return .invalid("its protocol is none of TCP4, TCP6 and UNKNOWN")
        }
    }

    // MARK: Version 2

    private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
    private static let fixedBytes = 16

    private static func readBinary(_ bytes: [UInt8]) -> Reading {
        guard bytes.count >= fixedBytes else { return .incomplete }
        let end = fixedBytes + Int(bytes[14]) << 8 + Int(bytes[15])
        guard bytes[12] >> 4 == 2 else { return .invalid("its version is \(bytes[12] >> 4), not 2") }
        guard bytes[12] & 0xf <= 1 else { return .invalid("its command is neither LOCAL nor PROXY") }
        guard end <= Limits.proxyHeaderBytesMax else { return .invalid("it is longer than is taken here") }
        guard bytes.count >= end else { return .incomplete }
        let isLocal = bytes[12] & 0xf == 0
        // UNSPEC, TCP and UDP over IPv4, the same over IPv6, Unix sockets of both kinds.
        let addressBytes: Int
        switch bytes[13] {
        case 0x00: addressBytes = 0
        case 0x11, 0x12: addressBytes = 12
        case 0x21, 0x22: addressBytes = 36
        case 0x31, 0x32: addressBytes = 216
        default:
            // A receiver skips the addresses of a LOCAL header, whatever it calls them.
            guard isLocal else { return .invalid("its address family is unknown") }
            return .header(ProxyHeader(), bytes: end)
        }
        guard fixedBytes + addressBytes <= end else { return .invalid("it is too short for its addresses") }
        var header = ProxyHeader()
        if let reason = header.readFields(bytes, from: fixedBytes + addressBytes, to: end) { return .invalid(reason) }
        if !isLocal, bytes[13] == 0x11 { header.source = Source(bytes) }
        return .header(header, bytes: end)
    }

    private enum Field {
        static let checksum: UInt8 = 0x03
        static let encryption: UInt8 = 0x20
    }

    /// What follows the addresses, as type, length and value. Returns what is wrong with it.
    private mutating func readFields(_ bytes: [UInt8], from start: Int, to end: Int) -> String? {
        var next = start
        // UNSPEC has no addresses, and what follows may be anything.
        if bytes[13] == 0 { return nil }
        while next < end {
            guard next + 3 <= end else { return "a field is cut off" }
            let value = next + 3
            let count = Int(bytes[next + 1]) << 8 + Int(bytes[next + 2])
            guard value + count <= end else { return "a field is longer than the header" }
            switch bytes[next] {
            case Field.checksum:
                guard count == 4 else { return "its checksum is not four bytes" }
                var blank = Array(bytes[..<end])
                for i in value..<value + 4 { blank[i] = 0 }
                let stated = bytes[value..<value + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                guard cl_crc32c(0, blank, blank.count) == stated else { return "its checksum is wrong" }
            case Field.encryption where count >= 1: isEncrypted = bytes[value] & 1 == 1
            default: break
            }
            next = value + count
        }
        return nil
    }
}

extension ProxyHeader.Source {
    fileprivate init(_ bytes: [UInt8]) {
        func number(_ range: Range<Int>) -> UInt32 { bytes[range].reduce(0) { $0 << 8 | UInt32($1) } }
        client = IPv4Address(bits: number(16..<20))
        reached = IPv4Address(bits: number(20..<24))
        clientPort = UInt16(number(24..<26))
        reachedPort = UInt16(number(26..<28))
    }
}
