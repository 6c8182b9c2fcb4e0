// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing

@Suite("IPv4 addresses")
struct IPv4AddressTests {
    @Test(
        arguments: [("0.0.0.0", 0), ("10.0.0.1", 0x0a00_0001), ("255.255.255.255", 0xffff_ffff)] as [(String, UInt32)])
    func textIsReadAndWritten(text: String, bits: UInt32) {
        #expect(IPv4Address(text)?.bits == bits)
        #expect(IPv4Address(bits: bits).description == text)
    }

    @Test(arguments: [
        "", ".", "10.0.0", "10.0.0.", ".10.0.0.1", "10.0.0.1.", "10.0.0.1.1", "10..0.1", "10.0.0.256", "10.0.0.1000",
        "010.0.0.1", "10.0.0.00", "+1.0.0.1", " 10.0.0.1", "10.0.0.1 ", "10.0.0.a", "0x0a.0.0.1", "10.0.0.\u{0661}",
        "99999999999999999999.0.0.1",
    ])
    func anythingElseIsNone(text: String) {
        #expect(IPv4Address(text) == nil)
    }

    @Test func octetsAreInNetworkOrder() {
        let address = IPv4Address(10, 1, 2, 3)
        #expect(address.bytes == [10, 1, 2, 3])
        #expect(address.octets == (10, 1, 2, 3))
        #expect(address.bits == 0x0a01_0203)
        #expect(IPv4Address(9, 255, 255, 255) < address)
    }

    @Test func specialAddressesAreKnown() {
        #expect(IPv4Address.any.isAny && !IPv4Address(0, 0, 0, 1).isAny)
        #expect(IPv4Address.broadcast.isBroadcast && !IPv4Address(255, 255, 255, 254).isBroadcast)
        #expect(IPv4Address(127, 9, 9, 9).isLoopback && !IPv4Address(128, 0, 0, 1).isLoopback)
        #expect(IPv4Address(224, 0, 0, 1).isMulticast && IPv4Address(239, 255, 255, 255).isMulticast)
        #expect(!IPv4Address(223, 255, 255, 255).isMulticast && !IPv4Address(240, 0, 0, 0).isMulticast)
    }
}

@Suite("IPv4 subnets")
struct IPv4SubnetTests {
    @Test func textIsReadAndWritten() throws {
        let subnet = try #require(IPv4Subnet("10.64.0.0/11"))
        #expect(subnet.description == "10.64.0.0/11")
        #expect(subnet.mask == IPv4Address(255, 224, 0, 0))
        #expect(subnet.first == IPv4Address(10, 64, 0, 0))
        #expect(subnet.broadcast == IPv4Address(10, 95, 255, 255))
        #expect(subnet.range.count == 1 << 21)
    }

    @Test(arguments: [
        "", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.7/24", "10.0.0.0/+8",
        "10.0.0.0/08", "10.0.0.0/255.0.0.0", "10.0.0.0 /8", "10.0.0/8",
    ])
    func anythingElseIsNone(text: String) {
        #expect(IPv4Subnet(text) == nil)
    }

    @Test func theWidestAndTheNarrowest() throws {
        let all = try #require(IPv4Subnet("0.0.0.0/0"))
        #expect(all.contains(.broadcast) && all.mask == .any && all.range.count == 1 << 32)
        let host = try #require(IPv4Subnet("10.0.0.1/32"))
        #expect(host.range == IPv4Range("10.0.0.1"))
        #expect(host.contains(IPv4Address(10, 0, 0, 1)) && !host.contains(IPv4Address(10, 0, 0, 2)))
    }

    @Test func hostBitsAreDroppedWhenAsked() {
        #expect(IPv4Subnet(containing: IPv4Address(10, 0, 0, 77), prefixLength: 26).description == "10.0.0.64/26")
    }

    @Test func overlapIsContainmentEitherWay() throws {
        let wide = try #require(IPv4Subnet("10.0.0.0/8"))
        let narrow = try #require(IPv4Subnet("10.1.0.0/16"))
        let other = try #require(IPv4Subnet("11.0.0.0/8"))
        #expect(wide.overlaps(narrow) && narrow.overlaps(wide) && wide.overlaps(wide))
        #expect(!wide.overlaps(other) && !other.overlaps(narrow))
        #expect(wide < narrow && narrow < other)
    }
}

@Suite("IPv4 ranges")
struct IPv4RangeTests {
    @Test(arguments: [
        ("10.0.0.10-10.0.0.99", "10.0.0.10-10.0.0.99", 90), ("10.0.0.10 - 10.0.0.11", "10.0.0.10-10.0.0.11", 2),
        ("10.0.0.10", "10.0.0.10", 1), ("10.0.0.64/26", "10.0.0.64-10.0.0.127", 64),
        ("0.0.0.0-255.255.255.255", "0.0.0.0-255.255.255.255", 1 << 32),
    ])
    func textIsReadAndWritten(text: String, written: String, count: Int) throws {
        let range = try #require(IPv4Range(text))
        #expect(range.description == written)
        #expect(range.count == count)
    }

    @Test(arguments: [
        "", "-", "10.0.0.9-10.0.0.1", "10.0.0.1-", "-10.0.0.1", "10.0.0.1-10.0.0.2-10.0.0.3", "10.0.0.1-2",
        "10.0.0.1 x-10.0.0.2", "10.0.0.1-10.0.0.2 x", "10.0.0.1 10.0.0.2", "10.0.0.65/26",
    ])
    func anythingElseIsNone(text: String) {
        #expect(IPv4Range(text) == nil)
    }

    @Test func endsBelongToIt() throws {
        let range = try #require(IPv4Range("10.0.0.10-10.0.0.20"))
        #expect(range.contains(range.first) && range.contains(range.last))
        #expect(!range.contains(IPv4Address(10, 0, 0, 9)) && !range.contains(IPv4Address(10, 0, 0, 21)))
    }

    @Test func overlap() throws {
        let range = try #require(IPv4Range("10.0.0.10-10.0.0.20"))
        for (text, isTrue) in [
            ("10.0.0.20-10.0.0.30", true), ("10.0.0.1-10.0.0.10", true), ("10.0.0.12-10.0.0.13", true),
            ("10.0.0.21-10.0.0.30", false), ("10.0.0.1-10.0.0.9", false),
        ] {
            let other = try #require(IPv4Range(text))
            #expect(range.overlaps(other) == isTrue, "\(text)")
            #expect(other.overlaps(range) == isTrue, "\(text)")
        }
    }
}
