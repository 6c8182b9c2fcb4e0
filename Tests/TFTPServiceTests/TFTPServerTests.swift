// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Glibc
import Logging
import TFTPService
import Testing
import Wire

/// Start and stop.
@Suite struct TFTPServerTests {
    private func server(port: UInt16 = 0, threads: Int = 1) -> TFTPServer {
        TFTPServer(
            configuration: TFTPConfiguration(listen: .loopback, port: port, threads: threads),
            resolve: { _ in .missing(reason: "no such file") }, report: { _ in },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test(arguments: [1, 2], [1, 2])
    func aPortInUseIsAnError(threads: Int, others: Int) async throws {
        let first = server(threads: threads)
        try first.start()
        let port = try #require(first.port)
        let second = server(port: port, threads: others)
        let inUse = TFTPServerError.listen(address: .loopback, port: port, errno: EADDRINUSE)
        #expect(
            "\(inUse)"
                == "cannot listen on 127.0.0.1:\(port) for TFTP: another program has the port; \"ss -ulnp\" shows which"
        )
        #expect(throws: inUse) { try second.start() }
        #expect(second.port == nil)
        await first.stop()
        // And free again when the first has stopped; at most a client of another test has it for a moment.
        var isFree = false
        for _ in 0..<100 where !isFree {
            let third = server(port: port, threads: threads)
            do { try third.start() } catch { try await Task.sleep(for: .milliseconds(50)) }
            isFree = third.port == port
            await third.stop()
        }
        #expect(isFree)
    }

    @Test func anAddressThatIsNotOursIsAnError() {
        let server = TFTPServer(
            configuration: TFTPConfiguration(listen: IPv4Address(192, 0, 2, 1), port: 0),
            resolve: { _ in .missing(reason: "") }, report: { _ in }, logger: Logger(label: "test"))
        #expect(throws: TFTPServerError.listen(address: IPv4Address(192, 0, 2, 1), port: 0, errno: EADDRNOTAVAIL)) {
            try server.start()
        }
    }

    @Test func aServerStartsOnce() async throws {
        let server = server()
        try server.start()
        #expect(throws: TFTPServerError.alreadyStarted) { try server.start() }
        await server.stop()
        #expect(throws: TFTPServerError.alreadyStarted) { try server.start() }
        await server.stop()
    }

    @Test func runEndsWithItsTask() async throws {
        let server = server(threads: 2)
        let task = Task { try await server.run() }
        while server.port == nil { await Task.yield() }
        task.cancel()
        try await task.value
        #expect(server.port == nil)
    }

    @Test func aStopLetsRunningTransfersFinishAndBeginsNoOther() async throws {
        let content = pattern(3_000)
        let server = try TestServer(files: ["name": content])
        let client = try server.client()
        client.request("name", "blksize=1000 timeout=120")
        _ = try await client.receivePacket()
        client.acknowledge(0)
        #expect(try await client.receiveBlocks(1) == [1])
        async let stopped: Void = server.server.stop()
        // The stop has been seen when a new client is not answered.
        var refused = false
        for _ in 0..<100 where !refused {
            let other = try server.client()
            other.request("nothing")
            try await Task.sleep(for: .milliseconds(10))
            refused = try await other.receive(milliseconds: 100) == nil
        }
        #expect(refused)
        client.acknowledge(1)
        #expect(try await client.receiveBlocks(1).last == 2)
        client.acknowledge(2)
        #expect(try await client.receiveBlocks(1).last == 3)
        client.acknowledge(3)
        #expect(try await client.receiveBlocks(1).last == 4)
        client.acknowledge(4)
        await stopped
        #expect(server.value("ondeck_tftp_reads_total", "finished") == 1)
        #expect(server.value("ondeck_tftp_drops_total", "stopping") > 0)
    }

    @Test func aStopCutsOffWhatDoesNotFinish() async throws {
        let server = try TestServer(files: ["name": pattern(3_000)])
        let running = try server.client()
        running.request("name", "blksize=1000 timeout=120")
        _ = try await running.receivePacket()
        running.acknowledge(0)
        #expect(try await running.receiveBlocks(1).first == 1)
        // One whose client has said nothing yet is not waited for.
        let halfOpen = try server.client()
        halfOpen.request("name", "blksize=1000 timeout=120")
        _ = try await halfOpen.receivePacket()
        let began = cl_tftp_microseconds()
        await server.server.stop(drainMilliseconds: 300)
        #expect((300_000..<25_000_000).contains(cl_tftp_microseconds() - began))
        var last: TFTPPacket?
        while let packet = try await running.receivePacket(milliseconds: 10) { last = packet }
        #expect(last == .error(code: .undefined, message: "the server is stopping"))
        #expect(server.value("ondeck_tftp_reads_total", "failed") == 2)
        #expect(server.value("ondeck_tftp_transfers") == 0)
    }

    @Test func theMetricsAreTheSameEachTime() async throws {
        let server = server()
        let before = server.counters
        try server.start()
        await server.stop()
        let after = server.counters
        #expect(before.map(\.name) == after.map(\.name))
        #expect(before.map(\.labels) == after.map(\.labels))
        #expect(before.allSatisfy { $0.name.hasPrefix("ondeck_tftp_") && !$0.help.isEmpty && $0.value == 0 })
        let series = before.map { "\($0.name) \($0.labels.map { "\($0.name)=\($0.value)" })" }
        #expect(Set(series).count == series.count)
    }
}
