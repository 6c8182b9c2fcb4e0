// SPDX-License-Identifier: Apache-2.0

import Addresses
import Foundation
import Logging
import Model
import NIOCore
import ServiceLifecycle
import Synchronization
import Testing

@testable import HTTPService

/// Real sockets, exact bytes.
struct BootListenerTests {
    private static let kernel = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

    private func directory() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try directory.write("small.efi", Array("hello".utf8))
        try directory.write("kernel", Self.kernel)
        try directory.write("empty", [])
        return directory
    }

    // MARK: HEAD and GET

    @Test(arguments: ["/kernel", "/small.efi", "/empty", "/script", "/empty-script", "/nothing", "/gone", "/failed"])
    func `HEAD has the headers of GET, and the connection stays open`(path: String) async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let head = try client.head(path)
                let get = try client.get(path)
                #expect(head.head == get.head)
                #expect(head["Content-Length"] == String(get.body.count))
                #expect(get["Connection"] == nil)
                #expect(try client.get("/script").status == 200)
            }
        }
    }

    @Test func `replies have a length, no chunks, no empty header and no redirect`() async throws {
        let paths = ["/kernel", "/small.efi", "/script", "/nothing", "/gone", "/forbidden", "/failed", "/empty"]
        let heads = try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                return try paths.map { try client.get($0) }
            }
        }
        #expect(heads.map(\.status) == [200, 200, 200, 404, 410, 403, 500, 200])
        for head in heads {
            #expect(head["Content-Length"] == String(head.body.count))
            #expect(head["Transfer-Encoding"] == nil)
            #expect(head["Location"] == nil)
            #expect(head.headers.allSatisfy { !$0.value.isEmpty })
            #expect(head.headers.count == Set(head.headers.map { $0.name.lowercased() }).count)
        }
        #expect(heads[0].body == Self.kernel)
        #expect(heads[1]["Content-Type"] == "application/efi")
        #expect(heads[2].text == "#!ipxe\nexit\n")
        #expect(heads[3].text == "no such file\n")
    }

    // MARK: Ranges and conditions

    @Test(
        arguments: [
            ("bytes=0-9", 206, "bytes 0-9/300000", 0..<10),
            ("bytes=299990-", 206, "bytes 299990-299999/300000", 299_990..<300_000),
            ("bytes=-10", 206, "bytes 299990-299999/300000", 299_990..<300_000),
            ("bytes=100000-299999", 206, "bytes 100000-299999/300000", 100_000..<300_000),
            ("bytes=299999-999999", 206, "bytes 299999-299999/300000", 299_999..<300_000),
            ("bytes=300000-", 416, "bytes */300000", 0..<0), ("bytes=-0", 416, "bytes */300000", 0..<0),
            ("bytes=0-1,5-6", 200, nil, 0..<300_000), ("bytes=9-1", 200, nil, 0..<300_000),
        ] as [(String, Int, String?, Range<Int>)])
    func `a range is answered`(range: String, status: Int, contentRange: String?, body: Range<Int>) async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let reply = try client.get("/kernel", headers: ["Range: \(range)"])
                #expect(reply.status == status)
                #expect(reply["Content-Range"] == contentRange)
                #expect(reply["Content-Length"] == String(body.count))
                #expect(reply.body == Array(Self.kernel[body]))
                #expect(try client.head("/kernel", headers: ["Range: \(range)"]).status == 200)
            }
        }
    }

    @Test func `a client that has the file is not sent it again`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let first = try client.head("/kernel")
                let tag = try #require(first["ETag"])
                let date = try #require(first["Last-Modified"])
                let unchanged = try client.get("/kernel", headers: ["If-None-Match: \(tag)"])
                #expect(unchanged.status == 304)
                #expect(unchanged["ETag"] == tag)
                #expect(unchanged["Content-Length"] == nil)
                #expect(try client.get("/kernel", headers: ["If-Modified-Since: \(date)"]).status == 304)
                #expect(try client.get("/kernel", headers: ["If-None-Match: \"x\""]).body == Self.kernel)
                let rest = try client.get("/kernel", headers: ["If-Range: \(tag)", "Range: bytes=299999-"])
                #expect(rest.status == 206)
                let other = try client.get("/kernel", headers: ["If-Range: \"x\"", "Range: bytes=299999-"])
                #expect(other.status == 200)
            }
        }
    }

    @Test func `a file beyond 4 GiB is served to its end`() async throws {
        let directory = try directory()
        let size = 5 << 30
        try directory.writeSparse("large.iso", bytes: size)
        try await withBootListener(directory) { port in
            try await onThread {
                let client = try RawClient(port: port)
                #expect(try client.head("/large.iso")["Content-Length"] == String(size))
                let end = try client.get("/large.iso", headers: ["Range: bytes=\(size - 100_000)-"])
                #expect(end["Content-Range"] == "bytes \(size - 100_000)-\(size - 1)/\(size)")
                #expect(end.body == [UInt8](repeating: 0, count: 100_000))
            }
        }
    }

    // MARK: Connections

    @Test func `a connection is kept for the next request, or closed when asked to`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                for _ in 0..<50 {
                    #expect(try client.get("/small.efi").text == "hello")
                    #expect(try client.get("/kernel").body.count == 300_000)
                }
                let last = try client.get("/kernel", headers: ["Connection: Close"])
                #expect(last["Connection"] == "close")
                #expect(last.body == Self.kernel)
                #expect(try client.isClosedByServer())
            }
        }
    }

    @Test func `HTTP 1.0 closes unless asked not to`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let kept = try client.ask("GET /kernel HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                #expect(kept["Connection"] == "keep-alive")
                #expect(kept.body == Self.kernel)
                let last = try client.ask("GET /kernel HTTP/1.0\r\n\r\n")
                #expect(last["Connection"] == "close")
                #expect(last.body == Self.kernel)
                #expect(try client.isClosedByServer())
            }
        }
    }

    @Test func `pipelined requests are answered in order`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let paths = ["/kernel", "/small.efi", "/nothing", "/kernel", "/script"]
                try client.send(paths.map { RawClient.request("GET", $0, []) }.joined())
                let replies = try paths.map { _ in try client.readResponse() }
                #expect(replies.map(\.status) == [200, 200, 404, 200, 200])
                #expect(replies[0].body == Self.kernel)
                #expect(replies[1].text == "hello")
                #expect(replies[3].body == Self.kernel)
                #expect(replies[4].text == "#!ipxe\nexit\n")
            }
        }
    }

    /// Each ends in the next, which must not stand upon it on the stack.
    @Test func `thousands of requests in one piece are answered in order`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                // The first has to be waited for, so that the others gather.
                let paths = ["/empty-script"] + (0..<3_000).map { $0 % 7 == 0 ? "/script" : "/x" }
                try client.send(paths.map { "GET \($0) HTTP/1.1\r\n\r\n" }.joined())
                let statuses = try paths.map { _ in try client.readResponse().status }
                #expect(statuses == paths.map { $0 == "/x" ? 404 : 200 })
            }
        }
    }

    @Test func `a client that has finished sending still gets what it asked for`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(RawClient.request("GET", "/kernel", []) + RawClient.request("GET", "/kernel", []))
                client.finishSending()
                #expect(try client.readResponse().body == Self.kernel)
                #expect(try client.readResponse().body == Self.kernel)
                #expect(try client.isClosedByServer())
            }
        }
    }

    @Test func `a connection without a request is closed in time, one with a transfer is not`() async throws {
        let directory = try directory()
        try directory.writeSparse("image", bytes: 64 << 20)
        try await withBootListener(directory, idleLimit: .milliseconds(300)) { port in
            try await onThread {
                let silent = try RawClient(port: port, timeoutSeconds: 5)
                let slow = try RawClient(port: port, timeoutSeconds: 5)
                let half = try RawClient(port: port, timeoutSeconds: 5)
                try half.send("GET /kernel HTTP/1.1\r\nHost: ")
                try slow.send(RawClient.request("GET", "/image", []))
                #expect(try slow.readHead().status == 200)
                #expect(try silent.isClosedByServer())
                #expect(try half.isClosedByServer())
                Thread.sleep(forTimeInterval: 0.5)
                #expect(try slow.skipBody(64 << 20) == 64 << 20)
            }
        }
    }

    @Test func `clients that are gone before they are served do no harm`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                for number in 0..<300 {
                    let client = try RawClient(port: port)
                    client.resetAtClose()
                    if number % 3 > 0 { try client.send(RawClient.request("GET", "/kernel", [])) }
                    if number % 3 > 1 { _ = try client.readHead() }
                }
                #expect(try RawClient(port: port).get("/small.efi").text == "hello")
            }
        }
    }

    // MARK: Requests

    @Test(arguments: [
        ("/../etc/passwd", 400), ("/%2e%2e/%2e%2e/etc/passwd", 400), ("/a%00b", 400), ("/%ff", 400), ("/a%2fb", 400),
        ("/" + String(repeating: "a", count: 2_000), 414), ("/" + String(repeating: "a", count: 250), 404),
        ("//small.efi", 200), ("http://boot.example/small.efi", 200), ("/small.efi?uuid=1", 200),
    ])
    func `a path that plays tricks does not reach the engine`(path: String, status: Int) async throws {
        let journal = Journal()
        try await withBootListener(try directory(), journal: journal) { port in
            try await onThread {
                let client = try RawClient(port: port)
                #expect(try client.get(path).status == status)
                #expect(try client.get("/small.efi").status == 200)
            }
        }
        let asked = journal.asked.withLock { $0.map(\.path) }
        #expect(asked.count == ([400, 414].contains(status) ? 1 : 2))
        #expect(asked.allSatisfy { !$0.contains("..") && !$0.hasPrefix("/") })
    }

    @Test func `the engine is told who asks for what, and where`() async throws {
        let journal = Journal()
        let port = try await withBootListener(try directory(), journal: journal) { port in
            try await onThread { _ = try RawClient(port: port).get("/b/52-54-00-12-34-56?uuid=a%2Db&x=1") }
            return port
        }
        let asked = try #require(journal.asked.withLock { $0.first })
        #expect(asked.method == .get)
        #expect(asked.path == "b/52-54-00-12-34-56")
        #expect(asked.query == ["uuid": "a-b", "x": "1"])
        #expect(asked.client == .loopback)
        #expect(asked.local == .loopback)
        #expect(asked.localPort == port)
        // No list of names, no name.
        #expect(asked.host == nil)
    }

    @Test func `call-backs take POST, files do not`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let done = try client.ask(RawClient.request("POST", "/b/52-54-00-12-34-56/done", [], body: "a=b"))
                #expect(done.status == 204)
                #expect(done["Content-Length"] == nil)
                #expect(try client.get("/b/52-54-00-12-34-56/p/kernel").status == 204)
                let refused = try client.ask(RawClient.request("POST", "/kernel", [], body: "a=b"))
                #expect(refused.status == 405)
                #expect(refused["Allow"] == "GET, HEAD")
                #expect(try client.ask(RawClient.request("DELETE", "/kernel", [])).status == 405)
                let callback = try client.ask(RawClient.request("PUT", "/b/52-54-00-12-34-56/done", []))
                #expect(callback["Allow"] == "GET, HEAD, POST")
            }
        }
    }

    @Test func `more of a body than anybody needs is refused`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let body = String(repeating: "x", count: Limits.bootBodyBytesMax + 1)
                try client.send(RawClient.request("POST", "/b/52-54-00-12-34-56/done", [], body: body))
                let reply = try client.readResponse()
                #expect(reply.status == 413)
                #expect(reply["Connection"] == "close")
            }
        }
    }

    @Test(arguments: [
        "nonsense\r\n\r\n", "GET /kernel HTTP/1.1\r\nBad Header\r\n\r\n", "GET /kernel HTTP/9.9\r\n\r\n",
        "GET /kernel HTTP/1.1\r\nContent-Length: x\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}",
    ])
    func `what is not HTTP is answered with 400 and closed`(text: String) async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port, timeoutSeconds: 5)
                try client.send(text)
                #expect(try client.readResponse().status == 400)
                #expect(try client.isClosedByServer())
                #expect(try RawClient(port: port).get("/small.efi").status == 200)
            }
        }
    }

    @Test func `endless headers and endless paths end`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let headers = try RawClient(port: port, timeoutSeconds: 5)
                try? headers.send("GET /kernel HTTP/1.1\r\nX: " + String(repeating: "a", count: 1 << 20))
                #expect((try? headers.readResponse().status) != 200)
                let path = try RawClient(port: port, timeoutSeconds: 5)
                try? path.send("GET /" + String(repeating: "a", count: 4 << 20))
                #expect((try? path.readResponse().status) != 200)
                #expect(try RawClient(port: port).get("/small.efi").status == 200)
            }
        }
    }
}
