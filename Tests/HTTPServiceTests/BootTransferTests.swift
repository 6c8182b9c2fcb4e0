// SPDX-License-Identifier: Apache-2.0

import Addresses
import Foundation
import Logging
import Model
import NIOCore
import ServiceLifecycle
import Testing

@testable import HTTPService

/// Large files, slow clients, and the end of the service.
@Suite(.serialized)
struct BootTransferTests {
    private static let gibibyte = 1 << 30

    private func directory(imageBytes: Int) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try directory.writeSparse("image", bytes: imageBytes)
        try directory.write("small", Array("hello".utf8))
        return directory
    }

    @Test func `1 GiB goes out to four clients without being held in memory`() async throws {
        try await withBootListener(try directory(imageBytes: Self.gibibyte)) { port in
            let before = try residentMiB()
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await onThread {
                            let client = try RawClient(port: port)
                            try client.send(RawClient.request("GET", "/image", []))
                            #expect(try client.readHead()["Content-Length"] == String(Self.gibibyte))
                            #expect(try client.skipBody(Self.gibibyte) == Self.gibibyte)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try residentMiB() - before < 40)
        }
    }

    @Test func `100 clients that do not read hold up nobody`() async throws {
        try await withBootListener(try directory(imageBytes: Self.gibibyte)) { port in
            try await onThread {
                let slow = try (0..<100).map { _ in try RawClient(port: port, receiveBytes: 4096) }
                for client in slow { try client.send(RawClient.request("GET", "/image", [])) }
                for client in slow { #expect(try client.readHead().status == 200) }
                let before = try residentMiB()
                let fast = try RawClient(port: port, timeoutSeconds: 10)
                for _ in 0..<20 { #expect(try fast.get("/small").text == "hello") }
                #expect(try residentMiB() - before < 20)
                // And they are served when they do read.
                #expect(try slow[50].skipBody(1 << 20) == 1 << 20)
            }
        }
    }

    @Test func `what became of a transfer is told`() async throws {
        let journal = Journal()
        try await withBootListener(try directory(imageBytes: 64 << 20), journal: journal) { port in
            try await onThread {
                let client = try RawClient(port: port)
                #expect(try client.get("/small").status == 200)
                try client.send(RawClient.request("GET", "/image", []))
                _ = try client.readHead()
                #expect(try client.skipBody(64 << 20) == 64 << 20)
            }
            try await onThread {
                let quitter = try RawClient(port: port, receiveBytes: 4096)
                try quitter.send(RawClient.request("GET", "/image", []))
                _ = try quitter.readHead()
            }
            let small = try await journal.outcome(0)
            #expect(small.status == 200 && small.isComplete && small.bytesSent == 5)
            let whole = try await journal.outcome(1)
            #expect(whole.isComplete && whole.bytesSent == 64 << 20)
            let broken = try await journal.outcome(2)
            #expect(!broken.isComplete && broken.bytesSent < 64 << 20)
        }
    }

    @Test(arguments: [0, 20 << 20])
    func `a file that is cut short breaks the connection off`(shorter: Int) async throws {
        let directory = try directory(imageBytes: 64 << 20)
        let journal = Journal()
        try await withBootListener(directory, journal: journal) { port in
            try await onThread {
                let client = try RawClient(port: port, receiveBytes: 64 << 10)
                try client.send(RawClient.request("GET", "/image", []))
                #expect(try client.readHead()["Content-Length"] == String(64 << 20))
                #expect(truncate(directory.file("image"), shorter) == 0)
                #expect(try client.skipBody(64 << 20) < 64 << 20)
                #expect(try RawClient(port: port).get("/small").text == "hello")
            }
            let outcome = try await journal.outcome(0)
            #expect(!outcome.isComplete)
        }
    }

    @Test func `at shutdown a transfer ends, then the service does`() async throws {
        let directory = try directory(imageBytes: 256 << 20)
        defer { withExtendedLifetime(directory) {} }
        let listener = try bootListener(directory, idleLimit: .seconds(120), journal: Journal())
        var logger = Logger(label: "group")
        logger.logLevel = .critical
        let group = ServiceGroup(services: [listener], logger: logger)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            let port = try #require(await listener.boundPort)
            let (idle, half, busy) = try await onThread {
                let idle = try RawClient(port: port)
                #expect(try idle.get("/small").status == 200)
                let half = try RawClient(port: port)
                #expect(try half.get("/small").status == 200)
                try half.send("GET /small HTTP/1.1\r\nHo")
                let busy = try RawClient(port: port)
                try busy.send(RawClient.request("GET", "/image", []))
                #expect(try busy.readHead().status == 200)
                return (Held(idle), Held(half), Held(busy))
            }
            await group.triggerGracefulShutdown()
            #expect(try await onThread { try idle.client.isClosedByServer() })
            #expect(try await onThread { try half.client.isClosedByServer() })
            await #expect(throws: RawClient.Failed.self) { try await onThread { _ = try RawClient(port: port) } }
            #expect(try await onThread { try busy.client.skipBody(256 << 20) } == 256 << 20)
            #expect(try await onThread { try busy.client.isClosedByServer() })
            try await tasks.waitForAll()
        }
    }

    @Test func `cancelled, the service breaks transfers off`() async throws {
        let directory = try directory(imageBytes: Self.gibibyte)
        defer { withExtendedLifetime(directory) {} }
        let listener = try bootListener(directory, idleLimit: .seconds(120), journal: Journal())
        let start = ContinuousClock.now
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await listener.run() }
            let port = try #require(await listener.boundPort)
            let busy = try await onThread {
                let busy = try RawClient(port: port, receiveBytes: 4096)
                try busy.send(RawClient.request("GET", "/image", []))
                #expect(try busy.readHead().status == 200)
                return Held(busy)
            }
            tasks.cancelAll()
            try? await tasks.waitForAll()
            let read = try await onThread { try busy.client.skipBody(Self.gibibyte) }
            #expect(read < Self.gibibyte)
        }
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test func `a port that is taken is said in words`() async throws {
        try await withBootListener(try directory(imageBytes: 0)) { port in
            let second = BootListener(
                listen: .loopback, port: port, calls: BootPlaneCalls { _ in .noContent }, logger: Logger(label: "boot"))
            let error = await #expect(throws: ListenError.self) { try await second.run() }
            #expect(
                error?.description == "cannot listen on 127.0.0.1:\(port) for the boot listener: "
                    + "another program has the port; \"ss -tlnp\" shows which")
            #expect(await second.boundPort == nil)
        }
    }
}

/// Handed from one thread to the next, used by one at a time.
final class Held: @unchecked Sendable {
    let client: RawClient
    init(_ client: RawClient) { self.client = client }
}

/// This process's memory, files mapped into it included.
func residentMiB() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return Int(line?.split(separator: " ").dropFirst().first ?? "0").map { $0 / 1024 } ?? 0
}
