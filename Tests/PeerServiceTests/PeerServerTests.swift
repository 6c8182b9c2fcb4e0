// SPDX-License-Identifier: Apache-2.0

import Addresses
import Logging
import Model
import Testing

@testable import PeerService

@Suite(.timeLimit(.minutes(1))) struct PeerServerTests {
    @Test func twoNodesHearEachOther() async throws {
        let (a, b) = (try RunningPeer(), try RunningPeer())
        a.server.setPeers([b.peer("b")])
        b.server.setPeers([a.peer("a")])
        var fromA = heartbeat("a", 1, incarnation: .max)
        fromA.intent = .draining
        fromA.deaf = ["cellar"]
        fromA.heard = ["lab": 42, "rack": .max]
        for _ in 0..<3 {
            a.server.send(fromA)
            fromA.sequence += 1
        }
        b.server.send(heartbeat("b", 9))
        #expect(try await eventually { b.heartbeats.count == 3 && a.heartbeats.count == 1 })
        fromA.sequence = 3
        #expect(b.heartbeats.last == fromA)
        #expect(b.heartbeats.map(\.sequence) == [1, 2, 3])
        #expect(a.heartbeats == [heartbeat("b", 9)])
        #expect(a.server.counts.sent == 3 && b.server.counts.received == 3)
        #expect(a.refusals.isEmpty && b.refusals.isEmpty)
    }

    @Test func anotherKeyIsNotHeard() async throws {
        let (a, stranger) = (try RunningPeer(), try RunningPeer(key: [UInt8](repeating: 8, count: 32)))
        stranger.server.setPeers([a.peer("a")])
        stranger.server.send(heartbeat("b", 1))
        #expect(try await eventually { a.server.counts.badSignature == 1 })
        #expect(a.heartbeats.isEmpty)
    }

    @Test func aCopyIsHeardOnce() async throws {
        let a = try RunningPeer()
        let stranger = try Stranger(to: a.server.port)
        let codec = HeartbeatCodec(key: clusterKey)
        let first = try #require(codec.encode(heartbeat("b", 1)))
        let second = try #require(codec.encode(heartbeat("b", 2)))
        for bytes in [first, first, second, first, second] { stranger.send(bytes) }
        #expect(try await eventually { a.server.counts.replayed == 3 })
        #expect(a.heartbeats.map(\.sequence) == [1, 2])
    }

    /// As in a cluster: a heartbeat every 50 ms. The process is gone between two of them, and comes back.
    @Test func aProcessThatIsGoneIsToldAndComesBack() async throws {
        let a = try RunningPeer()
        var b = try RunningPeer()
        let port = b.server.port
        a.server.setPeers([b.peer("b")])
        let beating = Task {
            for sequence in UInt64(1)... {
                a.server.send(heartbeat("a", sequence))
                try await Task.sleep(for: .milliseconds(Limits.heartbeatMilliseconds))
            }
        }
        defer { beating.cancel() }
        #expect(try await eventually { b.heartbeats.count >= 2 })
        #expect(a.refusals.isEmpty)
        try await b.close()
        #expect(try await eventually(within: .milliseconds(200)) { !a.refusals.isEmpty })
        #expect(try await eventually { a.refusals.count >= 3 })
        let counts = a.server.counts
        #expect(counts.refused <= counts.sent && Set(a.refusals) == ["b"])

        b = try RunningPeer(port: port)
        #expect(try await eventually { b.heartbeats.count >= 3 })
        let refusals = a.refusals.count
        #expect(try await eventually { b.heartbeats.count >= 6 })
        #expect(a.refusals.count == refusals)
    }

    /// The thread sees the ICMP message by itself: no second heartbeat is needed.
    @Test func oneHeartbeatIsEnoughForARefusal() async throws {
        let (a, b) = (try RunningPeer(), try RunningPeer())
        a.server.setPeers([b.peer("b")])
        try await b.close()
        a.server.send(heartbeat("a", 1))
        #expect(try await eventually { a.refusals == ["b"] })
        try await Task.sleep(for: .milliseconds(50))
        #expect(a.refusals == ["b"])
    }

    /// Without the thread's help: the error waits in the socket for the next heartbeat, which is still sent.
    @Test func aRefusalIsToldByTheNextHeartbeatAtTheLatest() async throws {
        let (a, b) = (try RunningPeer(), try RunningPeer())
        let port = b.server.port
        try await a.close()
        try await b.close()
        var links = PeerLinks(local: .loopback, poll: try PeerPoll())
        _ = links.set([PeerServer.Peer(node: "b", address: .loopback, port: port)])
        let first = links.send([1])
        #expect(first.sent == 1 && first.refused.isEmpty)
        let second = links.send([2])
        #expect(second.sent == 1 && second.refused == ["b"])
        let again = try RunningPeer(port: port)
        let third = links.send([3])
        #expect(third.sent == 1 && third.refused == ["b"])
        let fourth = links.send([4])
        #expect(fourth.sent == 1 && fourth.refused.isEmpty)
        #expect(try await eventually { again.server.counts.malformed == 2 })
    }

    @Test func anUnreachableNetworkIsNoRefusal() async throws {
        let a = try RunningPeer()
        // From the loopback address there is no way to another machine, and a beat without an address is nobody's.
        a.server.setPeers([
            PeerServer.Peer(node: "b", address: IPv4Address(203, 0, 113, 1), port: 9),
            PeerServer.Peer(node: "c", address: .any, port: a.server.port),
            PeerServer.Peer(node: "d", address: .loopback, port: 0),
        ])
        for sequence in UInt64(1)...3 { a.server.send(heartbeat("a", sequence)) }
        #expect(a.server.counts.unsent == 3)
        try await Task.sleep(for: .milliseconds(20))
        #expect(a.refusals.isEmpty && a.heartbeats.isEmpty)
    }

    @Test func peersComeAndGo() async throws {
        let (a, b, c) = (try RunningPeer(), try RunningPeer(), try RunningPeer())
        a.server.send(heartbeat("a", 1))
        a.server.setPeers([b.peer("b"), b.peer("b")])
        a.server.send(heartbeat("a", 2))
        a.server.setPeers([c.peer("c"), b.peer("b")])
        a.server.send(heartbeat("a", 3))
        a.server.setPeers([c.peer("c")])
        a.server.send(heartbeat("a", 4))
        a.server.setPeers([])
        a.server.send(heartbeat("a", 5))
        #expect(try await eventually { b.heartbeats.count == 2 && c.heartbeats.count == 2 })
        #expect(b.heartbeats.map(\.sequence) == [2, 3])
        #expect(c.heartbeats.map(\.sequence) == [3, 4])
        #expect(a.server.counts.sent == 4)
    }

    @Test func whatIsNoHeartbeatIsCountedAndHarmsNobody() async throws {
        let a = try RunningPeer()
        let stranger = try Stranger(to: a.server.port)
        let good = try #require(HeartbeatCodec(key: clusterKey).encode(heartbeat("node-b", 1)))
        var otherVersion = good
        otherVersion[3] = 2
        let bad: [[UInt8]] = [
            [], [1, 2, 3], [UInt8](repeating: 0, count: 60), good.dropLast(20),
            good + [UInt8](repeating: 0, count: 3000), otherVersion,
        ]
        for bytes in bad { stranger.send(bytes) }
        stranger.send(Array(good.dropLast()))
        stranger.send(good)
        #expect(try await eventually { a.heartbeats.count == 1 })
        #expect(a.server.counts.malformed == bad.count)
        #expect(a.server.counts.badSignature == 1)
    }

    @Test func aFloodOfBadPacketsDoesNotHideGoodOnes() async throws {
        let a = try RunningPeer()
        let stranger = try Stranger(to: a.server.port)
        let codec = HeartbeatCodec(key: clusterKey)
        var unsigned = try #require(codec.encode(heartbeat("b", 1)))
        unsigned[unsigned.count - 1] ^= 1
        for round in UInt64(1)...20 {
            for _ in 0..<100 { stranger.send(unsigned) }
            stranger.send(try #require(codec.encode(heartbeat("b", round))))
            let seen = try await eventually { a.heartbeats.count == round }
            #expect(seen)
        }
        #expect(a.server.counts.badSignature == 2_000)
    }

    @Test func aPortThatIsTakenIsNamed() async throws {
        let a = try RunningPeer()
        let logger = Logger(label: "test")
        let fault = #expect(throws: PeerServer.Fault.self) {
            try PeerServer(listen: .loopback, port: a.server.port, key: clusterKey, logger: logger) { _ in }
        }
        #expect(fault?.description.contains("127.0.0.1:\(a.server.port): Address already in use") == true)
        let short = #expect(throws: PeerServer.Fault.self) {
            try PeerServer(listen: .loopback, port: 0, key: [1, 2], logger: logger) { _ in }
        }
        #expect(short?.description == "the cluster's key has 2 octets; it needs 16 or more")
    }

    @Test func aServerRunsOnce() async throws {
        let a = try RunningPeer()
        a.server.setPeers([a.peer("a")])
        a.server.send(heartbeat("a", 1))
        #expect(try await eventually { a.heartbeats.count == 1 })
        await #expect(throws: PeerServer.Fault.self) { try await a.server.run() }
        try await a.close()
        try await a.server.run()
    }
}
