// SPDX-License-Identifier: Apache-2.0

import Decisions
import Testing
import Wire

/// A transfer over a network that loses, doubles and delays packets, to a client as RFC 7440 4 has it. One seed is one
/// course of events.
private struct NetworkSimulation {
    struct Outcome {
        var isComplete = false
        var blocksSent = 0
        var milliseconds: Int64 = 0
        var doubled = 0
    }

    private enum Packet {
        case data(Int)
        case acknowledgement(UInt16)
        case options

        var isData: Bool { if case .data = self { true } else { false } }
    }

    /// A block of 1468 octets on a cable of 1 Gbit/s.
    private static let blockMicroseconds: Int64 = 12

    var seed: UInt64
    var blocks: Int
    var window: Int
    /// Of a thousand packets.
    var lost = 0
    var doubled = 0
    /// A packet takes `latency` microseconds and up to `jitter` more, so packets overtake each other.
    var latency: Int64 = 200
    var jitter: Int64 = 0

    private var outcome = Outcome()
    private var now: Int64 = 0
    /// The next to arrive last.
    private var underWay: [(at: Int64, packet: Packet)] = []
    private var cableFreeAt: Int64 = 0
    private var expected = 1
    private var inWindow = 0
    private var gapReported = false
    private var clientDeadline: Int64 = 0

    init(seed: UInt64, blocks: Int, window: Int, lost: Int = 0, doubled: Int = 0, jitter: Int64 = 0) {
        (self.seed, self.blocks, self.window) = (seed, blocks, window)
        (self.lost, self.doubled, self.jitter) = (lost, doubled, jitter)
    }

    mutating func run() -> Outcome {
        let asked = [TFTPOption(name: "windowsize", value: "\(window)")]
        let bytes = (blocks - 1) * 512 + 1
        let terms = TFTPNegotiation(asked: asked, contentBytes: bytes, mtuBytes: 1_500)
        var transfer = TFTPTransfer(contentBytes: bytes, terms: terms)
        _ = transfer.started(now: now)
        put(.options)
        clientDeadline = 1_000_000
        for _ in 0..<(blocks * 200) {
            let arrival = underWay.last
            let next = min(arrival?.at ?? .max, transfer.deadline, clientDeadline)
            now = next
            if let arrival, arrival.at == next {
                underWay.removeLast()
                switch arrival.packet {
                case .acknowledgement(let block):
                    switch transfer.acknowledged(block: block, now: now) {
                    case .ignore: break
                    case .send(let range), .resend(let range): send(range)
                    case .finish:
                        outcome.isComplete = expected == blocks + 1
                        outcome.milliseconds = now / 1_000
                        return outcome
                    }
                case .data(let block): arrived(block)
                case .options: if expected == 1, inWindow == 0 { acknowledge() }
                }
            } else if transfer.deadline == next {
                switch transfer.timerFired(now: now) {
                case .wait: break
                case .resendOptionAcknowledgement: put(.options)
                case .resend(let range): send(range)
                case .giveUp: return outcome
                }
            } else {
                acknowledge()
            }
        }
        return outcome
    }

    private mutating func send(_ range: Range<Int>) {
        outcome.blocksSent += range.count
        for block in range { put(.data(block)) }
    }

    private mutating func arrived(_ block: Int) {
        clientDeadline = now + 1_000_000
        guard block == expected else {
            // Ahead: a gap, said once. Behind: a duplicate; many clients acknowledge again, so this one does.
            if block < expected || !gapReported { acknowledge() }
            gapReported = gapReported || block > expected
            return
        }
        gapReported = false
        expected += 1
        inWindow += 1
        if inWindow == window || expected == blocks + 1 { acknowledge() }
    }

    private mutating func acknowledge() {
        inWindow = 0
        clientDeadline = now + 1_000_000
        put(.acknowledgement(UInt16(truncatingIfNeeded: expected - 1)))
    }

    private mutating func put(_ packet: Packet) {
        if chance(lost) { return }
        let copies = chance(doubled) ? 2 : 1
        outcome.doubled += copies - 1
        for _ in 0..<copies {
            let delay = latency + (jitter > 0 ? Int64(random() % UInt64(jitter)) : 0)
            cableFreeAt = max(now, cableFreeAt) + (packet.isData ? Self.blockMicroseconds : 0)
            let at = cableFreeAt + delay
            underWay.insert((at, packet), at: underWay.firstIndex { $0.at <= at } ?? underWay.endIndex)
        }
    }

    private mutating func chance(_ ofThousand: Int) -> Bool { ofThousand > 0 && random() % 1_000 < UInt64(ofThousand) }

    private mutating func random() -> UInt64 {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return seed >> 33
    }
}

@Suite struct TFTPNetworkTests {
    private let seeds: ClosedRange<UInt64> = 1...10

    @Test(arguments: [1, 4, 16, 64])
    func aCleanNetworkCarriesEachBlockOnce(window: Int) {
        var network = NetworkSimulation(seed: 1, blocks: 1_000, window: window)
        let outcome = network.run()
        #expect(outcome.isComplete)
        #expect(outcome.blocksSent == 1_000)
    }

    /// The Sorcerer's Apprentice: with one packet doubled, a careless server sends all blocks twice from there on.
    /// A doubled packet may look like a gap and cost a window; then it must be over.
    @Test(arguments: [1, 4, 16, 64])
    func doubledPacketsDoNotBreed(window: Int) {
        for seed in seeds {
            var network = NetworkSimulation(seed: seed, blocks: 1_000, window: window, doubled: 10)
            let outcome = network.run()
            #expect(outcome.isComplete, "seed \(seed)")
            #expect(outcome.doubled > 0, "seed \(seed)")
            #expect(outcome.blocksSent <= 1_000 + outcome.doubled * window, "seed \(seed): \(outcome)")
        }
    }

    @Test func withAWindowOfOneNothingIsSentTwiceForADoubledPacket() {
        for seed in seeds {
            var network = NetworkSimulation(seed: seed, blocks: 1_000, window: 1, doubled: 200)
            #expect(network.run().blocksSent == 1_000, "seed \(seed)")
        }
    }

    @Test(arguments: [1, 4, 16, 64])
    func lossIsMadeGoodWithoutLongStalls(window: Int) {
        for seed in seeds {
            var network = NetworkSimulation(seed: seed, blocks: 1_000, window: window, lost: 5)
            let outcome = network.run()
            #expect(outcome.isComplete, "seed \(seed)")
            // Some 5 to 10 losses. Waiting out a second for each would take more than 5 s.
            #expect(outcome.milliseconds < 2_000, "seed \(seed): \(outcome.milliseconds) ms")
            #expect(outcome.blocksSent < 1_000 + 20 * window, "seed \(seed): \(outcome.blocksSent)")
        }
    }

    @Test(arguments: [1, 4, 16, 64])
    func aBadNetworkStillDelivers(window: Int) {
        for seed in seeds {
            var network = NetworkSimulation(
                seed: seed, blocks: 300, window: window, lost: 30, doubled: 30, jitter: 300)
            #expect(network.run().isComplete, "seed \(seed)")
        }
    }
}
