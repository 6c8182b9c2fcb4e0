// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Glibc
import Synchronization
import TFTPService
import Testing
import Wire

/// Whole reads over real sockets.
@Suite struct TFTPReadTests {
    @Test(arguments: TFTPConfiguration.Mode.allCases, [1, 2])
    func filesArriveAsTheyAre(mode: TFTPConfiguration.Mode, threads: Int) async throws {
        let content = pattern(300_000)
        let server = try TestServer(
            mode: mode, threads: threads, files: ["bytes": content], openFiles: ["file": try temporaryFile(content)])
        for name in ["bytes", "file"] {
            #expect(try await server.client().read(name) == content)
            #expect(try await server.client().read(name, "blksize=1468 tsize=0") == content)
            #expect(try await server.client().read(name, "blksize=1468 windowsize=16") == content)
            #expect(try await server.client().read(name, "blksize=65464") == content)
            #expect(try await server.client().read(name, "blksize=8000 windowsize=64") == content)
        }
        await server.server.stop()
        #expect(server.value("ondeck_tftp_reads_total", "finished") == 10)
        #expect(server.value("ondeck_tftp_bytes_total") == 3_000_000)
        #expect(server.value("ondeck_tftp_transfers") == 0)
    }

    @Test(arguments: [0, 1, 511, 512, 513, 1_024])
    func theEndIsFoundWhateverTheLength(length: Int) async throws {
        let content = pattern(length)
        let server = try TestServer(files: ["bytes": content], openFiles: ["file": try temporaryFile(content)])
        for name in ["bytes", "file"] {
            #expect(try await server.client().read(name) == content)
            #expect(try await server.client().read(name, "blksize=512 windowsize=4") == content)
        }
        await server.server.stop()
    }

    @Test(arguments: TFTPConfiguration.Mode.allCases)
    func blockNumbersRollOver(mode: TFTPConfiguration.Mode) async throws {
        // 81,920 blocks and an empty one: past 65,535 and on.
        let content = pattern(8 * 81_920)
        let server = try TestServer(mode: mode, openFiles: ["file": try temporaryFile(content)])
        #expect(try await server.client().read("file", "blksize=8 windowsize=16") == content)
        await server.server.stop()
    }

    @Test(arguments: TFTPConfiguration.Mode.allCases)
    func aHundredReadAtOnce(mode: TFTPConfiguration.Mode) async throws {
        let content = pattern(50_000)
        let server = try TestServer(mode: mode, openFiles: ["file": try temporaryFile(content)])
        let readers = try (0..<100).map { _ in try Reader(server.client()) }
        var running = readers
        for round in 0..<10_000 where !running.isEmpty {
            for reader in running { try await reader.step(round) }
            running.removeAll { $0.isDone }
        }
        #expect(readers.allSatisfy { $0.content == content })
        await server.server.stop()
        #expect(server.value("ondeck_tftp_reads_total", "finished") == 100)
        #expect(server.value("ondeck_tftp_bytes_total") == 100 * content.count)
    }

    /// One of many readers that take turns.
    private final class Reader {
        let client: TestClient
        var content: [UInt8] = []
        var isDone = false

        init(_ client: TestClient) { self.client = client }

        func step(_ round: Int) async throws {
            if round == 0 { return client.request("file", "blksize=1024") }
            guard let arrival = try await client.receive() else { throw TestClient.Failure(what: "silence") }
            client.port = arrival.port
            guard case .data(let block, let payload) = arrival.packet else { return client.acknowledge(0) }
            if block == UInt16(content.count / 1_024 + 1) { content += payload }
            client.acknowledge(block)
            isDone = payload.count < 1_024
        }
    }

    @Test(arguments: TFTPConfiguration.Mode.allCases)
    func answersComeFromTheAddressAsked(mode: TFTPConfiguration.Mode) async throws {
        let server = try TestServer(mode: mode, files: ["name": pattern(2_000)])
        for asked in [IPv4Address(127, 0, 0, 1), IPv4Address(127, 0, 0, 2), IPv4Address(127, 9, 8, 7)] {
            let client = try server.client(server: asked)
            client.request("name", "blksize=512 windowsize=4 timeout=120")
            let first = try #require(try await client.receive())
            #expect(first.from == asked)
            #expect((first.port == server.port) == (mode == .singlePort))
            client.port = first.port
            client.acknowledge(0)
            for block in 1...4 {
                let arrival = try #require(try await client.receive())
                guard case .data(UInt16(block), _) = arrival.packet else { throw TestClient.Failure(what: "no block") }
                #expect(arrival.from == asked)
                #expect(arrival.port == first.port)
            }
            client.acknowledge(4)
            // An error too.
            let other = try server.client(server: asked)
            other.request("nothing")
            #expect(try #require(try await other.receive()).from == asked)
        }
        #expect(server.resolved.withLock { Set($0.map(\.local)).count } == 3)
        await server.server.stop(drainMilliseconds: 0)
    }

    @Test func aClientThatBeginsAnewFromTheSamePortIsServed() async throws {
        let content = pattern(5_000)
        let server = try TestServer(files: ["one": content, "two": content.reversed()])
        let client = try server.client()
        client.request("one", "blksize=512 timeout=120")
        let granted = TestClient.options("blksize=512 timeout=120")
        #expect(try await client.receivePacket() == .optionAcknowledgement(granted))
        client.acknowledge(0)
        #expect(try await client.receivePacket() == .data(block: 1, payload: Array(content.prefix(512))))
        // Without a word about the first: another file, then that one to its end, then it again.
        #expect(try await client.read("two", "blksize=512 timeout=120") == content.reversed())
        #expect(try await client.read("two", "blksize=512 timeout=120") == content.reversed())
        await server.server.stop()
        #expect(server.value("ondeck_tftp_reads_total", "finished") == 2)
        #expect(server.value("ondeck_tftp_reads_total", "failed") == 1)
    }

    @Test func aFileThatIsShortenedEndsItsTransferAndNothingElse() async throws {
        let content = pattern(400_000)
        let descriptor = try temporaryDescriptor(content)
        let file = try #require(OpenFile(descriptor: descriptor))
        let server = try TestServer(files: ["other": content], openFiles: ["file": file])
        for options in ["blksize=512 timeout=120", "blksize=8192 windowsize=4 timeout=120"] {
            try #require(ftruncate(descriptor, off_t(content.count)) == 0)
            let client = try server.client()
            client.request("file", options)
            _ = try await client.receivePacket()
            try #require(ftruncate(descriptor, 100) == 0)
            client.acknowledge(0)
            guard case .error(.undefined, let message)? = try await client.receivePacket() else {
                throw TestClient.Failure(what: "no error")
            }
            #expect(message.contains("shorter"))
        }
        #expect(try await server.client().read("other") == content)
        await server.server.stop()
        #expect(server.value("ondeck_tftp_reads_total", "failed") == 2)
    }
}
