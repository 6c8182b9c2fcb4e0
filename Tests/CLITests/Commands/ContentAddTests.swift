// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Foundation
import Model
import Testing

@testable import CLI

/// The server's answers while an image comes in.
enum ContentAnswers {
    static func json(_ value: some Encodable, status: Int = 200) -> FakeAnswer {
        let data = (try? JSONEncoder().encode(value)) ?? Data()
        return .json(String(decoding: data, as: UTF8.self), status: status)
    }

    static func upload(_ received: Int64, of total: Int64, isThere: Bool = false) -> FakeAnswer {
        json(UploadReport(node: "a", file: "os.bin", received: received, total: total, isThere: isThere))
    }

    static func image(_ state: String, _ change: (inout ImageReport) -> Void = { _ in }) -> ImageReport {
        var image = ImageReport(name: "os", state: state, placement: "everywhere")
        if state == "importing" { image.importedBy = "a" }
        if state == "ready" {
            (image.digest, image.bytes, image.fileCount) = (String(repeating: "a", count: 64), 1_258_291, 3)
            (image.nodesWanted, image.nodesComplete) = (3, 1)
        }
        change(&image)
        return image
    }

    static func imported(_ outcome: ImportReport.Outcome, _ state: String = "importing") -> FakeAnswer {
        json(ImportReport(outcome: outcome, image: image(state)), status: outcome == .there ? 200 : 202)
    }

    static let problem = #"{"type": "about:blank", "title": "x", "status": STATUS, "detail": "DETAIL"}"#
    static func refusal(_ status: Int, _ detail: String) -> FakeAnswer {
        let text = problem.replacingOccurrences(of: "STATUS", with: "\(status)")
        return .json(text.replacingOccurrences(of: "DETAIL", with: detail), status: status)
    }
}

struct ContentAddTests {
    private static let text = "0123456789abcdefghijklmnopqrstuvwxyz"
    private static let digest = "74e7e5bb9d22d6db26bf76946d40fff3ea9f0346b884fd0694920fccfad15e33"
    private static let ready = """
        os is ready: 3 files, 1.2 MiB, everywhere
        1 of 3 nodes hold it; the others fetch it: ondeck content where os

        """

    private static let upload = "/api/v1/content/os/upload?file=os.bin&total=36&sha256=\(digest)"

    // MARK: Files

    @Test func `a file is sent, imported and waited for`() async throws {
        let file = try TemporaryFile("os.bin", Self.text)
        var importing = ContentAnswers.image("importing")
        importing.progress = .init(phase: "unpacking", bytesDone: 5 << 20, bytesTotal: 9 << 20, bytesPerSecond: 1 << 20)
        let server = FakeServer(
            ContentAnswers.upload(0, of: 36), ContentAnswers.upload(36, of: 36), ContentAnswers.imported(.started),
            ContentAnswers.json(importing), ContentAnswers.json(ContentAnswers.image("ready")))
        let ran = await run(ContentAddCommand.self, ["os", "--file", file.path, "--unpack", "tar"], at: server.port)
        #expect(ran.exitCode == 0)
        #expect(ran.out == Self.ready)
        #expect(ran.error.contains("os: unpacking on a: 5.0 MiB of 9.0 MiB, 55 %, 1.0 MiB/s, 5 s left\n"))
        #expect(
            server.asked.map(\.line) == [
                "GET \(Self.upload)", "PUT \(Self.upload)&offset=0", "POST /api/v1/content/os/import",
                "GET /api/v1/content/os", "GET /api/v1/content/os",
            ])
        #expect(server.asked[1].body == Self.text)
        #expect(server.asked[1].headers["content-length"] == "36")
        let request = try JSONDecoder().decode(ImportRequest.self, from: Data(server.asked[2].body.utf8))
        #expect(request == ImportRequest(upload: "os.bin", sha256: Self.digest, unpack: .tar))
    }

    @Test func `what is there already is not sent again`() async throws {
        let file = try TemporaryFile("os.bin", Self.text)
        let server = FakeServer(
            ContentAnswers.upload(16, of: 36), ContentAnswers.upload(36, of: 36),
            ContentAnswers.imported(.there, "ready"))
        let ran = await run(ContentAddCommand.self, ["os", "--file", file.path], at: server.port)
        #expect(ran.exitCode == 0)
        #expect(server.asked[1].line == "PUT \(Self.upload)&offset=16")
        #expect(server.asked[1].body == String(Self.text.dropFirst(16)))
        #expect(ran.error.contains("os is that already: nothing is done"))
    }

    @Test func `a break is waited out and the rest is sent after it`() async throws {
        let file = try TemporaryFile("os.bin", Self.text)
        var broken = ContentAnswers.upload(20, of: 36)
        broken.isBroken = true
        let server = FakeServer(
            ContentAnswers.upload(0, of: 36), broken, ContentAnswers.refusal(503, "the node is starting"),
            ContentAnswers.upload(20, of: 36), ContentAnswers.upload(36, of: 36),
            ContentAnswers.imported(.there, "ready"))
        let ran = await run(ContentAddCommand.self, ["os", "--file", file.path], at: server.port)
        #expect(ran.exitCode == 0)
        #expect(ran.out == Self.ready)
        #expect(ran.error.contains("waiting: "))
        let puts = server.asked.filter { $0.method == "PUT" }
        #expect(puts.map(\.body) == [Self.text, String(Self.text.dropFirst(20))])
    }

    @Test func `an image of that very file needs nothing`() async throws {
        let file = try TemporaryFile("os.bin", Self.text)
        let server = FakeServer(
            ContentAnswers.upload(0, of: 36, isThere: true), ContentAnswers.imported(.there, "ready"))
        let ran = await run(ContentAddCommand.self, ["os", "--file", file.path], at: server.port)
        #expect(ran.exitCode == 0)
        #expect(!server.asked.contains { $0.method == "PUT" })
        #expect(ran.error.contains("os is that already: nothing is done"))
    }

    @Test func `an image of that file, unpacked otherwise, needs the file after all`() async throws {
        let file = try TemporaryFile("os.bin", Self.text)
        let server = FakeServer(
            ContentAnswers.upload(0, of: 36, isThere: true), ContentAnswers.refusal(409, "the upload is not here"),
            ContentAnswers.upload(0, of: 36), ContentAnswers.upload(36, of: 36),
            ContentAnswers.imported(.there, "ready"))
        let ran = await run(ContentAddCommand.self, ["os", "--file", file.path, "--unpack", "none"], at: server.port)
        #expect(ran.exitCode == 0)
        #expect(server.asked[3].line == "PUT /api/v1/content/os/upload?file=os.bin&total=36&offset=0")
    }

    @Test func `several nodes behind one address cannot take parts`() async throws {
        let file = try TemporaryFile("os.bin", Self.text)
        let other = UploadReport(node: "b", file: "os.bin", received: 36, total: 36)
        let server = FakeServer(ContentAnswers.upload(0, of: 36), ContentAnswers.json(other))
        let ran = await run(ContentAddCommand.self, ["os", "--file", file.path], at: server.port)
        #expect(ran.exitCode == 1)
        #expect(ran.error.contains("is several nodes (a and b), and an upload must reach one. Name one with --api"))
    }

    @Test func `a file that is not what it should be is not sent`() async throws {
        let file = try TemporaryFile("os.bin", Self.text)
        let server = FakeServer(ContentAnswers.upload(0, of: 36))
        let wrong = String(repeating: "0", count: 64)
        let ran = await run(ContentAddCommand.self, ["os", "--file", file.path, "--sha256", wrong], at: server.port)
        #expect(ran.exitCode == 1)
        #expect(ran.error.contains("is not what --sha256 says: its SHA-256 is \(Self.digest). Nothing has been sent."))
        #expect(server.asked.isEmpty)
    }

    @Test func `files that cannot be sent`() async throws {
        let server = FakeServer(ContentAnswers.upload(0, of: 36))
        let empty = try TemporaryFile("empty", "")
        let hidden = try TemporaryFile(".hidden", "x")
        let directory = String(empty.path.dropLast("/empty".count))
        for (path, message) in [
            (empty.path, "is empty"), (hidden.path, "the server takes no file of this name"),
            ("/nowhere/at/all", "no such file or directory"),
            (directory, "is a directory. Send it as one file: tar -cf"),
        ] {
            let ran = await run(ContentAddCommand.self, ["os", "--file", path], at: server.port)
            #expect(ran.exitCode == 1)
            #expect(ran.error.contains(message), "\(ran.error)")
        }
        #expect(server.asked.isEmpty)
    }

    // MARK: URLs

    @Test func `a placement is said before the image comes`() async throws {
        let server = FakeServer(.json("{}"), ContentAnswers.imported(.started))
        let ran = await run(
            ContentAddCommand.self,
            ["os", "--url", "http://x/os.iso", "--placement", "copies=2", "--no-wait", "-o", "json"], at: server.port)
        #expect(ran.exitCode == 0)
        #expect(server.asked.map(\.line) == ["PUT /api/v1/images/os", "POST /api/v1/content/os/import"])
        #expect(server.asked[0].body == #"{"placement":{"copies":2}}"#)
        let image = try JSONDecoder().decode(ImageReport.self, from: Data(ran.out.utf8))
        #expect(image.state == "importing")
    }

    @Test func `an import that fails says why, and what is served`() async throws {
        let failed = ContentAnswers.image("failed") { image in
            image.reason = "the SHA-256 is aa, not bb"
            image.digest = String(repeating: "c", count: 64)
        }
        let server = FakeServer(ContentAnswers.imported(.started), ContentAnswers.json(failed))
        let ran = await run(ContentAddCommand.self, ["os", "--url", "http://x/os.iso"], at: server.port)
        #expect(ran.exitCode == 1)
        #expect(ran.out == "")
        #expect(
            ran.error.hasSuffix(
                "os was not imported: the SHA-256 is aa, not bb. What stood under the name before is still served.\n"))
    }

    @Test func `a server that is gone for a moment does not end the wait`() async throws {
        var broken = FakeAnswer(body: "{")
        broken.isBroken = true
        let server = FakeServer(
            ContentAnswers.imported(.running), broken, ContentAnswers.json(ContentAnswers.image("ready")))
        let ran = await run(ContentAddCommand.self, ["os", "--url", "http://x/os.iso"], at: server.port)
        #expect(ran.exitCode == 0)
        #expect(ran.error.contains("the same import is running already on a"))
        #expect(ran.error.contains("closed the connection; asking again"))
    }

    @Test func `machines can be pointed elsewhere without an import`() async throws {
        let server = FakeServer(.json("{}"))
        let place = "central=http://mirror.example"
        let ran = await run(ContentAddCommand.self, ["os", "--placement", place], at: server.port)
        #expect(ran.out == "machines get os from central: http://mirror.example\n")
        #expect(server.asked.map(\.line) == ["PUT /api/v1/images/os"])
    }

    static let wrong: [([String], String)] = [
        (["os"], "name --url or --file: where the image comes from"),
        (["os", "--placement", "stream"], "ondeck set image os placement=..."),
        (["os", "--url", "http://x/a", "--file", "a"], "--url and --file are two sources; name one"),
        (["os", "--url", "ftp://x/a"], "--url is not an http or https URL: such as https://"),
        (["os", "--url", "http://x/a", "--sha256", "77"], "--sha256 takes 64 hex digits, as sha256sum writes them"),
        (["-os", "--url", "http://x/a"], "Unknown option"),
        (["o/s", "--url", "http://x/a"], "\"o/s\" is not a name: a name begins"),
        (["api", "--url", "http://x/a"], "an image cannot be called api: OnDeck serves something else there"),
        (["os", "--url", "http://x/a", "--unpack", "zip"], "iso"),
        (["os", "--url", "http://x/a", "--placement", "copies=0"], "everywhere"),
    ]

    @Test(arguments: wrong)
    func `wrong arguments`(arguments: [String], message: String) {
        do {
            _ = try ContentAddCommand.parse(arguments)
            Issue.record("\(arguments) were taken")
        } catch {
            #expect(ContentAddCommand.exitCode(for: error) == .validationFailure)
            #expect(ContentAddCommand.fullMessage(for: error).contains(message))
        }
    }

    static let placements: [(String, FieldValue?)] = [
        ("everywhere", "everywhere"), ("on-demand", "on-demand"), ("stream", "stream"), ("copies=2", ["copies": 2]),
        ("locations=berlin,bonn", ["locations": ["berlin", "bonn"]]), ("nodes=a", ["nodes": ["a"]]),
        ("central=http://m.example/a=b", nil), ("central=http://m.example/a", ["central": "http://m.example/a"]),
        ("copies", nil), ("copies=0", nil), ("copies=many", nil), ("nodes=", nil), ("nodes=a,a", nil),
        ("here", nil), ("", nil), ("=", nil), ("stream=1", nil),
    ]

    @Test(arguments: placements)
    func `a placement is one word`(word: String, field: FieldValue?) {
        #expect(PlacementArgument(argument: word)?.field == field)
    }

    @Test(
        arguments: [
            (0, 1, "1 node takes it in now: ondeck content where os"),
            (0, 3, "3 nodes take it in now: ondeck content where os"),
            (1, 3, "1 of 3 nodes hold it; the others fetch it: ondeck content where os"), (1, 1, nil), (0, 0, nil),
        ] as [(Int, Int, String?)])
    func `who has it when it is ready`(complete: Int, wanted: Int, line: String?) {
        var image = ContentAnswers.image("ready")
        (image.nodesComplete, image.nodesWanted) = (complete, wanted)
        #expect(Array(ContentText.added(image).dropFirst()) == [line].compactMap { $0 })
    }
}
