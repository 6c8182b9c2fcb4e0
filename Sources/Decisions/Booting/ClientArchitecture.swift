// SPDX-License-Identifier: Apache-2.0

import Model

/// One value of option 93, "Client System Architecture Type" (RFC 4578 2.1): IANA's "processor architecture types".
/// RFC 4578's own text swaps 7 and 9; firmware and the RFC's erratum use 7 for x64.
public struct ClientArchitecture: Hashable, Sendable, CustomStringConvertible {
    public let code: UInt16

    /// Nil for a value that IANA has not assigned.
    public init?(code: UInt16) {
        guard Int(code) < Self.table.count else { return nil }
        self.code = code
    }

    /// What loads the boot file, and what it can load.
    public enum Firmware: Hashable, Sendable {
        case bios, uefi, biosHTTP, uefiHTTP, uBoot, uBootHTTP
        /// Neither BIOS nor UEFI: no loader of ours runs there.
        case other

        public var isHTTP: Bool { self == .biosHTTP || self == .uefiHTTP || self == .uBootHTTP }
    }

    struct Entry: Sendable {
        let code: UInt16
        let meaning: String
        let firmware: Firmware
        let processor: Architecture?
        /// Content names of boot loaders, the preferred one first; empty: nothing can be sent.
        let loaders: [String]
    }

    var entry: Entry { Self.table[Int(code)] }

    public var meaning: String { entry.meaning }
    public var firmware: Firmware { entry.firmware }
    /// Nil where boot files do not care. 32 and 64 bit BIOS machines both send 0.
    public var processor: Architecture? { entry.processor }
    /// Content names of boot loaders, the preferred one first; empty: nothing can be sent.
    public var loaders: [String] { entry.loaders }

    public var description: String { "\(meaning) (\(code))" }

    /// The processors whose boot files such a client can run, the best first.
    public var bootableArchitectures: [Architecture] {
        switch (firmware, processor) {
        case (.bios, _), (.biosHTTP, _): [.x64, .x86]
        case (_, let processor?): [processor]
        case (_, nil): []
        }
    }
}

extension ClientArchitecture {
    private static let biosLoaders = ["ipxe/undionly.kpxe", "ipxe/ipxe.pxe"]
    /// snponly first: it keeps the firmware's driver of the card it booted from; ipxe.efi brings drivers of its own.
    private static let x64Loaders = ["ipxe/snponly.efi", "ipxe/ipxe.efi", "ipxe/x86_64/snponly.efi"]

    /// The directories are those of iPXE 2's own archive, ipxeboot.tar.gz; Debian's package has x64 alone.
    private static func loaders(_ directory: String) -> [String] {
        ["ipxe/\(directory)/snponly.efi", "ipxe/\(directory)/ipxe.efi"]
    }

    private static func none(_ code: UInt16, _ meaning: String) -> Entry {
        Entry(code: code, meaning: meaning, firmware: .other, processor: nil, loaders: [])
    }

    private static func uefi(
        _ code: UInt16, _ meaning: String, _ processor: Architecture? = nil, _ loaders: [String] = []
    ) -> Entry {
        Entry(code: code, meaning: meaning, firmware: .uefi, processor: processor, loaders: loaders)
    }

    private static func uBoot(_ code: UInt16, _ meaning: String, isHTTP: Bool, _ processor: Architecture) -> Entry {
        Entry(
            code: code, meaning: meaning, firmware: isHTTP ? .uBootHTTP : .uBoot, processor: processor,
            loaders: processor == .arm64 ? loaders("arm64") : [])
    }

    private static func http(
        _ code: UInt16, _ meaning: String, _ processor: Architecture? = nil, _ loaders: [String] = []
    ) -> Entry {
        Entry(code: code, meaning: meaning, firmware: .uefiHTTP, processor: processor, loaders: loaders)
    }

    /// In the order of the codes, without a gap; IANA, checked against iPXE's headers.
    private static let table: [Entry] = [
        Entry(code: 0x00, meaning: "x86 BIOS", firmware: .bios, processor: .x64, loaders: biosLoaders),
        none(0x01, "NEC PC-98"),
        none(0x02, "Itanium"),
        none(0x03, "DEC Alpha"),
        none(0x04, "Arc x86"),
        none(0x05, "Intel Lean Client"),
        uefi(0x06, "x86 UEFI", .x86, loaders("i386")),
        uefi(0x07, "x64 UEFI", .x64, x64Loaders),
        none(0x08, "XScale"),
        uefi(0x09, "EBC, which is x64 UEFI", .x64, x64Loaders),
        uefi(0x0a, "ARM 32-bit UEFI", .arm32, loaders("arm32")),
        uefi(0x0b, "ARM 64-bit UEFI", .arm64, loaders("arm64")),
        none(0x0c, "PowerPC Open Firmware"),
        none(0x0d, "PowerPC ePAPR"),
        none(0x0e, "POWER OPAL"),
        http(0x0f, "x86 UEFI HTTP", .x86, loaders("i386")),
        http(0x10, "x64 UEFI HTTP", .x64, x64Loaders),
        http(0x11, "EBC HTTP, which is x64 UEFI HTTP", .x64, x64Loaders),
        http(0x12, "ARM 32-bit UEFI HTTP", .arm32, loaders("arm32")),
        http(0x13, "ARM 64-bit UEFI HTTP", .arm64, loaders("arm64")),
        Entry(code: 0x14, meaning: "x86 BIOS HTTP", firmware: .biosHTTP, processor: .x64, loaders: biosLoaders),
        uBoot(0x15, "ARM 32-bit U-Boot", isHTTP: false, .arm32),
        uBoot(0x16, "ARM 64-bit U-Boot", isHTTP: false, .arm64),
        uBoot(0x17, "ARM 32-bit U-Boot HTTP", isHTTP: true, .arm32),
        uBoot(0x18, "ARM 64-bit U-Boot HTTP", isHTTP: true, .arm64),
        uefi(0x19, "RISC-V 32-bit UEFI"),
        http(0x1a, "RISC-V 32-bit UEFI HTTP"),
        uefi(0x1b, "RISC-V 64-bit UEFI", .riscv64, loaders("riscv64")),
        http(0x1c, "RISC-V 64-bit UEFI HTTP", .riscv64, loaders("riscv64")),
        uefi(0x1d, "RISC-V 128-bit UEFI"),
        http(0x1e, "RISC-V 128-bit UEFI HTTP"),
        none(0x1f, "s390 basic"),
        none(0x20, "s390 extended"),
        uefi(0x21, "MIPS 32-bit UEFI"),
        uefi(0x22, "MIPS 64-bit UEFI"),
        uefi(0x23, "Sunway 32-bit UEFI"),
        uefi(0x24, "Sunway 64-bit UEFI"),
        uefi(0x25, "LoongArch 32-bit UEFI"),
        http(0x26, "LoongArch 32-bit UEFI HTTP"),
        uefi(0x27, "LoongArch 64-bit UEFI", .loongarch64, loaders("loong64")),
        http(0x28, "LoongArch 64-bit UEFI HTTP", .loongarch64, loaders("loong64")),
        none(0x29, "ARM rpiboot"),
    ]

    /// Every assigned value.
    public static var all: [ClientArchitecture] { (0..<UInt16(table.count)).compactMap(ClientArchitecture.init) }

    public static let bios = ClientArchitecture(known: 0x00)
    public static let x64UEFI = ClientArchitecture(known: 0x07)
    public static let raspberryPi = ClientArchitecture(known: 0x29)

    private init(known code: UInt16) { self.code = code }

    /// Every loader that a client may be sent, by content name: what a node should look for in its content sets.
    public static var everyLoader: Set<String> { Set(table.flatMap(\.loaders)) }
}
