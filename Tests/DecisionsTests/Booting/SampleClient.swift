// SPDX-License-Identifier: Apache-2.0

import Wire

/// The options by which a kind of boot client shows itself, as captured from real ones.
enum SampleClient: String, Sendable, CaseIterable {
    /// An Intel-style PXE ROM.
    case bios
    /// OVMF 2022.11.
    case x64UEFI = "x64-uefi"
    case x64HTTP = "x64-http"
    case arm64UEFI = "arm64-uefi"
    case arm64HTTP = "arm64-http"
    /// Debian 12's iPXE option ROM.
    case ipxe

    /// Options 55, 60, 77, 93, 94 and 175.
    var options: DHCPOptions {
        let vendor = "\(isHTTP ? "HTTP" : "PXE")Client:Arch:000\(code < 10 ? "0" : "")\(code):UNDI:\(networkInterface)"
        var options = DHCPOptions([
            (.parameterRequestList, parameterRequestList),
            (.vendorClass, Array(vendor.utf8)),
            (.clientArchitecture, [0, code]),
            (.clientNetworkInterface, code == 0 ? [1, 2, 1] : [1, 3, 0]),
        ])
        if self == .ipxe {
            options.append(.userClass, "iPXE".utf8)
            options.append(.ipxeEncapsulated, Self.debianFeatures)
        }
        return options
    }

    private var code: UInt8 {
        switch self {
        case .bios, .ipxe: 0
        case .x64UEFI: 7
        case .x64HTTP: 16
        case .arm64UEFI: 11
        case .arm64HTTP: 19
        }
    }

    private var isHTTP: Bool { self == .x64HTTP || self == .arm64HTTP }
    private var networkInterface: String { code == 0 ? "002001" : "003000" }

    private var parameterRequestList: [UInt8] {
        switch self {
        case .ipxe: [1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203]
        case .x64HTTP, .arm64HTTP:
            [1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 50, 51, 54, 58, 59]
                + [60, 67, 97, 235]
        case .bios, .x64UEFI, .arm64UEFI:
            [1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51]
                + [54, 58, 59, 60, 66, 67, 97, 128, 129, 130, 131, 132, 133, 134, 135]
        }
    }

    /// DNS, HTTP, iSCSI, NFS, TFTP, AoE, ELF, Multiboot, PXE, bzImage, Menu; then the version, 1.0.0.
    private static let debianFeatures: [UInt8] =
        [0x17, 0x13, 0x11, 0x29, 0x15, 0x12, 0x22, 0x19, 0x21, 0x18, 0x27].flatMap { [$0, 1, 1] } + [0xeb, 3, 1, 0, 0]
}
