// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Testing
import Wire

/// One test for each entry of Quirks.swift, named there.
@Suite struct QuirksTests {
    private static let tests: [Quirk: String] = [
        .undionlyOnROM: "undionlyOnROM", .nulAfterBootFileName: "nulAfterBootFileName",
        .uefiNeedsNoVendorClass: "uefiNeedsNoVendorClass", .biosDiscoveryOff: "biosDiscoveryOff",
        .raspberryPi: "raspberryPi",
    ]

    @Test func everyQuirkHasEvidenceAndATest() {
        for quirk in Quirk.allCases {
            #expect(quirk.entry.test == Self.tests[quirk])
            #expect(!quirk.entry.condition.isEmpty)
            #expect(!quirk.entry.effect.isEmpty)
            #expect(quirk.entry.evidence.count > 20)
        }
    }

    @Test func undionlyOnROM() {
        let rom = DHCPOptions([
            (.vendorClass, Array("PXEClient:Arch:00000:UNDI:002001".utf8)), (.clientArchitecture, [0, 0]),
            (.userClass, Array("iPXE".utf8)),
        ])
        #expect(transcript(question(request(rom))).first == "10.64.0.1 tftp://10.64.0.1/b/52-54-00-12-34-56/ipxe.pxe")
        #expect(refusal(question(request(rom), loaders: ["ipxe/undionly.kpxe"])) == .loaderMissing(["ipxe/ipxe.pxe"]))
        #expect(transcript(question(request(.bios))).first?.hasSuffix("undionly.kpxe") == true)
    }

    @Test func nulAfterBootFileName() {
        func last(_ client: SampleClient) -> UInt8? {
            decide(question(request(client))).reply?.options.bytes(.bootFileName)?.last
        }
        #expect(last(.bios) == 0)
        #expect(last(.x64UEFI) == 0)
        #expect(last(.x64HTTP) == UInt8(ascii: "i"))
        #expect(last(.ipxe) == UInt8(ascii: "6"))
    }

    @Test func uefiNeedsNoVendorClass() {
        let options = decide(question(request(.x64UEFI))).reply?.options
        #expect(options?.contains(.vendorClass) == false)
        #expect(options?.contains(.vendorInformation) == false)
    }

    @Test func biosDiscoveryOff() {
        let options = decide(question(request(.bios))).reply?.options
        #expect(options?.bytes(.vendorClass) == Array("PXEClient".utf8))
        #expect(options?.bytes(.vendorInformation) == [6, 1, 8, 0xff])
    }

    @Test func raspberryPi() {
        let pi = MACAddress("dc:a6:32:01:02:03")!
        #expect(refusal(question(request(.bios, mac: pi))) == .raspberryPi)
        // With UEFI firmware on its card it is a machine like any other.
        #expect(refusal(question(request(.arm64UEFI, mac: pi), loaders: ["ipxe/arm64/snponly.efi"])) == nil)
        #expect(refusal(question(request(.bios))) == nil)
    }
}
