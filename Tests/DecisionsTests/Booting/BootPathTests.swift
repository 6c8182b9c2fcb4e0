// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Testing

private func refusal(of path: String) -> ContentPath.Refusal? {
    do {
        _ = try BootPath(path)
        return nil
    } catch { return error }
}

@Suite struct BootPathTests {
    @Test func whatPathsStandFor() throws {
        #expect(try BootPath("/b/52-54-00-12-34-56") == .script(webMAC))
        #expect(try BootPath("b/52-54-00-12-34-56/done") == .done(webMAC))
        #expect(try BootPath("b/52-54-00-12-34-56/a/preseed.cfg") == .answer(webMAC, name: "preseed.cfg"))
        #expect(try BootPath("b/52-54-00-12-34-56/a/nocloud/user-data") == .answer(webMAC, name: "nocloud/user-data"))
        #expect(try BootPath("b/52-54-00-12-34-56/p/booting") == .progress(webMAC, step: "booting"))
        #expect(
            try BootPath("//b/52-54-00-12-34-56/snponly.efi") == .loader(webMAC, ContentPath("ipxe/snponly.efi")))
        #expect(
            try BootPath("b/52-54-00-12-34-56/arm64/snponly.efi")
                == .loader(webMAC, ContentPath("ipxe/arm64/snponly.efi")))
        #expect(try BootPath("b/52-54-00-12-34-56/autoexec.ipxe") == .autoexec(webMAC))
        #expect(try BootPath("b/52-54-00-12-34-56/arm64/autoexec.ipxe") == .autoexec(webMAC))
        #expect(try BootPath("debian-12/linux") == .content(ContentPath("debian-12/linux")))
        #expect(try BootPath("autoexec.ipxe") == .firstStage)
        #expect(try BootPath("/boot.ipxe") == .firstStage)
    }

    @Test func firmwareMayShout() throws {
        #expect(try BootPath("b/52-54-00-AB-CD-EF").mac?.description == "52:54:00:ab:cd:ef")
    }

    @Test(
        arguments: [
            ("", .empty), ("/", .empty), ("linux", .noSet), ("b", .notAMachine), ("b/web1", .notAMachine),
            ("b/52:54:00:12:34:56", .notAMachine), ("b/525400123456", .notAMachine),
            ("b/52-54-00-12-34-56/", .badSegment),
            ("b/52-54-00-12-34-56/../../etc/passwd", .badSegment), ("a//b", .badSegment), ("a/./b", .badSegment),
            ("a\\b/c", .badCharacter), ("a/b\0", .badCharacter), ("a/\u{7f}", .badCharacter),
            ("a/\u{9b}", .badCharacter),
        ] as [(String, ContentPath.Refusal)])
    func refused(path: String, expected: ContentPath.Refusal) {
        #expect(refusal(of: path) == expected)
    }

    @Test func lengthLimit() {
        #expect(refusal(of: "a/" + String(repeating: "x", count: 510)) == nil)
        #expect(refusal(of: "a/" + String(repeating: "x", count: 511)) == .tooLong)
    }

    @Test func namesAndTheirReadingAgree() throws {
        #expect(try BootPath(webPaths.directory) == .script(webMAC))
        let prefix = endpoint.base
        for url in [webPaths.scriptURL, webPaths.doneURL, webPaths.answersURL + "/x", webPaths.progressURL + "/x"] {
            #expect(url.hasPrefix(prefix))
            #expect(try BootPath(url.dropFirst(prefix.count)).mac == webMAC)
        }
        #expect(BootEndpoint(address: endpoint.address, httpPort: 80).base == "http://10.64.0.1")
    }
}
