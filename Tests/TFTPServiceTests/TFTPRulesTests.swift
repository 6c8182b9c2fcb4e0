// SPDX-License-Identifier: Apache-2.0

import Addresses
import Glibc
import Synchronization
import TFTPService
import Testing
import Wire

/// One rule after the other, packet by packet, over real sockets. A long timeout is asked for where only packets are
/// to make the server send, however slow the machine is at the moment.
@Suite struct TFTPRulesTests {
    private let content = pattern(100_000)

    private func server(mode: TFTPConfiguration.Mode = .singlePort) throws -> TestServer {
        try TestServer(mode: mode, files: ["name": content])
    }

    @Test func optionsAreAcknowledgedAndUnknownOnesAreNot() async throws {
        let server = try server()
        let client = try server.client()
        client.request("name", "tsize=0 blksize=1024 timeout=5 windowsize=4 multicast=x unknown=1")
        let granted = TestClient.options("tsize=100000 blksize=1024 timeout=5 windowsize=4")
        #expect(try await client.receivePacket() == .optionAcknowledgement(granted))
        // With none that we know there is no OACK.
        let plain = try server.client()
        plain.request("name", "unknown=1")
        #expect(try await plain.receivePacket() == .data(block: 1, payload: Array(content.prefix(512))))
        await server.server.stop(drainMilliseconds: 0)
    }

    @Test(arguments: TFTPConfiguration.Mode.allCases)
    func aSizeProbeIsNoFailure(mode: TFTPConfiguration.Mode) async throws {
        let server = try server(mode: mode)
        let client = try server.client()
        client.request("name", "tsize=0 blksize=1468 windowsize=4 timeout=120")
        let arrival = try #require(try await client.receive())
        client.port = arrival.port
        client.send(.error(code: .optionsRefused, message: "User aborted the transfer"))
        #expect(try await server.events(1) == [.sizeProbe(contentBytes: 100_000)])
        #expect(try await client.receive(milliseconds: 300) == nil)
        await server.server.stop(drainMilliseconds: 0)
        #expect(server.value("ondeck_tftp_reads_total", "size_probe") == 1)
        #expect(server.value("ondeck_tftp_reads_total", "failed") == 0)
    }

    @Test func aReadIsReportedFromItsFirstAnswerToItsEnd() async throws {
        let server = try server()
        let client = try server.client()
        #expect(try await client.read("/name", "blksize=1024 tsize=0 timeout=120") == content)
        let events = try await server.events(2)
        #expect(events.count == 2)
        #expect(
            events.first
                == .started(contentBytes: 100_000, options: TestClient.options("blksize=1024 tsize=100000 timeout=120"))
        )
        guard case .finished(100_000, let milliseconds, 0)? = events.last else {
            throw TestClient.Failure(what: "\(events)")
        }
        #expect((0..<60_000).contains(milliseconds))
        #expect(server.reported.withLock { $0.allSatisfy { $0.request.name == "name" } })
        await server.server.stop(drainMilliseconds: 0)
    }

    @Test func untilTheFirstAckThereIsOnePacket() async throws {
        let server = try server()
        let client = try server.client()
        client.request("name", "windowsize=16 timeout=120")
        let granted = TestClient.options("windowsize=16 timeout=120")
        #expect(try await client.receivePacket() == .optionAcknowledgement(granted))
        #expect(try await client.receive(milliseconds: 500) == nil)
        client.acknowledge(0)
        #expect(try await client.receiveBlocks(16) == Array(1...16))
        await server.server.stop(drainMilliseconds: 0)
    }

    @Test func aSilentClientHearsTheSameAgain() async throws {
        let server = try server()
        let client = try server.client()
        client.request("name", "windowsize=16")
        let granted = TestClient.options("windowsize=16")
        for _ in 0..<2 { #expect(try await client.receivePacket() == .optionAcknowledgement(granted)) }
        await server.server.stop(drainMilliseconds: 0)
    }

    @Test(arguments: TFTPConfiguration.Mode.allCases)
    func aGapInTheWindowIsFilledAtOnce(mode: TFTPConfiguration.Mode) async throws {
        let server = try server(mode: mode)
        let client = try server.client()
        let began = ContinuousClock.now
        client.request("name", "windowsize=8 timeout=120")
        let first = try #require(try await client.receive())
        client.port = first.port
        client.acknowledge(0)
        let path = ContinuousClock.now - began
        #expect(try await client.receiveBlocks(8) == Array(1...8))
        // Block 4 did not arrive. Said no sooner than the answer to the OACK took.
        try await Task.sleep(for: path)
        client.acknowledge(3)
        #expect(try await client.receiveBlocks(8) == Array(4...11))
        client.acknowledge(11)
        #expect(try await client.receiveBlocks(8) == Array(12...19))
        await server.server.stop(drainMilliseconds: 0)
    }

    @Test func aLostBlockIsRepeated() async throws {
        let server = try server()
        let client = try server.client()
        client.request("name", "blksize=512")
        _ = try await client.receivePacket()
        client.acknowledge(0)
        var blockOnes = 0
        while blockOnes < 2 {
            guard let packet = try await client.receivePacket() else { break }
            if packet == .data(block: 1, payload: Array(content[0..<512])) { blockOnes += 1 }
        }
        #expect(blockOnes == 2)
        await server.server.stop(drainMilliseconds: 0)
        #expect(server.value("ondeck_tftp_retransmits_total") >= 1)
    }

    @Test func aDuplicateAckSendsNothing() async throws {
        let server = try server()
        let client = try server.client()
        client.request("name", "timeout=120")
        _ = try await client.receivePacket()
        client.acknowledge(0)
        #expect(try await client.receiveBlocks(1) == [1])
        for _ in 0..<5 { client.acknowledge(0) }
        #expect(try await client.receiveBlocks(0) == [])
        client.acknowledge(1)
        client.acknowledge(1)
        client.acknowledge(0)
        #expect(try await client.receiveBlocks(1) == [2])
        await server.server.stop(drainMilliseconds: 0)
    }

    @Test func theClientsErrorEndsTheTransfer() async throws {
        let server = try server()
        let client = try server.client()
        client.request("name", "blksize=512 timeout=120")
        _ = try await client.receivePacket()
        client.acknowledge(0)
        _ = try await client.receivePacket()
        client.send(.error(code: TFTPErrorCode(rawValue: 3), message: "disk\u{1b}full"))
        let events = try await server.events(2)
        #expect(events.last == .failed(reason: "the client ended it: error 3 disk?full", bytes: 0, retransmits: 0))
        #expect(try await client.receive(milliseconds: 300) == nil)
        await server.server.stop(drainMilliseconds: 0)
    }

    @Test func classicModeSeesThatAClientIsGone() async throws {
        let server = try server(mode: .classic)
        do {
            let client = try server.client()
            client.request("name", "blksize=512")
            let first = try #require(try await client.receive())
            client.port = first.port
            client.acknowledge(0)
        }
        // Its port is closed: the next block, at the latest its repetition, meets a refusal.
        let events = try await server.events(2)
        guard case .failed("the client's port is closed", bytes: 0, _)? = events.last else {
            throw TestClient.Failure(what: "\(events)")
        }
        await server.server.stop(drainMilliseconds: 0)
        #expect(server.value("ondeck_tftp_transfers") == 0)
    }
}
