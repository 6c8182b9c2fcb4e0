// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import Testing

@Suite struct ContentTextTests {
    private static let digest = Digest(bytes: [UInt8](repeating: 0xab, count: 32))!
    private static let hex = String(repeating: "ab", count: 32)

    // MARK: Manifest

    @Test func aManifestIsOneLineAFile() throws {
        let manifest = Manifest(files: [
            ContentFile(path: "linux", digest: Self.digest, bytes: 42),
            ContentFile(path: "install/a b.gz", digest: Self.digest, bytes: 0),
        ])
        let text = ManifestText.encode(manifest)
        #expect(String(decoding: text, as: UTF8.self) == "\(Self.hex)  0  install/a b.gz\n\(Self.hex)  42  linux\n")
        #expect(try ManifestText.decode(text) == manifest)
        #expect(try ManifestText.decode([]) == Manifest(files: []))
    }

    @Test(arguments: [
        "\(hex)  1  linux",
        "\n",
        "\(hex)  1  \n",
        "\(hex) 1  linux\n",
        "\(hex)  1 linux\n",
        "\(hex)  -1  linux\n",
        "\(hex)  +1  linux\n",
        "\(hex)  99999999999999999999  linux\n",
        "\(hex)  9000000000000000000  linux\n",
        "abcd  1  linux\n",
        "\(hex)  1  ../linux\n",
        "\(hex)  1  a/../../etc/passwd\n",
        "\(hex)  1  /etc/passwd\n",
        "\(hex)  1  a//b\n",
        "\(hex)  1  a\u{0}b\n",
        "\(hex)  1  a\\b\n",
        "\(hex)  1  a\n\(hex)  2  a\n",
        "\(hex)  1  a\n\n",
    ])
    func aBadManifestIsRefused(_ text: String) {
        #expect(throws: ManifestError.self) { try ManifestText.decode(Array(text.utf8)) }
    }

    @Test func anErrorNamesItsLine() {
        let text = "\(Self.hex)  1  a\n\(Self.hex)  1  ..\n"
        do {
            _ = try ManifestText.decode(Array(text.utf8))
            Issue.record("it was read")
        } catch { #expect(error.line == 2 && "\(error)".hasPrefix("line 2: ")) }
        #expect(throws: ManifestError.self) { try ManifestText.decode(Array("\(Self.hex)  1  ".utf8) + [0xff, 0x0a]) }
    }

    // MARK: Records

    @Test(arguments: [ImageRecord.State.importing(node: "n1"), .ready, .failed("no\troom\n100 %"), .failed("")])
    func imagesComeBack(_ state: ImageRecord.State) throws {
        var image = ImageRecord(name: "debian-12", state: state)
        #expect(try ImageRecordText.decode(ImageRecordText.encode(image), name: "debian-12") == image)
        image.manifest = Self.digest
        image.bytes = 1 << 40
        image.files = 12
        image.source = "http://deb.example/a%20b.iso"
        image.addedAt = Instant(milliseconds: 1_763_800_000_123)
        #expect(try ImageRecordText.decode(ImageRecordText.encode(image), name: "debian-12") == image)
    }

    @Test func holdingsComeBack() throws {
        var holdings = Holdings(node: "n1")
        #expect(try HoldingsText.decode(HoldingsText.encode(holdings), node: "n1") == holdings)
        holdings.bytesFree = 0
        for (name, state) in [
            ("a", ImageHolding.State.complete), ("b", .fetching), ("c", .some), ("d", .failed("the disk is full")),
            ("e", .failed("")),
        ] {
            var holding = ImageHolding(manifest: Self.digest, state: state, bytesHeld: 5, bytesTotal: 10)
            holding.bytesPerSecond = 7
            holdings.images[name] = holding
        }
        #expect(try HoldingsText.decode(HoldingsText.encode(holdings), node: "n1") == holdings)
    }

    @Test(arguments: [
        "", "1", "2\tready\t-\t-\t0\t0\t-\t0", "1\tbroken\t-\t-\t0\t0\t-\t0", "1\tready\t-\tabc\t0\t0\t-\t0",
        "1\tready\t-\t-\t99999999999999999999\t0\t-\t0", "1\tready\t-\t-\t0\t0\t-\t0\tmore",
    ])
    func badImagesAreRefused(_ text: String) {
        #expect(throws: RecordError.self) { try ImageRecordText.decode(Array(text.utf8), name: "x") }
    }

    @Test(arguments: [
        "", "1\t-", "1\t-\t18446744073709551615", "1\tx\t0", "1\t-5\t0", "1\t-\t1\ta\t-\tcomplete\t-\t0\t0\t0",
        "1\t-\t0\tmore",
    ])
    func badHoldingsAreRefused(_ text: String) {
        #expect(throws: RecordError.self) { try HoldingsText.decode(Array(text.utf8), node: "x") }
    }

    @Test func anyBytesAreReadOrRefused() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var bytes = HoldingsText.encode(Holdings(node: "n")) + ManifestText.encode(Manifest(files: []))
            for _ in 0..<Int.random(in: 0..<40, using: &generator) {
                bytes.insert(.random(in: 0...255), at: .random(in: 0...bytes.count))
            }
            _ = try? HoldingsText.decode(bytes, node: "n")
            _ = try? ImageRecordText.decode(bytes, name: "n")
            _ = try? ManifestText.decode(bytes)
        }
    }
}
