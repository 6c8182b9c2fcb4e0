// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// Odd firmware: what it does, what we do about it, how we know, and which test shows it. Nothing else in the code
/// makes an exception for a client.
public enum Quirk: String, Sendable, CaseIterable {
    case undionlyOnROM = "undionly-on-rom"
    case nulAfterBootFileName = "nul-after-boot-file-name"
    case uefiNeedsNoVendorClass = "uefi-needs-no-vendor-class"
    case biosDiscoveryOff = "bios-discovery-off"
    case raspberryPi = "raspberry-pi"

    public struct Entry: Hashable, Sendable {
        public let condition: String
        public let effect: String
        public let evidence: String
        /// The test function in QuirksTests that shows it.
        public let test: String
    }

    public var entry: Entry {
        switch self {
        case .undionlyOnROM:
            Entry(
                condition: "an iPXE option ROM on BIOS that needs another loader",
                effect: "it gets ipxe.pxe, never undionly.kpxe",
                evidence: "undionly uses the ROM's own UNDI, and on top of an iPXE ROM the network is lost: "
                    + "Pixiecore and Tinkerbell both make this exception",
                test: "undionlyOnROM")
        case .nulAfterBootFileName:
            Entry(
                condition: "PXEClient that asks for option 67",
                effect: "a NUL ends option 67",
                evidence: "old UEFI and PXE ROMs read option 67 as a C string and ask for \"name\\xFF\", the End "
                    + "option (netboot.xyz issue 1198); HTTPClient and iPXE would take the NUL for a part of the URL",
                test: "nulAfterBootFileName")
        case .uefiNeedsNoVendorClass:
            Entry(
                condition: "UEFI PXE, together with the address",
                effect: "neither option 60 nor option 43",
                evidence: "EDK2 takes option 60 without a valid option 43 for a BINL offer and asks port 4011 "
                    + "(PxeBcDhcp4.c); without both it loads the boot file (OVMF 2022.11)",
                test: "uefiNeedsNoVendorClass")
        case .biosDiscoveryOff:
            Entry(
                condition: "BIOS PXE",
                effect: "option 60 with option 43 sub-option 6 = 8: use the boot file, look for no boot server",
                evidence: "PXE 2.1 2.2.3; Pixiecore and Tinkerbell send it to BIOS clients, also as proxies",
                test: "biosDiscoveryOff")
        case .raspberryPi:
            Entry(
                condition: "a Raspberry Pi's own ROM: architecture 41, or BIOS with a Raspberry Pi's MAC address",
                effect: "no boot file",
                evidence: "it says BIOS (rpi-eeprom issue 182) and ignores the boot file name (firmware issue 1850)",
                test: "raspberryPi")
        }
    }

    func applies(to question: BootQuestion) -> Bool {
        switch (self, question.firmware) {
        case (.undionlyOnROM, .ipxe(let client)): client.architecture?.firmware == .bios
        case (.nulAfterBootFileName, .pxe): true
        case (.uefiNeedsNoVendorClass, .pxe(let architecture)):
            question.exchange == .lease && architecture.firmware != .bios
        case (.biosDiscoveryOff, .pxe(let architecture)):
            question.exchange != .bootServer && architecture.firmware == .bios
        case (.raspberryPi, .pxe(let architecture)):
            architecture == .raspberryPi
                || architecture == .bios && question.request.mac.map(Self.isRaspberryPi) ?? false
        default: false
        }
    }

    /// By the first three octets, as assigned by the IEEE to Raspberry Pi.
    private static func isRaspberryPi(_ mac: MACAddress) -> Bool {
        [0xb827eb, 0xdca632, 0xe45f01, 0x28cdc1, 0xd83add, 0x2ccf67, 0x88a29e].contains(mac.bits >> 24)
    }
}
