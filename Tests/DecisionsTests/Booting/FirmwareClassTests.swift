// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Testing
import Wire

@testable import Decisions

/// Options as clients send them.
private func client(
    vendorClass: String? = nil, architectures: [UInt8]? = nil, userClass: [UInt8]? = nil, encapsulated: [UInt8]? = nil
) -> FirmwareClass {
    var options = DHCPOptions()
    if let vendorClass { options.append(.vendorClass, vendorClass.utf8) }
    if let architectures { options.append(.clientArchitecture, architectures) }
    if let userClass { options.append(.userClass, userClass) }
    if let encapsulated { options.append(.ipxeEncapsulated, encapsulated) }
    return FirmwareClass(request(options))
}

private func architecture(_ code: UInt16) -> ClientArchitecture { ClientArchitecture(code: code)! }

@Suite struct FirmwareClassTests {
    @Test func whoIsNoBootClient() {
        #expect(client() == .none)
        #expect(client(vendorClass: "MSFT 5.0") == .none)
        #expect(client(vendorClass: "udhcp 1.35.0", architectures: [0, 7]) == .none)
        // An operating system may have a user class of its own.
        #expect(client(userClass: Array("\u{4}test".utf8)) == .none)
    }

    @Test func capturedClients() {
        #expect(FirmwareClass(request(.bios)) == .pxe(.bios))
        #expect(FirmwareClass(request(.x64UEFI)) == .pxe(.x64UEFI))
        #expect(FirmwareClass(request(.x64HTTP)) == .httpBoot(architecture(0x10)))
        #expect(FirmwareClass(request(.arm64UEFI)) == .pxe(architecture(0x0b)))
        #expect(FirmwareClass(request(.arm64HTTP)) == .httpBoot(architecture(0x13)))
        let features = IPXEFeatures([
            .dns, .http, .iscsi, .nfs, .tftp, .aoe, .elf, .multiboot, .pxe, .bzImage, .menu,
        ])
        #expect(FirmwareClass(request(.ipxe)) == .ipxe(IPXEClient(architecture: .bios, features: features)))
        #expect(!features.contains(.https))
        #expect(!features.contains(.vlan))
    }

    @Test func captionsOfOption60() {
        let options = SampleClient.x64UEFI.options
        #expect(options.bytes(.vendorClass) == Array("PXEClient:Arch:00007:UNDI:003000".utf8))
        let http = SampleClient.x64HTTP.options
        #expect(http.bytes(.vendorClass) == Array("HTTPClient:Arch:00016:UNDI:003000".utf8))
    }

    @Test func theFirstKnownArchitectureCounts() {
        #expect(client(vendorClass: "PXEClient", architectures: [0x7f, 0xff, 0, 7, 0, 0]) == .pxe(.x64UEFI))
        #expect(client(vendorClass: "PXEClient", architectures: [0, 0, 0, 7]) == .pxe(.bios))
    }

    @Test func unknownArchitecturesAreNamed() {
        #expect(client(vendorClass: "PXEClient", architectures: [0, 0x2a]) == .unknown(code: 0x2a))
        #expect(client(vendorClass: "PXEClient") == .unknown(code: nil))
        #expect(client(vendorClass: "PXEClient", architectures: [7]) == .unknown(code: nil))
    }

    @Test func withoutOption93Option60Tells() {
        #expect(client(vendorClass: "PXEClient:Arch:00007:UNDI:003000") == .pxe(.x64UEFI))
        #expect(client(vendorClass: "PXEClient:Arch:99999:UNDI:003000") == .unknown(code: nil))
        #expect(client(vendorClass: "PXEClient:Arch") == .unknown(code: nil))
    }

    @Test(
        arguments: [
            (Array("iPXE".utf8), true),
            (Array("\u{4}iPXE".utf8), true),
            (Array("\u{3}abc\u{4}iPXE".utf8), true),
            (Array("\u{4}gPXE".utf8), false),
            (Array("iPXE2".utf8), false),
            // A length beyond the end: no list, and not the bare name.
            (Array("\u{9}iPXE".utf8), false),
            ([], false),
        ] as [([UInt8], Bool)])
    func userClassRawAndAsAList(userClass: [UInt8], isIPXE: Bool) {
        let found = client(vendorClass: "PXEClient", architectures: [0, 7], userClass: userClass)
        #expect(
            found == (isIPXE ? .ipxe(IPXEClient(architecture: .x64UEFI, features: IPXEFeatures())) : .pxe(.x64UEFI)))
    }

    @Test func option175AloneIsIPXE() {
        let found = client(vendorClass: "PXEClient", architectures: [0, 7], encapsulated: [0x13, 1, 1])
        #expect(found == .ipxe(IPXEClient(architecture: .x64UEFI, features: IPXEFeatures([.http]))))
        let own = client(architectures: [0, 7], userClass: Array("OnDeck".utf8))
        #expect(own == .ipxe(IPXEClient(architecture: .x64UEFI, features: IPXEFeatures(), isOwn: true)))
    }

    @Test(
        arguments: [
            ([0x13, 1, 1, 0x15, 1, 1], [.http, .tftp]),
            // Padding, a feature of version 0 (absent), a longer sub-option, the end and what follows it.
            ([0, 0x13, 1, 0, 0xb1, 3, 1, 2, 3, 0x17, 1, 1, 0xff, 0x15, 1, 1], [.dns]),
            // Cut off in the middle.
            ([0x17, 1, 1, 0x13, 4, 1], [.dns]),
            ([0x13], []),
            ([], []),
        ] as [([UInt8], [IPXEFeatures.Feature])])
    func featuresOfOption175(value: [UInt8], features: [IPXEFeatures.Feature]) {
        #expect(IPXEFeatures(value[...]) == IPXEFeatures(features))
    }

    @Test func randomOptionsNeverTrap() {
        var generator = SeededGenerator(seed: 93)
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &generator)).map { _ in
                UInt8.random(in: .min ... .max, using: &generator)
            }
            let found = client(vendorClass: "PXEClient", architectures: bytes, userClass: bytes, encapsulated: bytes)
            guard case .ipxe = found else { Issue.record("option 175 makes it iPXE: \(bytes)"); return }
            _ = ClientUUID.decode(bytes[...])
        }
    }
}

@Suite struct ClientArchitectureTests {
    @Test func theTableHasNoGap() {
        #expect(ClientArchitecture.all.count == 42)
        #expect(ClientArchitecture.all.map(\.code) == Array(0...0x29))
        #expect(ClientArchitecture.all.allSatisfy { $0.entry.code == $0.code })
        #expect(ClientArchitecture(code: 0x2a) == nil)
    }

    @Test func nineIsSeven() {
        let nine = architecture(9)
        #expect(nine.processor == .x64)
        #expect(nine.firmware == .uefi)
        #expect(nine.loaders == ClientArchitecture.x64UEFI.loaders)
    }

    /// What rules/boot calls "none" gets nothing, Itanium included.
    @Test(arguments: [1, 2, 3, 4, 5, 8, 0x0c, 0x0d, 0x0e, 0x15, 0x1f, 0x20, 0x21, 0x29] as [UInt16])
    func noLoader(code: UInt16) {
        #expect(architecture(code).loaders.isEmpty)
    }

    @Test(
        arguments: [
            (0x00, "ipxe/undionly.kpxe"), (0x06, "ipxe/i386/snponly.efi"), (0x07, "ipxe/snponly.efi"),
            (0x0b, "ipxe/arm64/snponly.efi"), (0x10, "ipxe/snponly.efi"), (0x13, "ipxe/arm64/snponly.efi"),
            (0x1b, "ipxe/riscv64/snponly.efi"), (0x27, "ipxe/loong64/snponly.efi"),
        ] as [(UInt16, String)])
    func preferredLoader(code: UInt16, loader: String) {
        #expect(architecture(code).loaders.first == loader)
    }
}

@Suite struct ClientUUIDTests {
    private let wire: [UInt8] = [
        0, 0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00,
    ]

    @Test func smbiosOrder() {
        #expect(ClientUUID.decode(wire[...])?.description == "11223344-5566-7788-99aa-bbccddeeff00")
    }

    @Test func otherTypesAndLengths() {
        #expect(ClientUUID.decode(nil) == nil)
        #expect(ClientUUID.decode(wire.dropLast()) == nil)
        #expect(ClientUUID.decode([1] + wire.dropFirst()) == nil)
    }

    @Test(arguments: [
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009",
    ])
    func noIdentities(text: String) throws {
        let uuid = try #require(MachineUUID(text))
        #expect(ClientUUID.decode([0] + uuid.smbiosOrder[...]) == nil)
    }
}
