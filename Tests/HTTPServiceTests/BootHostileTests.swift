// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore
import ServiceLifecycle
import Testing

@testable import HTTPService

/// Clients that mean no good, and clients that are only slow.
@Suite(.serialized)
struct BootHostileTests {
    private func directory() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try directory.write("small", Array("hello".utf8))
        return directory
    }

    @Test(
        arguments: [
            ("/..%2f..%2fetc/passwd", 400), ("/../../etc/passwd", 400), ("/%2e%2e/%2e%2e/etc/passwd", 400),
            ("/small%00.txt", 400), ("/a%5c..%5cb", 400), ("/%c0%ae%c0%ae/x", 400), ("/%ff%fe", 400), ("/%", 400),
            ("/\u{202e}txt.exe", 404), ("/%E2%80%AEtxt", 404), ("//small", 200), ("http://x/small", 200),
            ("/" + String(repeating: "a", count: 2_000), 414), ("/" + String(repeating: "a/", count: 4_000), 414),
            ("/" + String(repeating: "a", count: 10_000), 414), ("/" + String(repeating: "a", count: 64 << 10), 431),
            ("/small?" + String(repeating: "a", count: 4_000), 200), ("/small?a=%zz", 400), ("*", 400), ("small", 400),
        ])
    func `a name is refused or looked for, and nothing else`(target: String, status: Int) async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                try? client.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
                let seen = try client.readResponse().status
                // Bytes beyond ASCII are for the parser to refuse, or for us.
                #expect(seen == status || target.contains("\u{202e}") && seen == 400, "\(target.prefix(40)): \(seen)")
                #expect(try RawClient(port: port).get("/small").text == "hello")
            }
        }
    }

    @Test func `names without an end are cut off`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let before = try residentMiB()
                for line in ["GET /", "GET / HTTP/1.1\r\nX: ", "GET / HTTP/1.1\r\n"] {
                    let client = try RawClient(port: port)
                    try client.send(line)
                    let part = line.hasSuffix("\n") ? "X: y\r\n" : "aaaa"
                    let many = String(repeating: part, count: 64 << 10)
                    var sent = 0
                    while sent < 64 << 20, (try? client.send(many)) != nil { sent += many.utf8.count }
                    #expect(sent < 64 << 20, "\(line)")
                }
                #expect(try residentMiB() - before < 30)
                #expect(try RawClient(port: port).get("/small").text == "hello")
            }
        }
    }

    @Test(
        arguments: [
            "GET /small HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET /small HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "GET /small HTTP/9.9\r\n\r\n", "\0\0\0\0\r\n\r\n",
            "GET /small HTTP/1.1\r\nX y: z\r\n\r\n", "GET /small HTTP/1.1\r\n\r\0: x\r\n\r\n",
            "BREW / HTTP/1.1\r\n\r\n",
            "GET /small HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        ])
    func `what is no request is refused, and the connection ends`(text: String) async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(text)
                let status = (try? client.readResponse())?.status
                #expect(status == 400 || status == nil, "\(text.debugDescription): \(String(describing: status))")
                #expect(try RawClient(port: port).get("/small").text == "hello")
            }
        }
    }

    @Test func `when there are too many connections the oldest idle ones go`() async throws {
        try await withBootListener(try directory(), connectionsMax: 100) { port in
            try await onThread {
                let first = try RawClient(port: port)
                #expect(try first.get("/small").status == 200)
                // Some say half a request, most nothing at all.
                var idle: [RawClient] = []
                for number in 0..<400 {
                    let client = try RawClient(port: port)
                    if number % 3 == 0 { try client.send("GET /sm") }
                    idle.append(client)
                }
                let newest = try RawClient(port: port)
                #expect(try newest.get("/small").text == "hello")
                #expect((try? first.isClosedByServer()) ?? true)
                #expect((try? idle[0].isClosedByServer()) ?? true)
                #expect(try newest.get("/small").text == "hello")
            }
        }
    }

    @Test func `a connection that is at work does not make room`() async throws {
        let directory = try directory()
        try directory.writeSparse("image", bytes: 64 << 20)
        try await withBootListener(directory, connectionsMax: 20) { port in
            try await onThread {
                let busy = try RawClient(port: port, receiveBytes: 4_096)
                try busy.send(RawClient.request("GET", "/image"))
                #expect(try busy.readHead().status == 200)
                let others = try (0..<100).map { _ in try RawClient(port: port) }
                #expect(try RawClient(port: port).get("/small").text == "hello")
                #expect(try busy.skipBody(64 << 20) == 64 << 20)
                withExtendedLifetime(others) {}
            }
        }
    }

    @Test func `idle connections cost little`() async throws {
        try await withBootListener(try directory()) { port in
            try await onThread {
                let before = try residentMiB()
                let idle = try (0..<400).map { _ in try RawClient(port: port) }
                for client in idle { #expect(try client.get("/small").status == 200) }
                let each = Double(try residentMiB() - before) * 1024 / 400
                print("an idle connection: \(each) KiB")
                #expect(each < 100)
                withExtendedLifetime(idle) {}
            }
        }
    }

    @Test func `a stop waits for downloads as long as it may, and says that it does`() async throws {
        let directory = try TemporaryDirectory()
        try directory.writeSparse("image", bytes: 1 << 30)
        let listener = try bootListener(
            directory, idleLimit: .seconds(120), journal: Journal(), drainLimit: .seconds(1))
        #expect(listener.status == .starting)
        var logger = Logger(label: "group")
        logger.logLevel = .critical
        let group = ServiceGroup(services: [listener], logger: logger)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            let port = try #require(await listener.boundPort)
            #expect(listener.status == .serving)
            let busy = try await onThread {
                let busy = try RawClient(port: port, receiveBytes: 4_096)
                try busy.send(RawClient.request("GET", "/image"))
                #expect(try busy.readHead().status == 200)
                return Held(busy)
            }
            let start = ContinuousClock.now
            await group.triggerGracefulShutdown()
            try await Task.sleep(for: .milliseconds(300))
            #expect(listener.status == .draining(downloads: 1))
            try? await tasks.waitForAll()
            #expect(ContinuousClock.now - start > .milliseconds(900))
            #expect(ContinuousClock.now - start < .seconds(10))
            #expect(listener.status == .stopped)
            #expect(try await onThread { try busy.client.skipBody(1 << 30) } < 1 << 30)
        }
    }
}
