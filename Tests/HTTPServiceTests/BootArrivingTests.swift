// SPDX-License-Identifier: Apache-2.0

import Engine
import Foundation
import Glibc
import Model
import Synchronization
import Testing

@testable import HTTPService

/// Files that are sent while they come in.
struct BootArrivingTests {
    private static let digest = String(repeating: "0f", count: 32)

    /// A file of a pattern, of which nothing has come yet.
    private final class Source: Sendable {
        let bytes: [UInt8]
        let file: ArrivingFile
        private let descriptor: Int32

        init(_ directory: TemporaryDirectory, bytes count: Int) throws {
            bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
            descriptor = open(directory.file("partial"), O_RDWR | O_CREAT, 0o600)
            file = ArrivingFile(descriptor: descriptor, size: count, version: BootArrivingTests.digest)
        }

        func write(to end: Int, from start: Int = 0) throws {
            let written = bytes[start..<end].withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress, $0.count, off_t(start))
            }
            guard written == end - start else { throw POSIXError(.EIO) }
            file.advance(to: end)
        }
    }

    private func withSource<Value: Sendable>(
        bytes: Int, journal: Journal = Journal(), _ body: @escaping @Sendable (Source, UInt16) async throws -> Value
    ) async throws -> Value {
        let directory = try TemporaryDirectory()
        let source = try Source(directory, bytes: bytes)
        return try await withBootListener(
            directory, journal: journal, arriving: ["set/file": source.file, "c/\(Self.digest)": source.file]
        ) { port in try await body(source, port) }
    }

    @Test func `what has come is sent before the rest has`() async throws {
        let size = 5 << 20
        try await withSource(bytes: size) { source, port in
            try source.write(to: 1 << 20)
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(RawClient.request("GET", "/set/file"))
                let head = try client.readHead()
                #expect(head.status == 200)
                #expect(head["Content-Length"] == "\(size)")
                #expect(head["ETag"] == "\"\(Self.digest)\"")
                #expect(head["Content-Type"] == "text/x-arriving")
                #expect(head["Last-Modified"] == nil)
                var (have, written) = (0, 1 << 20)
                for end in [1 << 20, (1 << 20) + 1, 3 << 20, size - 1, size] {
                    if end > written { try source.write(to: end, from: written) }
                    written = end
                    let sendable = min(end, size - Limits.arrivingTailBytes)
                    #expect(try client.readBody(sendable - have) == Array(source.bytes[have..<sendable]))
                    have = sendable
                }
                source.file.finish()
                #expect(try client.readBody(size - have) == Array(source.bytes[have...]))
                #expect(try client.get("/script").status == 200)
            }
        }
    }

    @Test func `a range waits for its beginning, a HEAD for nothing`() async throws {
        let journal = Journal()
        try await withSource(bytes: 4 << 20, journal: journal) { source, port in
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await onThread {
                        let client = try RawClient(port: port)
                        #expect(try client.head("/set/file")["Content-Length"] == "\(4 << 20)")
                        let part = try client.get("/set/file", headers: ["Range: bytes=2000000-2000099"])
                        #expect(part.status == 206)
                        #expect(part.body == Array(source.bytes[2_000_000..<2_000_100]))
                        let last = try client.get("/set/file", headers: ["Range: bytes=-200000"])
                        #expect(last.body == Array(source.bytes.suffix(200_000)))
                    }
                }
                while journal.asked.withLock({ $0.count < 2 }) { try await Task.sleep(for: .milliseconds(5)) }
                try source.write(to: 1 << 20)
                try await Task.sleep(for: .milliseconds(50))
                try source.write(to: 3 << 20, from: 1 << 20)
                // The range has been sent, though the file is not whole.
                #expect(try await journal.outcome(1).status == 206)
                try source.write(to: 4 << 20, from: 3 << 20)
                source.file.finish()
                try await group.waitForAll()
            }
        }
    }

    @Test func `a file that does not come is an error, and one that breaks off is broken off`() async throws {
        let journal = Journal()
        try await withSource(bytes: 4 << 20, journal: journal) { source, port in
            try source.write(to: 1 << 20)
            let client = try await onThread {
                let client = try RawClient(port: port)
                try client.send(RawClient.request("GET", "/set/file"))
                #expect(try client.readHead().status == 200)
                _ = try client.readBody(1 << 20)
                return Held(client)
            }
            source.file.fail("its digest is another")
            try await onThread { () throws in
                #expect(try client.client.skipBody(4 << 20) == 0)
                #expect(try RawClient(port: port).get("/set/file").status == 500)
            }
            let outcome = try await journal.outcome(0)
            #expect(!outcome.isComplete && outcome.bytesSent == 1 << 20)
        }
    }

    @Test func `nobody gets the whole of a small file before it is verified`() async throws {
        try await withSource(bytes: 1_000) { source, port in
            try source.write(to: 1_000)
            let client = try await onThread {
                let client = try RawClient(port: port)
                try client.send(RawClient.request("GET", "/set/file"))
                return Held(client)
            }
            try await Task.sleep(for: .milliseconds(100))
            source.file.finish()
            try await onThread { () throws in #expect(try client.client.readResponse().body == source.bytes) }
        }
    }

    @Test func `a client that goes away while it waits disturbs nobody`() async throws {
        let journal = Journal()
        try await withSource(bytes: 4 << 20, journal: journal) { source, port in
            try source.write(to: 1 << 20)
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(RawClient.request("GET", "/set/file"))
                _ = try client.readHead()
                client.resetAtClose()
            }
            try await Task.sleep(for: .milliseconds(100))
            try source.write(to: 4 << 20, from: 1 << 20)
            source.file.finish()
            try await onThread { () throws in #expect(try RawClient(port: port).get("/set/file").body == source.bytes) }
            #expect(try await journal.outcome(1).bytesSent + journal.outcome(0).bytesSent < 8 << 20)
        }
    }

    @Test func `content by its digest may be kept for good`() async throws {
        try await withSource(bytes: 1_000) { source, port in
            try source.write(to: 1_000)
            source.file.finish()
            try await onThread {
                let client = try RawClient(port: port)
                let reply = try client.get("/c/\(Self.digest)")
                #expect(reply.body == source.bytes)
                #expect(reply["Cache-Control"] == "public, max-age=31536000, immutable")
                let again = try client.get("/c/\(Self.digest)", headers: ["If-None-Match: \"\(Self.digest)\""])
                #expect(again.status == 304)
                #expect(again["Cache-Control"] != nil)
                #expect(try client.get("/set/file")["Cache-Control"] == nil)
                #expect(try client.get("/c/nothing")["Cache-Control"] == nil)
                #expect(try client.ask(RawClient.request("POST", "/c/\(Self.digest)")).status == 405)
            }
        }
    }
}
