// SPDX-License-Identifier: Apache-2.0

import Model
import Testing

@testable import PeerService

@Suite struct HeartbeatCodecTests {
    private let codec = HeartbeatCodec(key: clusterKey)

    private func decode(_ bytes: [UInt8], by codec: HeartbeatCodec? = nil) throws -> Heartbeat {
        try bytes.withUnsafeBufferPointer { try (codec ?? self.codec).decode($0) }
    }

    @Test(arguments: NodeIntent.allCases) func whatIsEncodedIsDecoded(intent: NodeIntent) throws {
        var sent = heartbeat("knoten-ä", .max, incarnation: 0x0123_4567_89ab_cdef)
        sent.sentAt = Instant(milliseconds: -1)
        sent.intent = intent
        sent.deaf = ["a", "ß"]
        sent.heard = ["lab": 0, "rack": .max]
        #expect(try decode(try #require(codec.encode(sent))) == sent)
        let bare = heartbeat("n", 0, incarnation: 0)
        #expect(try decode(try #require(codec.encode(bare))) == bare)
    }

    /// The octets are the protocol: nodes of two versions must agree on them.
    @Test func theOctetsAreThese() throws {
        var sent = heartbeat("n1", 5, incarnation: 3)
        sent.deaf = ["x"]
        sent.heard = ["lab": 258]
        let bytes = try #require(codec.encode(sent))
        let body: [UInt8] =
            Array("ODH".utf8) + [
                1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 3, 0xe8, 1, 2, 0, 1, 0, 1,
            ]
            + Array("n1".utf8) + [1] + Array("x".utf8) + [3] + Array("lab".utf8) + [0, 0, 0, 0, 0, 0, 1, 2]
        #expect(bytes.dropLast(16).elementsEqual(body))
        // HMAC-SHA256 by another program: openssl dgst -sha256 -mac hmac -macopt hexkey:0707...
        #expect(
            bytes.suffix(16).map { String($0, radix: 16) }.joined(separator: " ")
                == "c9 1d e8 87 f5 43 a3 ed f1 b 26 ef 30 aa be b8")
    }

    @Test func manyNetworksAreCutAtTheLeastBusy() throws {
        var sent = heartbeat("n1", 1)
        for index in 0..<10_000 { sent.heard["network-\(index)"] = UInt64(index) }
        let bytes = try #require(codec.encode(sent))
        let received = try decode(bytes)
        #expect(bytes.count <= 1_200 && bytes.count > 1_170)
        let kept = received.heard.values.sorted()
        #expect(kept.count > 40 && kept == Array((10_000 - UInt64(kept.count))..<10_000))
    }

    @Test func theRoomIsFilled() throws {
        var sent = heartbeat("n", 1)
        // Of one octet each: ten with length and count.
        for index in 0..<127 { sent.heard[String(UnicodeScalar(UInt8(index)))] = UInt64(index) }
        let received = try decode(try #require(codec.encode(sent)))
        #expect(received.heard.count == (1_200 - 34 - 16 - 1) / 10)
    }

    @Test func deafNetworksHaveTheirShare() throws {
        var sent = heartbeat("n1", 1)
        for index in 0..<1_000 {
            sent.deaf.insert("deaf-\(index)")
            sent.heard["heard-\(index)"] = 1
        }
        let both = try decode(try #require(codec.encode(sent)))
        #expect(both.deaf.count > 40 && both.heard.count > 20)
        #expect(both.deaf.isSubset(of: sent.deaf))
        sent.heard = ["one": 1]
        let alone = try decode(try #require(codec.encode(sent)))
        #expect(alone.deaf.count > 2 * both.deaf.count - 10 && alone.heard == ["one": 1])
    }

    @Test func namesThatCannotBeSent() throws {
        #expect(codec.encode(heartbeat("", 1)) == nil)
        #expect(codec.encode(heartbeat(String(repeating: "n", count: 256), 1)) == nil)
        var sent = heartbeat(String(repeating: "n", count: 255), 1)
        sent.deaf = ["", String(repeating: "x", count: 256), "y"]
        sent.heard = ["": 1, String(repeating: "z", count: 300): 9, "w": 2]
        let received = try decode(try #require(codec.encode(sent)))
        #expect(received.deaf == ["y"] && received.heard == ["w": 2])
    }

    @Test func everyFlippedBitIsSeen() throws {
        var sent = heartbeat("n1", 1)
        sent.deaf = ["x"]
        let bytes = try #require(codec.encode(sent))
        for index in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[index] ^= 1 << bit
                let expected: HeartbeatFault =
                    index < 3
                    ? .malformed("it begins otherwise")
                    : index == 3 ? .malformed("it has a version that this OnDeck does not know") : .badSignature
                #expect(throws: expected) { try decode(flipped) }
            }
        }
        for length in 0..<bytes.count {
            #expect(throws: HeartbeatFault.self) { try decode(Array(bytes.prefix(length))) }
        }
    }

    /// Random and mutated bytes, signed so that they reach the parser: they are a heartbeat or a fault, never a trap.
    @Test func signedNonsenseNeverTraps() throws {
        var random = SystemRandomNumberGenerator()
        var sent = heartbeat("n1", 1)
        sent.deaf = ["x", "yy"]
        sent.heard = ["lab": 3, "rack": 4]
        let good = Array(try #require(codec.encode(sent)).dropLast(16))
        var (readable, faulty) = (0, 0)
        for round in 0..<5_000 {
            var body = good
            if round % 4 == 0 {
                body =
                    good.prefix(4)
                    + (0..<Int.random(in: 0...1_180, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
            }
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let at = Int.random(in: 4..<max(5, body.count), using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0 where at < body.count: body[at] = UInt8.random(in: 0...255, using: &random)
                case 1 where at < body.count: body.remove(at: at)
                default: body.insert(UInt8.random(in: 0...255, using: &random), at: min(at, body.count))
                }
            }
            do {
                let heartbeat = try decode(codec.signed(body))
                let again = try decode(try #require(codec.encode(heartbeat)))
                #expect(again.run == heartbeat.run && again.sequence == heartbeat.sequence)
                readable += 1
            } catch let fault as HeartbeatFault {
                #expect(fault != .badSignature)
                faulty += 1
            }
        }
        #expect(readable > 200 && faulty > 1_000)
    }

    @Test func whatIsSignedAndWrongIsMalformed() throws {
        let good = Array(try #require(codec.encode(heartbeat("n1", 1))).dropLast(16))
        func changed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
            var bytes = good
            change(&bytes)
            return codec.signed(bytes)
        }
        let wrong: [[UInt8]] = [
            changed { $0[28] = 0 },
            changed { $0[28] = 4 },
            changed { $0[29] = 0 },
            changed { $0[29] = 3 },
            changed { $0[31] = 1 },
            changed { $0[33] = 1 },
            changed { $0 += [0] },
            changed { $0[34] = 0xff },
            changed {
                $0[31] = 2; $0 += [1, 120, 1, 120]
            },
            changed {
                $0[33] = 2; $0 += [1, 120, 0, 0, 0, 0, 0, 0, 0, 1, 1, 120, 0, 0, 0, 0, 0, 0, 0, 2]
            },
        ]
        for bytes in wrong {
            #expect { try decode(bytes) } throws: { error in
                if case .malformed = error as? HeartbeatFault { true } else { false }
            }
        }
        #expect(try decode(codec.signed(good)) == heartbeat("n1", 1))
    }
}
