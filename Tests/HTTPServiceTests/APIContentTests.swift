// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Model
import Synchronization
import Testing

@testable import HTTPService

struct APIContentTests {
    private func withContent(_ body: @escaping @Sendable (RawClient, FakeContent) throws -> Void) async throws {
        let engine = FakeEngine()
        try await withAPIListener(engine) { port in
            try await onThread { try body(try RawClient(port: port), engine.content) }
        }
    }

    @Test func `images are listed, shown and removed`() async throws {
        try await withContent { client, _ in
            let list = try client.call("GET", "/api/v1/content").decoded([ImageReport].self)
            #expect(list == [FakeContent.image])
            #expect(try client.call("GET", "/api/v1/content/debian-12").decoded(ImageReport.self) == FakeContent.image)
            let none = try client.call("GET", "/api/v1/content/debian-13")
            #expect(none.status == 404)
            #expect(try none.decoded(Problem.self).detail == "there is no image debian-13")
            #expect(try client.call("DELETE", "/api/v1/content/debian-12").status == 200)
            #expect(try client.call("DELETE", "/api/v1/content/debian-13").status == 404)
            // An image is made by an import, not by a PUT: that is how objects of the site are made.
            #expect(try client.call("PUT", "/api/v1/content/debian-12", "{}").status == 404)
            #expect(try client.call("GET", "/api/v1/content/debian-12/import")["Allow"] == "POST")
        }
    }

    @Test func `an import is begun, or is there`() async throws {
        try await withContent { client, content in
            let body = #"{"url": "https://mirror.example/a.iso", "unpack": "iso"}"#
            let started = try client.call("POST", "/api/v1/content/new/import", body)
            #expect(started.status == 202)
            #expect(try started.decoded(ImportReport.self).outcome == .started)
            #expect(try client.call("POST", "/api/v1/content/debian-12/import", body).status == 200)
            let request = ImportRequest(url: "https://mirror.example/a.iso", unpack: .iso)
            #expect(content.state.withLock { $0.imports } == [request, request])
        }
    }

    static let wrongImports: [(path: String, body: String, status: Int, field: String?)] = [
        ("new", "{}", 422, "url"), ("new", #"{"url": "file:///etc/shadow"}"#, 422, "url"),
        ("new", #"{"url": "http://x/a", "sha256": "7"}"#, 422, "sha256"),
        ("new", #"{"url": "http://x/a", "upload": "a"}"#, 422, "upload"),
        ("new", #"{"url": "http://x/a", "unpack": "zip"}"#, 400, nil), ("new", "x", 400, nil),
        ("api", #"{"url": "http://x/a"}"#, 422, "name"), ("-x", #"{"url": "http://x/a"}"#, 422, "name"),
    ]

    @Test(arguments: wrongImports)
    func `a wrong import is refused before anything is asked`(
        wrong: (path: String, body: String, status: Int, field: String?)
    ) async throws {
        try await withContent { client, content in
            let reply = try client.call("POST", "/api/v1/content/\(wrong.path)/import", wrong.body)
            #expect(reply.status == wrong.status)
            #expect(try reply.decoded(Problem.self).errors?.first?.field == wrong.field)
            #expect(content.state.withLock { $0.imports }.isEmpty)
        }
    }

    // MARK: Uploads

    private static let query = "file=a.iso&total=3000000&sha256=\(String(repeating: "a", count: 64))"

    @Test func `a file comes in parts, as a stream`() async throws {
        try await withContent { client, content in
            let path = "/api/v1/content/new/upload?\(Self.query)"
            #expect(try client.call("GET", path).decoded(UploadReport.self).received == 0)
            let part = String(repeating: "0123456789", count: 100_000)
            for index in 0..<3 {
                let offset = index * 1_000_000
                let reply = try client.call("PUT", "\(path)&offset=\(offset)", part, headers: [])
                #expect(reply.status == 200)
                #expect(try reply.decoded(UploadReport.self).received == Int64(offset + 1_000_000))
            }
            let state = content.state.withLock { $0 }
            #expect(String(decoding: state.received, as: UTF8.self) == part + part + part)
            let digest = Digest(String(repeating: "a", count: 64))
            let upload = ContentCalls.Upload(image: "new", file: "a.iso", total: 3_000_000, sha256: digest)
            #expect(state.uploads == [upload, upload, upload])
            // A part is never in memory as a whole.
            #expect(state.largestBlock < 500_000)
            // A lost answer: the client asks where to go on.
            let again = try client.call("PUT", "\(path)&offset=2000000", part)
            #expect(again.status == 409)
            #expect(try again.decoded(Problem.self).detail == "go on at 3000000")
        }
    }

    static let wrongParts: [(query: String, headers: [String], status: Int)] = [
        ("total=9", [], 400), ("file=a&total=0", [], 400), ("file=a", [], 400), ("file=..&total=9", [], 400),
        ("file=a%2Fb&total=9", [], 400), ("file=a&total=9&sha256=77", [], 400), ("file=a&total=9&offset=-1", [], 400),
        ("file=a&total=9&offset=10", [], 400), ("file=a&total=9&offset=8", ["Content-Length: 2"], 400),
        ("file=a&total=99999999999", ["Content-Length: \(Limits.uploadPartBytesMax + 1)"], 413),
        ("file=a&total=9", ["Transfer-Encoding: chunked"], 411),
    ]

    @Test(arguments: wrongParts)
    func `a part that cannot be right is refused unread`(
        wrong: (query: String, headers: [String], status: Int)
    ) async throws {
        try await withContent { client, content in
            let head = ["PUT /api/v1/content/new/upload?\(wrong.query) HTTP/1.1", "Host: x"]
            let lines = head + ["Authorization: Bearer \(testToken)"] + wrong.headers
            try client.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
            #expect(try client.readResponse().status == wrong.status)
            #expect(content.state.withLock { $0.uploads }.isEmpty)
        }
    }

    @Test func `a client that goes away leaves what has come`() async throws {
        let engine = FakeEngine()
        try await withAPIListener(engine) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let path = "/api/v1/content/new/upload?\(Self.query)"
                try client.send(
                    "PUT \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(testToken)\r\n"
                        + "Content-Length: 1000\r\n\r\n"
                        + String(repeating: "x", count: 400))
                client.finishSending()
            }
            let end = ContinuousClock.now + .seconds(10)
            while engine.content.state.withLock({ $0.received.count }) < 400, ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(engine.content.state.withLock { $0.received.count } == 400)
            let path = "/api/v1/content/new/upload?\(Self.query)"
            let report = try await onThread {
                try RawClient(port: port).call("GET", path).decoded(UploadReport.self)
            }
            #expect(report.received == 400)
        }
    }

    // MARK: Places and targets

    @Test func `where content is, what may go, and where clients are sent`() async throws {
        try await withContent { client, _ in
            #expect(try client.call("GET", "/api/v1/content-where").decoded(ContentWhereReport.self).node == "a")
            let garbage = try client.call("POST", "/api/v1/content-gc", #"{"dryRun": true}"#)
            #expect(try garbage.decoded(ContentGarbageReport.self).dryRun)
            #expect(try client.call("POST", "/api/v1/content-gc", "{}").status == 400)
            let targets = try client.call("GET", "/api/v1/targets?network=lab&mac=52:54:00:12:34:56")
            #expect(try targets.decoded(TargetsReport.self).mac == "52:54:00:12:34:56")
            #expect(try client.call("GET", "/api/v1/targets?network=x").status == 404)
            #expect(try client.call("GET", "/api/v1/targets?mac=x").status == 400)
            let drained = try client.call("PUT", "/api/v1/targets/b/drain", #"{"drain": true}"#)
            #expect(try drained.decoded(TargetDrainReport.self) == TargetDrainReport(node: "b", drain: true))
            #expect(try client.call("PUT", "/api/v1/targets/a/drain", #"{"drain": true}"#).status == 409)
        }
    }

    @Test func `none of it is for strangers`() async throws {
        try await withContent { client, content in
            var statuses: [Int] = []
            for path in ["content", "content/debian-12", "content-where", "targets"] {
                statuses.append(try client.get("/api/v1/\(path)").status)
            }
            let upload = RawClient.request("PUT", "/api/v1/content/new/upload?\(Self.query)", [], body: "x")
            statuses.append(try client.ask(upload).status)
            let start = RawClient.request("POST", "/api/v1/content/new/import", [], body: "{}")
            statuses.append(try client.ask(start).status)
            #expect(statuses == Array(repeating: 401, count: 6))
            let asked = content.state.withLock { !$0.received.isEmpty || !$0.imports.isEmpty }
            #expect(!asked)
        }
    }
}
