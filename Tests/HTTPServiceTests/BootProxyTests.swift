// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Foundation
import Synchronization
import Testing

@testable import HTTPService

/// Behind balancers: the test's client, 127.0.0.1, plays one where it is trusted.
struct BootProxyTests {
    private static let loopback = [IPv4Subnet(containing: .loopback, prefixLength: 32)]
    private static let elsewhere = [IPv4Subnet(containing: IPv4Address(10, 0, 0, 5), prefixLength: 32)]
    private static let client = IPv4Address(192, 0, 2, 7)

    /// What the engine was asked, one request after the other on one connection.
    private func asked(
        _ trust: ProxyTrust, beginning: [UInt8] = [], _ requests: [[String]]
    ) async throws -> [BootRequest] {
        let journal = Journal()
        try await withBootListener(try TemporaryDirectory(), journal: journal, trust: trust) { port in
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(beginning)
                for headers in requests { #expect(try client.get("/script", headers: headers).status == 200) }
            }
        }
        return journal.asked.withLock { $0 }
    }

    @Test func `headers of whoever is not trusted are not read`() async throws {
        let headers = [
            "X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7;host=evil.example",
            "X-Forwarded-Host: evil.example",
        ]
        for trust in [ProxyTrust(), ProxyTrust(trusted: Self.elsewhere)] {
            let request = try #require(try await asked(trust, [headers]).first)
            #expect(request.client == .loopback)
            #expect(request.clientPort != 0)
            #expect(request.forwardedBase == nil)
            #expect(request.host == nil)
        }
    }

    @Test func `each request of a trusted proxy is another client's`() async throws {
        let requests = try await asked(
            ProxyTrust(trusted: Self.loopback),
            [
                ["X-Forwarded-For: 10.9.9.9, 192.0.2.7", "X-Forwarded-Host: boot.example", "X-Forwarded-Proto: https"],
                ["X-Forwarded-For: 10.9.9.9", "X-Forwarded-For: 192.0.2.8"], [],
            ])
        #expect(requests.map(\.client) == [Self.client, IPv4Address(192, 0, 2, 8), .loopback])
        #expect(requests.map(\.forwardedBase) == ["https://boot.example", nil, nil])
        #expect(requests.allSatisfy { $0.local == .loopback })
    }

    @Test func `a Host is passed on when its name is on the list`() async throws {
        let known = ProxyTrust(hosts: HostAllowList(["boot.example"]))
        #expect(try await asked(known, [[]]).map(\.host) == ["boot.example"])
        let others = ProxyTrust(hosts: HostAllowList(["other.example"]))
        #expect(try await asked(others, [[]]).map(\.host) == [nil])
    }

    // MARK: The PROXY protocol

    private static let expecting = ProxyTrust(trusted: loopback, expectsProxyHeader: true)
    private static let line = Array("PROXY TCP4 192.0.2.7 10.0.0.80 50000 8080\r\n".utf8)
    private static let binary: [UInt8] =
        [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x21, 0x11, 0, 12]
        + [192, 0, 2, 7, 10, 0, 0, 80, 0xc3, 0x50, 0x1f, 0x90]

    @Test(arguments: [line, binary])
    func `the header names the client of all that follows`(header: [UInt8]) async throws {
        let requests = try await asked(Self.expecting, beginning: header, [[], ["X-Forwarded-For: 1.1.1.1"]])
        #expect(requests.map(\.client) == [Self.client, Self.client])
        #expect(requests.map(\.clientPort) == [50_000, 50_000])
        #expect(requests.map(\.forwardedBase) == ["http://10.0.0.80:8080", "http://10.0.0.80:8080"])
        // TFTP is not behind the balancer.
        #expect(requests.map(\.local) == [.loopback, .loopback])
    }

    @Test func `headers count when the PROXY header names another trusted proxy`() async throws {
        let trust = ProxyTrust(
            trusted: Self.loopback + [IPv4Subnet(containing: Self.client, prefixLength: 32)], expectsProxyHeader: true)
        let requests = try await asked(
            trust, beginning: Self.line, [["X-Forwarded-For: 192.0.2.9", "X-Forwarded-Host: boot.example"]])
        #expect(requests.map(\.client) == [IPv4Address(192, 0, 2, 9)])
        #expect(requests.map(\.forwardedBase) == ["http://boot.example"])
    }

    @Test func `the header may come one byte after the other`() async throws {
        let journal = Journal()
        try await withBootListener(try TemporaryDirectory(), journal: journal, trust: Self.expecting) { port in
            try await onThread {
                let client = try RawClient(port: port)
                for byte in Self.binary + Array("GET /sc".utf8) {
                    try client.send([byte])
                    usleep(500)
                }
                #expect(try client.ask("ript HTTP/1.1\r\nHost: x\r\n\r\n").status == 200)
            }
        }
        #expect(journal.asked.withLock { $0.map(\.client) } == [Self.client])
    }

    @Test func `the balancer's own look is answered, and is its own`() async throws {
        let local: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x20, 0, 0, 0]
        for header in [local, Array("PROXY UNKNOWN\r\n".utf8)] {
            let requests = try await asked(Self.expecting, beginning: header, [[]])
            #expect(requests.map(\.client) == [.loopback])
            #expect(requests.map(\.forwardedBase) == [nil])
        }
    }

    @Test(arguments: ["GET /script HTTP/1.1\r\nHost: x\r\n\r\n", "PROXY TCP4 1.2.3.4\r\n", "\r\n\r\nx"])
    func `without the header a trusted connection ends unanswered`(beginning: String) async throws {
        let journal = Journal()
        try await withBootListener(try TemporaryDirectory(), journal: journal, trust: Self.expecting) { port in
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(beginning)
                #expect((try? client.isClosedByServer()) ?? true)
            }
        }
        #expect(journal.asked.withLock { $0.isEmpty })
    }

    @Test func `whoever is not a balancer sends none, and cannot`() async throws {
        let trust = ProxyTrust(trusted: Self.elsewhere, expectsProxyHeader: true)
        #expect(try await asked(trust, [[]]).map(\.client) == [.loopback])
        try await withBootListener(try TemporaryDirectory(), trust: trust) { port in
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(Self.line)
                #expect(try client.get("/script").status == 400)
            }
        }
    }

    // MARK: The API

    @Test func `the API's log has the client that its proxy speaks for`() async throws {
        let book = LogBook()
        try await withAPIListener(FakeEngine(), book: book, trust: ProxyTrust(trusted: Self.loopback)) { port in
            try await onThread { () throws in
                #expect(
                    try RawClient(port: port).call("GET", "/livez", headers: ["X-Forwarded-For: 192.0.2.7"]).status
                        == 200)
            }
        }
        #expect(book.lines.withLock { $0.contains { $0.contains("192.0.2.7") } })
    }

    @Test func `the API takes the PROXY protocol`() async throws {
        let book = LogBook()
        try await withAPIListener(FakeEngine(), book: book, trust: Self.expecting) { port in
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(Self.binary)
                #expect(try client.call("GET", "/livez").status == 200)
                #expect(try client.call("GET", "/livez").status == 200)
                let bare = try RawClient(port: port)
                try bare.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect((try? bare.isClosedByServer()) ?? true)
            }
        }
        #expect(book.lines.withLock { $0.filter { $0.contains("192.0.2.7:50000") }.count } == 2)
    }
}
