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

    private static func none(_ meaning: String) -> Entry {
        Entry(meaning: meaning, firmware: .other, processor: nil, loaders: [])
    }

    private static func uefi(_ meaning: String, _ processor: Architecture? = nil, _ loaders: [String] = []) -> Entry {
        Entry(meaning: meaning, firmware: .uefi, processor: processor, loaders: loaders)
    }

    private static func http(_ meaning: String, _ processor: Architecture? = nil, _ loaders: [String] = []) -> Entry {
        Entry(meaning: meaning, firmware: .uefiHTTP, processor: processor, loaders: loaders)
    }

    /// By code; IANA, checked against iPXE's headers.
    private static let table: [Entry] = [
        /* 0x00 */ Entry(meaning: "x86 BIOS", firmware: .bios, processor: .x64, loaders: biosLoaders),
        /* 0x01 */ none("NEC PC-98"),
        /* 0x02 */ none("Itanium"),
        /* 0x03 */ none("DEC Alpha"),
        /* 0x04 */ none("Arc x86"),
        /* 0x05 */ none("Intel Lean Client"),
        /* 0x06 */ uefi("x86 UEFI", .x86, loaders("i386")),
        /* 0x07 */ uefi("x64 UEFI", .x64, x64Loaders),
        /* 0x08 */ none("XScale"),
        /* 0x09 */ uefi("EBC, which is x64 UEFI", .x64, x64Loaders),
        /* 0x0a */ uefi("ARM 32-bit UEFI", .arm32, loaders("arm32")),
        /* 0x0b */ uefi("ARM 64-bit UEFI", .arm64, loaders("arm64")),
        /* 0x0c */ none("PowerPC Open Firmware"),
        /* 0x0d */ none("PowerPC ePAPR"),
        /* 0x0e */ none("POWER OPAL"),
        /* 0x0f */ http("x86 UEFI HTTP", .x86, loaders("i386")),
        /* 0x10 */ http("x64 UEFI HTTP", .x64, x64Loaders),
        /* 0x11 */ http("EBC HTTP, which is x64 UEFI HTTP", .x64, x64Loaders),
        /* 0x12 */ http("ARM 32-bit UEFI HTTP", .arm32, loaders("arm32")),
        /* 0x13 */ http("ARM 64-bit UEFI HTTP", .arm64, loaders("arm64")),
        /* 0x14 */ Entry(meaning: "x86 BIOS HTTP", firmware: .biosHTTP, processor: .x64, loaders: biosLoaders),
        /* 0x15 */ Entry(meaning: "ARM 32-bit U-Boot", firmware: .uBoot, processor: .arm32, loaders: []),
        /* 0x16 */
        Entry(meaning: "ARM 64-bit U-Boot", firmware: .uBoot, processor: .arm64, loaders: loaders("arm64")),
        /* 0x17 */ Entry(meaning: "ARM 32-bit U-Boot HTTP", firmware: .uBootHTTP, processor: .arm32, loaders: []),
        /* 0x18 */
        Entry(meaning: "ARM 64-bit U-Boot HTTP", firmware: .uBootHTTP, processor: .arm64, loaders: loaders("arm64")),
        /* 0x19 */ uefi("RISC-V 32-bit UEFI"),
        /* 0x1a */ http("RISC-V 32-bit UEFI HTTP"),
        /* 0x1b */ uefi("RISC-V 64-bit UEFI", .riscv64, loaders("riscv64")),
        /* 0x1c */ http("RISC-V 64-bit UEFI HTTP", .riscv64, loaders("riscv64")),
        /* 0x1d */ uefi("RISC-V 128-bit UEFI"),
        /* 0x1e */ http("RISC-V 128-bit UEFI HTTP"),
        /* 0x1f */ none("s390 basic"),
        /* 0x20 */ none("s390 extended"),
        /* 0x21 */ uefi("MIPS 32-bit UEFI"),
        /* 0x22 */ uefi("MIPS 64-bit UEFI"),
        /* 0x23 */ uefi("Sunway 32-bit UEFI"),
        /* 0x24 */ uefi("Sunway 64-bit UEFI"),
        /* 0x25 */ uefi("LoongArch 32-bit UEFI"),
        /* 0x26 */ http("LoongArch 32-bit UEFI HTTP"),
        /* 0x27 */ uefi("LoongArch 64-bit UEFI", .loongarch64, loaders("loong64")),
        /* 0x28 */ http("LoongArch 64-bit UEFI HTTP", .loongarch64, loaders("loong64")),
        /* 0x29 */ none("ARM rpiboot"),
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
