// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Model
import Testing

@Suite struct ContentReportTests {
    private func comesBack<Value: Codable & Equatable>(_ value: Value) throws {
        #expect(try JSONDecoder().decode(Value.self, from: try JSONEncoder().encode(value)) == value)
    }

    @Test func reportsComeBack() throws {
        var image = ImageReport(name: "debian-12", state: "importing", placement: "2 copies")
        try comesBack(image)
        image.progress = .init(phase: "downloading", bytesDone: 5, bytesTotal: 9, bytesPerSecond: 2, note: "again")
        image.files = [.init(path: "linux", sha256: String(repeating: "a", count: 64), bytes: 9)]
        image.addedAt = "2026-03-04T12:00:00Z"
        try comesBack(image)
        try comesBack(ImportReport(outcome: .there, image: image))
        try comesBack(ImportRequest(url: "http://x/y", sha256: nil, unpack: .iso))
        try comesBack(UploadReport(node: "a", file: "x.iso", received: 5, total: 9))
        let holding = ContentWhereReport.Holding(
            node: "a", state: "fetching", isWanted: true, bytesHeld: 1, bytesTotal: 9)
        try comesBack(
            ContentWhereReport(
                node: "a", nodes: [.init(name: "a", location: "berlin", bytesFree: 7)],
                images: [.init(name: "x", state: "ready", placement: "everywhere", bytes: 9, holdings: [holding])]))
        try comesBack(ContentGarbageReport(node: "a", dryRun: true, files: 3, bytes: 4))
    }

    /// What a script sends by hand: only what it needs.
    @Test func aRequestMayBeShort() throws {
        let request = try JSONDecoder().decode(ImportRequest.self, from: Data(#"{"url": "http://x/y.iso"}"#.utf8))
        #expect(request == ImportRequest(url: "http://x/y.iso"))
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(ImportRequest.self, from: Data(#"{"url": "http://x", "unpack": "zip"}"#.utf8))
        }
    }

    static let names: [(String, Unpacking)] = [
        ("debian.iso", .iso), ("DEBIAN.ISO", .iso), ("http://x/netboot.tar.gz", .tar), ("a.tgz", .tar), ("a.tar", .tar),
        ("a.tar.zst", .tar), ("http://x/a.iso?token=a.tar", .iso), ("linux", .none), ("initrd.gz", .none),
        ("tar", .none), ("http://x/a.iso/", .none), ("", .none),
    ]

    @Test(arguments: names)
    func whatIsUnpackedUnasked(name: String, unpacking: Unpacking) { #expect(Unpacking(name: name) == unpacking) }

    static let requests: [(ImportRequest, [String])] = [
        (ImportRequest(url: "https://mirror.example/a.iso"), []),
        (ImportRequest(url: "http://[::1]:80/a%20b.iso?x=1"), []),
        (ImportRequest(upload: "a.iso", sha256: String(repeating: "0aF9", count: 16)), []),
        (ImportRequest(), ["url: is missing (name a url, or an upload)"]),
        (ImportRequest(url: "http://x/", upload: "a"), ["upload: is one source too many (name a url or an upload)"]),
        (
            ImportRequest(url: "ftp://x/a"),
            ["url: is not an http or https URL (such as https://mirror.example/debian-12.iso)"]
        ),
        (ImportRequest(url: "http:///a"), ["url: names no host"]),
        (ImportRequest(url: "http://:80/a"), ["url: names no host"]),
        (ImportRequest(url: "http://x/a b"), ["url: has a character that URLs cannot have (write %20 for a blank)"]),
        (
            ImportRequest(url: "http://me:secret@x/a"),
            [
                "url: holds a password or a user's name (everybody who sees the image would see it: use --file, or a "
                    + "plain URL)"
            ]
        ),
        (ImportRequest(upload: "../a"), ["upload: is not a plain file name"]),
        (ImportRequest(upload: ".a"), ["upload: is not a plain file name"]),
        (ImportRequest(upload: "a\u{0}"), ["upload: is not a plain file name"]),
        (ImportRequest(url: "http://x/a", sha256: "abc"), ["sha256: is not a SHA-256 (write 64 hex digits)"]),
    ]

    @Test(arguments: requests)
    func whatIsWrongWithAnImport(request: ImportRequest, expected: [String]) {
        #expect(request.errors.map(\.description) == expected)
    }

    @Test func urlsHaveALimit() {
        let long = "http://x/" + String(repeating: "a", count: Limits.sourceURLBytesMax)
        #expect(ImportRequest(url: long).errors.map(\.field) == ["url"])
    }
}
