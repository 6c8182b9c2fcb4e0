// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

/// Random histories: faults for some seconds, then peace; what must hold is checked at every effect.
@Suite struct HistoryTests {
    static let names = ["a", "b", "c", "d"]

    static func fault(_ world: ClusterWorld) {
        let node = names[Int(world.delay(0...3))]
        let other = names[Int(world.delay(0...3))]
        let network = "n\(world.delay(0...4))"
        let kind = world.delay(0...15)
        world.note("fault \(kind) \(node) \(other) \(network)")
        switch kind {
        case 0: world.kill(node)
        case 1: world.cutPower(node)
        case 2, 3: world.start(node)
        case 4: world.pause(node)
        case 5: world.resume(node)
        case 6: world.cuts.insert("\(node)>store")
        case 7: world.cuts.insert("store>\(node)")
        case 8: world.cuts.insert("\(node)>\(other)")
        case 9: world.heal()
        case 10: world.isStoreUp.toggle()
        case 11: world.heartbeatLoss = Int(world.delay(0...900))
        case 12: if world.isStoreUp { world.order(network, other) }
        case 13: if world.isStoreUp { world.drain(world.delay(0...1) == 0 ? [] : [node]) }
        case 14: world.stop(node)
        default: world.members[node]?.setDeaf(world.delay(0...1) == 0 ? [] : [network])
        }
    }

    static func history(_ seed: UInt64, isNoted: Bool = false) -> ClusterWorld {
        let world = ClusterWorld(seed: seed)
        if isNoted { world.transcript = [] }
        world.candidates = (0..<5).map {
            Leadership.Candidate(network: "n\($0)", preferred: $0 == 0 ? ["b", "a"] : [])
        }
        for name in names.prefix(Int(world.delay(1...4))) { world.start(name) }
        world.run(world.delay(0...2_000))
        for _ in 0..<world.delay(2...14) {
            fault(world)
            world.run(world.delay(0...1) == 0 ? world.delay(0...60) : world.delay(0...1_500))
        }
        return world
    }

    static func makePeace(_ world: ClusterWorld) {
        world.heal()
        world.drain([])
        for name in names {
            world.resume(name)
            world.members[name]?.setDeaf([])
        }
        if !world.members.values.contains(where: { $0.state == .running && !$0.isStopping }) { world.start("a") }
    }

    @Test(arguments: 0..<8) func onlyOneServesUnderAnEpochAndPeaceSettlesEverything(block: UInt64) {
        for seed in block * 150..<block * 150 + 150 {
            let world = Self.history(seed)
            Self.makePeace(world)
            world.run(3 * world.silence)
            let isSettled = world.run(until: 500) { $0.isSettled } != nil
            #expect(isSettled, "seed \(seed): \(world.candidates.map { "\($0.network) \(world.servers($0.network))" })")
            #expect(world.violations == [], "seed \(seed)")
        }
    }

    @Test func equalSeedsGiveEqualHistories() {
        let transcript = Self.history(7, isNoted: true).transcript ?? []
        #expect(transcript.count > 20)
        #expect(transcript == Self.history(7, isNoted: true).transcript)
    }

    /// The harness itself: a node that serves what it was never given must be found.
    @Test func aServerWithoutATermIsFound() {
        let world = settledWorld()
        guard let term = world.terms["n0"],
            let thief = world.members.values.first(where: { $0.run != term.term.holder })
        else {
            return #expect(Bool(false))
        }
        world.served(term.term, revision: term.revision, by: thief)
        #expect(!world.violations.isEmpty)
    }
}
