// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

@Suite struct TFTPNameTests {
    @Test(arguments: [
        ("ipxe/undionly.kpxe", "ipxe/undionly.kpxe"),
        ("/ipxe/undionly.kpxe", "ipxe/undionly.kpxe"),
        ("//ipxe///undionly.kpxe", "ipxe/undionly.kpxe"),
        ("\\Boot\\x64\\wdsnbp.com", "Boot/x64/wdsnbp.com"),
        ("./ipxe/./x", "ipxe/x"),
        ("tftp://10.0.0.1/ipxe/x", "ipxe/x"),
        ("TFTP://boot.example:69//ipxe/x", "ipxe/x"),
        ("dir/", "dir"),
        ("..hidden/a..b", "..hidden/a..b"),
        ("grub.cfg-01-52-54-00-12-34-56", "grub.cfg-01-52-54-00-12-34-56"),
        ("größe", "größe"),
    ])
    func cleans(_ sent: String, _ expected: String) throws {
        #expect(try TFTPName(cleaning: Array(sent.utf8)).text == expected)
    }

    @Test func dropsTheOctetsThatROMsReadPastTheEndOfTheirOption() throws {
        #expect(try TFTPName(cleaning: Array("boot/x".utf8) + [0xff, 0xff]).text == "boot/x")
    }

    @Test(arguments: [
        ("", TFTPName.Refusal.empty),
        ("/", .empty),
        ("//./", .empty),
        ("tftp://10.0.0.1", .empty),
        ("..", .parentDirectory),
        ("../etc/shadow", .parentDirectory),
        ("ipxe/../../etc/shadow", .parentDirectory),
        ("ipxe\\..\\..\\etc\\shadow", .parentDirectory),
        ("tftp://host/../x", .parentDirectory),
        ("a\nb", .unprintable),
        ("a\u{7f}b", .unprintable),
        ("a\u{1b}[2Jb", .unprintable),
    ])
    func refuses(_ sent: String, _ refusal: TFTPName.Refusal) {
        #expect(throws: refusal) { try TFTPName(cleaning: Array(sent.utf8)) }
        #expect(!refusal.sentence.isEmpty)
    }

    @Test func refusesWhatIsNoText() {
        #expect(throws: TFTPName.Refusal.unprintable) { try TFTPName(cleaning: [0x61, 0xff, 0x61]) }
        #expect(throws: TFTPName.Refusal.unprintable) { try TFTPName(cleaning: [0x61, 0, 0x61]) }
        #expect(throws: TFTPName.Refusal.unprintable) { try TFTPName(cleaning: [0xc0, 0xae, 0xc0, 0xae, 0x2f]) }
    }

    @Test func refusesALongName() throws {
        let longest = [UInt8](repeating: UInt8(ascii: "a"), count: Limits.tftpNameBytesMax)
        #expect(try TFTPName(cleaning: longest).text.utf8.count == Limits.tftpNameBytesMax)
        #expect(throws: TFTPName.Refusal.tooLong) { try TFTPName(cleaning: longest + [0x61]) }
    }

    /// Whatever octets come in, what comes out has no empty segment, no "." or "..", no separator but "/".
    @Test func noOctetsMakeANameThatLeavesItsPlace() {
        let alphabet: [UInt8] = Array("./\\a:tfp".utf8) + [0, 0xff]
        var state: UInt64 = 7
        var cleaned = 0
        for _ in 0..<50_000 {
            var bytes: [UInt8] = []
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(alphabet[Int(state >> 33) % alphabet.count])
            }
            guard let name = try? TFTPName(cleaning: bytes) else { continue }
            cleaned += 1
            let segments = name.text.split(separator: "/", omittingEmptySubsequences: false)
            #expect(!segments.contains { $0 == ".." || $0 == "." || $0.isEmpty || $0.contains("\\") })
        }
        #expect(cleaned > 1_000)
    }
}
