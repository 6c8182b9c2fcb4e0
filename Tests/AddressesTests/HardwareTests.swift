// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing

@Suite("MAC addresses")
struct MACAddressTests {
    @Test(arguments: [
        "52:54:00:12:34:56", "52-54-00-12-34-56", "5254.0012.3456", "525400123456", "52:54:00:12:34:56".uppercased(),
    ])
    func commonNotationsAreRead(text: String) {
        #expect(MACAddress(text)?.bits == 0x5254_0012_3456)
    }

    @Test(arguments: ["", "52:54:00:12:34", "52:54:00:12:34:56:78", "52:54:00:12:34:5g", "52 54 00 12 34 56"])
    func anythingElseIsNone(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test func writtenWithColonsOrHyphens() {
        let mac = MACAddress([0x52, 0x54, 0, 0xab, 0xcd, 0xef, 0xff, 0xff])
        #expect(mac.description == "52:54:00:ab:cd:ef")
        #expect(mac.hyphenated == "52-54-00-ab-cd-ef")
        #expect(mac.bytes == [0x52, 0x54, 0, 0xab, 0xcd, 0xef])
        #expect(MACAddress(mac.description) == mac)
        #expect(MACAddress(mac.hyphenated) == mac)
    }

    @Test func bitsAboveFortyEightAreDropped() {
        #expect(MACAddress(bits: .max).description == "ff:ff:ff:ff:ff:ff")
    }

    @Test func theLowestBitOfTheFirstOctetMeansMulticast() throws {
        #expect(try #require(MACAddress("01:00:5e:00:00:01")).isMulticast)
        #expect(try !#require(MACAddress("52:54:00:12:34:56")).isMulticast)
    }
}

@Suite("Machine UUIDs")
struct MachineUUIDTests {
    private let text = "11223344-5566-7788-99aa-bbccddeeff00"

    @Test func textIsReadAndWritten() throws {
        let uuid = try #require(MachineUUID(text))
        #expect(uuid.description == text)
        #expect(uuid.high == 0x1122_3344_5566_7788)
        #expect(uuid.low == 0x99aa_bbcc_ddee_ff00)
        #expect(MachineUUID(text.uppercased()) == uuid)
        #expect(MachineUUID(text.filter { $0 != "-" }) == uuid)
    }

    @Test(arguments: ["", "11223344", "11223344-5566-7788-99aa-bbccddeeff0", "g1223344-5566-7788-99aa-bbccddeeff00"])
    func anythingElseIsNone(text: String) {
        #expect(MachineUUID(text) == nil)
    }

    /// As Debian 12's iPXE ROM sends it in option 97: the first three fields little-endian.
    @Test func smbiosOrderSwapsTheFirstThreeFields() throws {
        let octets = try #require(hexBytes("443322116655887799aabbccddeeff00"))
        let uuid = MachineUUID(smbiosOrder: octets)
        #expect(uuid.description == text)
        #expect(uuid.smbiosOrder == octets)
    }

    @Test func allZeroAndAllOneNameNoMachine() throws {
        #expect(try #require(MachineUUID(text)).isIdentity)
        #expect(!MachineUUID(high: 0, low: 0).isIdentity)
        #expect(!MachineUUID(high: .max, low: .max).isIdentity)
        #expect(MachineUUID(high: 0, low: 1).isIdentity)
    }
}
