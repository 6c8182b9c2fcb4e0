// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Glibc
import Model
import Synchronization
import TFTPService
import Testing
import Wire

/// What must not be served, and what must not do harm.
@Suite struct TFTPHostileTests {
    private func error(_ client: TestClient) async throws -> TFTPErrorCode? {
        guard case .error(let code, let message)? = try await client.receivePacket() else { return nil }
        #expect(!message.isEmpty)
        return code
    }

    @Test(arguments: [
        "../../../../etc/shadow", "/../etc/shadow", "..\\..\\windows", "a/../../b", "", "/", "tftp://host/../x",
        "a\nb", String(repeating: "a", count: 600),
    ])
    func hostileNamesAreRefusedBeforeAnybodyLooksThemUp(name: String) async throws {
        let server = try TestServer()
        let client = try server.client()
        client.request(name)
        #expect(try await error(client) == .accessViolation)
        #expect(server.resolved.withLock { $0.isEmpty })
        guard case .refused? = try await server.events(1).first else { throw TestClient.Failure(what: "not reported") }
        #expect(server.reported.withLock { $0.allSatisfy { !$0.request.name.contains("\n") } })
        await server.server.stop()
    }

    @Test func sloppyNamesAreCleaned() async throws {
        let server = try TestServer(files: ["boot/x": [1, 2, 3]])
        for name in ["boot/x", "/boot/x", "//boot//x", "\\boot\\x", "tftp://10.0.0.1/boot/x", "./boot/x"] {
            #expect(try await server.client().read(name) == [1, 2, 3], "\(name)")
        }
        let client = try server.client()
        client.send([0, 1] + Array("boot/x".utf8) + [0xff, 0] + Array("octet".utf8) + [0, 0, 0, 0])
        #expect(try await client.receivePacket() == .data(block: 1, payload: [1, 2, 3]))
        await server.server.stop()
    }

    @Test func nothingIsWritten() async throws {
        let server = try TestServer(files: ["name": [1]])
        let client = try server.client()
        client.send(.writeRequest(TFTPRequest(name: Array("name".utf8))))
        #expect(try await error(client) == .accessViolation)
        await server.server.stop()
        #expect(server.value("ondeck_tftp_reads_total", "refused") == 1)
    }

    @Test func onlyOctetModeIsServed() async throws {
        let server = try TestServer(files: ["name": [1]])
        for mode in ["netascii", "mail", ""] {
            let client = try server.client()
            client.request("name", mode: mode)
            #expect(try await error(client) == .undefined)
        }
        await server.server.stop()
    }

    @Test func missingAndForbiddenAreTwoThings() async throws {
        let server = try TestServer()
        let client = try server.client()
        client.request("nothing")
        #expect(try await error(client) == .fileNotFound)
        client.request("forbidden")
        #expect(try await error(client) == .accessViolation)
        #expect(try await server.events(2) == [.missing(reason: "no such file"), .refused(reason: "not for you")])
        await server.server.stop()
        #expect(server.value("ondeck_tftp_reads_total", "missing") == 1)
        #expect(server.value("ondeck_tftp_reads_total", "refused") == 1)
    }

    @Test func garbageIsCountedAndForgotten() async throws {
        let server = try TestServer(files: ["name": [1]])
        let client = try server.client()
        var state: UInt64 = 99
        for i in 0..<500 {
            let bytes = (0..<20).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 40)
            }
            client.send([0, 6 + bytes[0] % 250] + bytes)
            // Not more than the socket's buffer holds.
            if i % 50 == 0 { #expect(try await server.client().read("name") == [1]) }
        }
        for packet in [TFTPPacket.data(block: 1, payload: [1]), .acknowledgement(block: 9), .acknowledgement(block: 0)]
        {
            client.send(packet)
        }
        client.send([])
        #expect(try await client.receive(milliseconds: 200) == nil)
        #expect(try await server.client().read("name") == [1])
        await server.server.stop()
        #expect(server.value("ondeck_tftp_drops_total", "malformed") == 502)
        #expect(server.value("ondeck_tftp_drops_total", "stray") == 2)
    }

    @Test func aBroadcastRequestIsNotAnswered() async throws {
        let server = try TestServer(files: ["name": [1]])
        let client = try server.client(server: IPv4Address(127, 255, 255, 255))
        client.request("name")
        #expect(try await client.receive(milliseconds: 200) == nil)
        await server.server.stop()
        #expect(server.value("ondeck_tftp_drops_total", "broadcast") == 1)
    }

    @Test func oneAddressCannotDrawMoreThanItsShare() async throws {
        let server = try TestServer(files: ["name": pattern(2_000)])
        let client = try server.client()
        let sent = 3 * Limits.tftpRequestBurstPerClient
        let began = cl_tftp_microseconds()
        var answers = 0
        for i in 0..<sent {
            client.request("name")
            if i % 64 == 63 { while try await client.receive(milliseconds: 0) != nil { answers += 1 } }
        }
        while try await client.receive(milliseconds: 100) != nil { answers += 1 }
        let seconds = Int((cl_tftp_microseconds() - began) / 1_000_000) + 1
        // The rest are repetitions by the server's timer.
        let most = Limits.tftpRequestBurstPerClient + seconds * Limits.tftpRequestsPerClientPerSecond
        #expect(answers <= most + Limits.tftpRetriesMax)
        #expect(answers > 0)
        // Others are served meanwhile.
        #expect(try await server.client(bind: IPv4Address(127, 0, 3, 1)).read("name").count == 2_000)
        await server.server.stop()
        #expect(server.value("ondeck_tftp_drops_total", "limit") > 0)
    }

    @Test func aFloodOfForgedRequestsIsBoundedAndPushesOutItself() async throws {
        let server = try TestServer(files: ["name": pattern(2_000)])
        var sent = 0
        while server.value("ondeck_tftp_half_open_evicted_total") == 0, sent < 100_000 {
            let source = IPv4Address(bits: 0x7f01_0000 + UInt32(sent % 200) + 1)
            try server.client(bind: source).request("name", "windowsize=64")
            sent += 1
        }
        #expect(sent > Limits.tftpHalfOpenMax)
        // A client that is there gets through the flood.
        #expect(try await server.client().read("name", "windowsize=4").count == 2_000)
        #expect(server.value("ondeck_tftp_transfers") <= Limits.tftpHalfOpenMax)
        #expect(server.value("ondeck_tftp_half_open_evicted_total") > 0)
        await server.server.stop()
    }

    /// A socket without checksums takes no trains: the datagrams then go one by one.
    @Test func trainsThatTheSystemRefusesAreSentOneByOne() throws {
        let sender = cl_tftp_listen(IPv4Address.loopback.bits, 0, 0)
        let receiver = cl_tftp_listen(IPv4Address.loopback.bits, 0, 0)
        defer {
            close(sender)
            close(receiver)
        }
        try #require(sender >= 0 && receiver >= 0)
        var on: Int32 = 1
        try #require(setsockopt(sender, SOL_SOCKET, SO_NO_CHECK, &on, socklen_t(MemoryLayout<Int32>.size)) == 0)
        let bytes = pattern(2_500)
        var train = cl_tftp_train()
        train.length = 2_500
        train.segment_bytes = 1_000
        train.client = IPv4Address.loopback.bits
        train.client_port = UInt16(cl_tftp_port(receiver))
        train.local = IPv4Address.loopback.bits
        train.descriptor = sender
        train.segmentation = 1
        bytes.withUnsafeBufferPointer {
            train.bytes = $0.baseAddress
            cl_tftp_send(&train, 1)
        }
        #expect(train.segmentation == 0)
        #expect(train.error == 0)
        var got: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while case let count = recv(receiver, &buffer, buffer.count, 0), count >= 0 {
            got.append(Array(buffer[..<count]))
        }
        #expect(got.map(\.count) == [1_000, 1_000, 500])
        #expect(got.flatMap { $0 } == bytes)
    }
}
