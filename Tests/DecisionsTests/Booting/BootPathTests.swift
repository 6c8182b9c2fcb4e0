// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

private func refusal(of path: String) -> ContentPath.Refusal? {
    do {
        _ = try BootPath(path)
        return nil
    } catch { return error }
}

private let web = BootVisitor(mac: webMAC)
private let token = "abcdefghij23456"
private let digest = String(repeating: "0123456789abcdef", count: 4)

@Suite struct BootPathTests {
    @Test func whatPathsStandFor() throws {
        #expect(try BootPath("/b/52-54-00-12-34-56") == .script(web))
        #expect(try BootPath("b/52-54-00-12-34-56/done") == .done(web))
        #expect(try BootPath("b/52-54-00-12-34-56/a/preseed.cfg") == .answer(web, name: "preseed.cfg"))
        #expect(try BootPath("b/52-54-00-12-34-56/a/nocloud/user-data") == .answer(web, name: "nocloud/user-data"))
        #expect(try BootPath("b/52-54-00-12-34-56/p/booting") == .progress(web, step: "booting"))
        #expect(
            try BootPath("//b/52-54-00-12-34-56/snponly.efi") == .loader(webMAC, ContentPath("ipxe/snponly.efi")))
        #expect(
            try BootPath("b/52-54-00-12-34-56/arm64/snponly.efi")
                == .loader(webMAC, ContentPath("ipxe/arm64/snponly.efi")))
        #expect(try BootPath("b/52-54-00-12-34-56/autoexec.ipxe") == .autoexec(web))
        #expect(try BootPath("b/52-54-00-12-34-56/arm64/autoexec.ipxe") == .autoexec(web))
        #expect(try BootPath("debian-12/linux") == .content(ContentPath("debian-12/linux")))
        #expect(try BootPath("autoexec.ipxe") == .firstStage)
        #expect(try BootPath("/boot.ipxe") == .firstStage)
    }

    @Test func tokensStandBehindTheMachine() throws {
        let shown = BootVisitor(mac: webMAC, token: token)
        #expect(try BootPath("b/52-54-00-12-34-56.\(token)") == .script(shown))
        #expect(try BootPath("b/52-54-00-12-34-56.\(token.uppercased())") == .script(shown))
        #expect(try BootPath("b/52-54-00-12-34-56.\(token)/a/x") == .answer(shown, name: "x"))
        #expect(try BootPath("b/52-54-00-12-34-56.\(token)/done") == .done(shown))
        for path in [".", ".x", ".\(token)x", ".\(token.dropLast())1", ".\(token).\(token)"] {
            #expect(refusal(of: "b/52-54-00-12-34-56" + path) == .notAMachine)
        }
    }

    @Test func whatIsEverybodys() throws {
        #expect(try BootPath("probe") == .probe)
        #expect(try BootPath("c/\(digest)") == .blob(try #require(Digest(digest))))
        // An image may be called "c".
        #expect(try BootPath("c/linux") == .content(ContentPath("c/linux")))
        #expect(try BootPath("c/\(digest)/linux") == .content(ContentPath("c/\(digest)/linux")))
    }

    /// The longest base that an operator may name, and the longest path: what firmware takes.
    @Test func urlsStayShort() {
        let base = String(repeating: "x", count: Limits.endpointBytesMax)
        let endpoint = BootEndpoint(address: endpoint.address, httpPort: 80, bases: [base])
        let paths = BootPaths(endpoint: endpoint, mac: webMAC, token: token)
        #expect(token.utf8.count == Limits.bootTokenCharacters)
        #expect(paths.scriptURL.utf8.count <= Limits.bootURLBytesMax)
    }

    @Test(
        arguments: [
            ("b/52-54-00-12-34-56.abcdefghij23456", "b/52-54-00-12-34-56"),
            (
                "ACK, boot file http://h:80/b/52-54-00-12-34-56.abcdefghij23456, x",
                "ACK, boot file http://h:80/b/52-54-00-12-34-56, x"
            ),
            (
                "/b/52-54-00-12-34-56.SECRET99/a/preseed.cfg and b/52-54-00-12-34-56.abc",
                "/b/52-54-00-12-34-56/a/preseed.cfg and b/52-54-00-12-34-56.abc"
            ),
            ("b/52-54-00-12-34-56/ipxe.efi", "b/52-54-00-12-34-56/ipxe.efi"),
            ("http://10.0.0.1/os/b.c", "http://10.0.0.1/os/b.c"), ("a.b", "a.b"), ("", ""), ("b/.", "b/."),
        ])
    func tokensAreNotForLogs(text: String, expected: String) {
        #expect(BootTokenText.removed(from: text) == expected)
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
        #expect(try BootPath(webPaths.directory) == .script(web))
        let prefix = endpoint.base
        var paths = webPaths
        (paths.token, paths.stageToken) = ("abcdefghijklmno", token)
        for url in [paths, webPaths].flatMap({
            [$0.scriptURL, $0.doneURL, $0.answersURL + "/x", $0.progressURL + "/x"]
        }) {
            #expect(url.hasPrefix(prefix))
            #expect(try BootPath(url.dropFirst(prefix.count)).mac == webMAC)
        }
        #expect(BootEndpoint(address: endpoint.address, httpPort: 80).base == "http://10.64.0.1")
    }
}
