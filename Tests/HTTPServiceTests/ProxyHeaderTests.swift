// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Testing

@testable import HTTPService

/// What HAProxy sends before a connection's first byte.
struct ProxyHeaderTests {
    private static let source = ProxyHeader.Source(
        client: IPv4Address(192, 0, 2, 7), clientPort: 50_000, reached: IPv4Address(10, 0, 0, 80), reachedPort: 80)

    // MARK: Version 1

    @Test func `a line is read`() {
        let line = Array("PROXY TCP4 192.0.2.7 10.0.0.80 50000 80\r\n".utf8)
        #expect(ProxyHeader.read(line + [71, 69]) == .header(ProxyHeader(source: Self.source), bytes: line.count))
        for text in ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ff:: x 1 2\r\n", "PROXY TCP6 ::1 ::2 1 2\r\n"] {
            #expect(ProxyHeader.read(Array(text.utf8)) == .header(ProxyHeader(), bytes: text.utf8.count))
        }
        for count in 0..<line.count { #expect(ProxyHeader.read(Array(line[..<count])) == .incomplete) }
    }

    @Test(
        arguments: [
            "GET / HTTP/1.1\r\n", "proxy TCP4 192.0.2.7 10.0.0.80 50000 80\r\n", "PROXY TCP4 192.0.2.7 10.0.0.80 1 2\n",
            "PROXY TCP4 192.0.2.7 10.0.0.80 50000\r\n", "PROXY TCP4  192.0.2.7 10.0.0.80 50000 80\r\n",
            "PROXY TCP4 192.0.2.700 10.0.0.80 50000 80\r\n", "PROXY TCP4 192.0.2.7 10.0.0.80 50000 80000\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.80 -1 80\r\n", "PROXY UDP4 192.0.2.7 10.0.0.80 1 2\r\n", "PROXY \r\n",
            "PROXY UNKNOWN " + String(repeating: "x", count: 120) + "\r\n", String(repeating: "PROXY ", count: 30),
        ])
    func `what is no such line is refused`(text: String) {
        guard case .invalid = ProxyHeader.read(Array(text.utf8)) else {
            Issue.record("\(ProxyHeader.read(Array(text.utf8)))")
            return
        }
    }

    // MARK: Version 2

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
    private static let addresses: [UInt8] = [192, 0, 2, 7, 10, 0, 0, 80, 0xc3, 0x50, 0, 80]

    private func header(
        _ command: UInt8 = 0x21, family: UInt8 = 0x11, _ payload: [UInt8] = Self.addresses
    ) -> [UInt8] {
        Self.signature + [command, family, UInt8(payload.count >> 8), UInt8(payload.count & 255)] + payload
    }

    @Test func `a binary header is read`() {
        let bytes = header()
        #expect(ProxyHeader.read(bytes + [1, 2]) == .header(ProxyHeader(source: Self.source), bytes: 28))
        for count in 0..<bytes.count { #expect(ProxyHeader.read(Array(bytes[..<count])) == .incomplete) }
    }

    @Test func `the balancer's own looks, and other families, have no source`() {
        #expect(ProxyHeader.read(header(0x20, family: 0, [])) == .header(ProxyHeader(), bytes: 16))
        #expect(ProxyHeader.read(header(0x20)) == .header(ProxyHeader(), bytes: 28))
        #expect(ProxyHeader.read(header(0x20, family: 0x77, [1])) == .header(ProxyHeader(), bytes: 17))
        #expect(ProxyHeader.read(header(family: 0, [1, 2, 3])) == .header(ProxyHeader(), bytes: 19))
        let six = [UInt8](repeating: 1, count: 36)
        #expect(ProxyHeader.read(header(family: 0x21, six)) == .header(ProxyHeader(), bytes: 52))
    }

    @Test func `fields are read, and those unknown passed over`() {
        let fields: [UInt8] = [0x04, 0, 2, 0, 0, 0xee, 0, 0, 0x20, 0, 5, 1, 0, 0, 0, 0]
        let expected = ProxyHeader(source: Self.source, isEncrypted: true)
        #expect(ProxyHeader.read(header(Self.addresses + fields)) == .header(expected, bytes: 28 + fields.count))
    }

    private func header(_ payload: [UInt8]) -> [UInt8] { header(0x21, family: 0x11, payload) }

    /// CRC-32C, one bit at a time.
    private func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum = ~UInt32(0)
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 {
                let isOdd = sum & 1 == 1
                sum >>= 1
                if isOdd { sum ^= 0x82f6_3b78 }
            }
        }
        return ~sum
    }

    @Test func `a checksum is checked`() {
        var bytes = header(Self.addresses + [0x03, 0, 4, 0, 0, 0, 0])
        let sum = checksum(bytes)
        for i in 0..<4 { bytes[31 + i] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * i)) }
        #expect(ProxyHeader.read(bytes) == .header(ProxyHeader(source: Self.source), bytes: 35))
        for index in 16..<35 where !(28..<31).contains(index) {
            var changed = bytes
            changed[index] ^= 1
            #expect(ProxyHeader.read(changed) == .invalid("its checksum is wrong"))
        }
    }

    @Test func `what is no such header is refused`() {
        let wrong: [[UInt8]] = [
            header(0x11), header(0x22), header(0x2f), header(family: 0x13), header(family: 0x41),
            header(Array(Self.addresses.dropLast())), header(family: 0x21, Self.addresses),
            header(Self.addresses + [0x04]), header(Self.addresses + [0x04, 0, 9, 0]),
            header(Self.addresses + [0x03, 0, 0]),
            Self.signature + [0x21, 0x11, 0xff, 0xff],
            Array(Self.signature.dropLast()) + [0x0b, 0x21, 0x11, 0, 12] + Self.addresses,
        ]
        for bytes in wrong {
            guard case .invalid = ProxyHeader.read(bytes) else {
                Issue.record("\(bytes): \(ProxyHeader.read(bytes))")
                continue
            }
        }
    }

    @Test func `random bytes never trap, and end in a limit`() {
        for _ in 0..<5_000 {
            let rest = (0..<Int.random(in: 0..<80)).map { _ in UInt8.random(in: 0...255) }
            _ = ProxyHeader.read(Self.signature + [0x21, [0x11, 0x21, 0x00].randomElement() ?? 0, 0, 40] + rest)
            _ = ProxyHeader.read(Array("PROXY ".utf8) + rest)
            _ = ProxyHeader.read(rest)
        }
        let endless = [UInt8](repeating: 65, count: Limits.proxyHeaderBytesMax)
        if case .incomplete = ProxyHeader.read(Array("PROXY ".utf8) + endless) { Issue.record("no limit") }
    }
}
