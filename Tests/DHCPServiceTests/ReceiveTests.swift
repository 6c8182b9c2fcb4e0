// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Glibc
import Model
import Testing
import Wire

@testable import DHCPService

extension NetworkTests {
    /// Batches: what is dropped, what is kept, and that all of it is accounted for.
    @Suite struct ReceiveTests {
        /// An engine that is busy with its first request until the gate opens, while others arrive.
        func busyEngine(_ gate: Gate) -> TestEngine {
            TestEngine { arrived in
                gate.waitUntilOpen()
                return .send(arrived.broadcastOffer())
            }
        }

        @Test func whatArrivesTogetherIsAnsweredInBatches() throws {
            let gate = Gate()
            let engine = busyEngine(gate)
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.discover, 0))
                #expect(eventually { engine.requests.count == 1 })
                client.send((1...300).map { TestRequest(.discover, $0).bytes })
                gate.open()
                let answered = client.replies(301).compactMap { $0.reply?.transactionID }
                #expect(answered.count == 301)
                #expect(answered == answered.sorted())
                #expect(eventually { server.counts().sentBroadcast == 301 })
                #expect(server.counts().received == 301)
                #expect(server.counts().overflowed == 0)
            }
        }

        @Test func retransmissionsReplaceWhatTheyRepeat() throws {
            let gate = Gate()
            let engine = busyEngine(gate)
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.discover, 0))
                #expect(eventually { engine.requests.count == 1 })
                var tries = (0..<5).map { seconds in
                    var request = TestRequest(.discover, 0xabc)
                    request.seconds = UInt16(seconds)
                    return request
                }
                var other = TestRequest(.discover, 0xabc)
                other.mac = MACAddress(bits: 0x5254_0000_0009)
                var relayed = TestRequest(.discover, 0xabc)
                relayed.relay = IPv4Address(10, 9, 0, 1)
                tries.insert(contentsOf: [other, relayed, TestRequest(.request, 0xabc)], at: 2)
                client.send(tries.map(\.bytes))
                gate.open()
                #expect(client.replies(5).count == 5)
                let kept = engine.requests.dropFirst().map(\.request)
                #expect(kept.map(\.messageType) == [.discover, .discover, .request, .discover])
                #expect(kept.map(\.seconds) == [0, 0, 0, 4])
                #expect(kept.first?.mac == other.mac)
                #expect(server.counts().superseded == 4)
                #expect(server.counts().decided == 5)
            }
        }

        @Test func whatHasWaitedTooLongIsDropped() throws {
            let gate = Gate()
            let engine = busyEngine(gate)
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.discover, 0))
                #expect(eventually { engine.requests.count == 1 })
                client.send((1...10).map { TestRequest(.discover, $0).bytes })
                let end = testNow().adding(milliseconds: Limits.requestAgeMillisecondsMax + 200)
                while testNow() < end { _ = client.next(within: 100) { _ in false } }
                client.send(TestRequest(.discover, 11))
                gate.open()
                #expect(client.replies(2).compactMap { $0.reply?.transactionID } == [0, 11])
                #expect(server.counts().stale == 10)
            }
        }

        @Test func aFloodOfGarbageIsCountedAndSurvived() throws {
            let engine = TestEngine { .send($0.broadcastOffer()) }
            try withServer(engine) { lab, server, client in
                var random = SplitMix(state: 7)
                let good = TestRequest(.discover, 0x600d).bytes
                var garbage: [[UInt8]] = (0..<10_000).map { _ in
                    (0..<random.below(600)).map { _ in random.octet() }
                }
                garbage += (0..<10_000).map { _ in
                    var bytes = good
                    for _ in 0..<random.below(8) { bytes[random.below(bytes.count)] = random.octet() }
                    return Array(bytes.prefix(random.below(bytes.count + 1)))
                }
                garbage.append([])
                garbage.append([UInt8](repeating: 1, count: 1472))
                // In portions: the wire between the namespaces holds a thousand frames.
                for start in stride(from: 0, to: garbage.count, by: 500) {
                    let portion = garbage[start..<min(start + 500, garbage.count)]
                    client.send(Array(portion))
                    #expect(eventually { server.counts().received == start + portion.count })
                }
                client.send(TestRequest(.discover, 0x600e))
                #expect(client.next { $0.reply?.transactionID == 0x600e } != nil)
                let counts = server.counts()
                #expect(counts.undecodableTotal > 5_000)
                #expect(counts.received == garbage.count + 1)
                let accounted = counts.decided + counts.undecodableTotal + counts.superseded + counts.stale
                #expect(counts.received == accounted)
                #expect(Set(counts.undecodable.keys).isSubset(of: DHCPDecodeError.labels))
            }
        }

        @Test func aDatagramLongerThanAnyRequestIsDropped() throws {
            let engine = TestEngine { .send($0.broadcastOffer()) }
            try withServer(engine) { lab, server, client in
                try lab.onServer("link", "set", "eth0", "mtu", "9000")
                try lab.onClient("link", "set", "eth0", "mtu", "9000")
                let good = TestRequest(.discover, 1).bytes
                client.send([good + [UInt8](repeating: 0, count: Limits.datagramBytesMax)])
                client.send(TestRequest(.discover, 2))
                #expect(client.nextReply()?.reply?.transactionID == 2)
                #expect(server.counts().tooLong == 1)
            }
        }

        @Test func aReceiveBufferThatRunsOverIsCounted() throws {
            let gate = Gate()
            let engine = busyEngine(gate)
            try withServer(engine) { lab, server, client in
                client.send(TestRequest(.discover, 0))
                #expect(eventually { engine.requests.count == 1 })
                let sent = 30_000
                client.send((1...sent).map { TestRequest(.discover, UInt32($0)).bytes })
                gate.open()
                // The kernel tells of drops with the next datagram that it takes.
                var last: UInt32 = 0xffff_0000
                #expect(
                    eventually {
                        last += 1
                        client.send(TestRequest(.discover, last))
                        usleep(20_000)
                        return engine.requests.last?.request.transactionID ?? 0 > 0xffff_0000
                    })
                let counts = server.counts()
                #expect(counts.overflowed > 0)
                // The wire may lose some, too.
                #expect(counts.received + counts.overflowed <= sent + 1 + Int(last - 0xffff_0000))
            }
        }
    }
}

/// Random numbers that are the same in every run (SplitMix64).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    mutating func octet() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
