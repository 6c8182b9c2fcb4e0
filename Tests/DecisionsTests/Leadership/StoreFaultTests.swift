// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

@Suite struct StoreFaultTests {
    @Test(arguments: 1...10) func aStoreOutageLetsEverybodyRestAndGoOnInTheSameTerm(seed: UInt64) throws {
        let world = settledWorld(seed: seed)
        world.run(world.delay(0...300))
        let before = world.terms.mapValues(\.revision)
        world.isStoreUp = false
        world.run(1_000 - Limits.silenceMarginMilliseconds)
        #expect(world.members.values.allSatisfy { $0.serving.isEmpty })
        world.run(world.delay(0...5_000))
        #expect(world.terms.mapValues(\.revision) == before)
        world.isStoreUp = true
        let back = try #require(world.run(until: 3_000) { $0.isSettled })
        // The attempt under way has to fail first.
        #expect(back <= 1_000, "\(back)")
        world.run(5_000)
        #expect(world.terms.mapValues(\.revision) == before)
        #expect(world.members.values.allSatisfy { $0.leadership.isCutOff(now: Uptime(milliseconds: 0)) == false })
        #expect(world.violations == [])
    }

    @Test func afterAnOutageAPeerHasOneMoreDBeforeItCountsAsSilent() throws {
        let world = settledWorld()
        let lost = world.networks(of: "a")
        world.isStoreUp = false
        world.run(1_000)
        world.cutPower("a")
        world.run(4_000)
        world.isStoreUp = true
        let back = try #require(world.run(until: 2_000) { $0.servers("n0").count + $0.servers("n1").count > 0 })
        world.run(900 - min(back, 100))
        #expect(lost.allSatisfy { world.terms[$0]?.term.holder.node == "a" })
        #expect(world.takeover(within: 600, but: "a") != nil)
    }

    @Test func aNodeThatIsCutOffClaimsNothing() {
        let world = settledWorld()
        world.cuts = ["a>store"]
        world.run(1_000)
        world.kill("b")
        world.kill("c")
        let start = world.now
        world.run(3_000)
        let writes = world.members["a"]?.effects.filter { if case .write = $0.effect { $0.at >= start } else { false } }
        #expect(writes?.isEmpty == true)
        world.heal()
        world.run(1_500)
        #expect(world.shares() == ["a": 12])
    }

    /// Found with real nodes: the own beat was taken before the feed had shown who had taken the term meanwhile.
    @Test(arguments: 1...10) func whoWasCutOffServesNothingThatOthersHaveTaken(seed: UInt64) throws {
        let world = settledWorld(seed: seed)
        let mine = world.networks(of: "a")
        world.cuts = ["a>store", "store>a", "a>b", "b>a", "a>c", "c>a"]
        world.run(3_000 + world.delay(0...300))
        #expect(mine.allSatisfy { world.servers($0) != ["a"] && world.servers($0).count == 1 })
        let healed = world.now
        // The feed comes back when the store answers, a moment after the beat.
        world.cuts = []
        world.run(3_000)
        let served = try #require(world.members["a"]).effects.filter { $0.at >= healed }.compactMap { entry in
            if case .serve(let term, _) = entry.effect { term } else { nil }
        }
        #expect(served.filter { $0.since.milliseconds < 1_000_000 + healed }.isEmpty, "\(served)")
        #expect(world.violations == [])
    }

    @Test(arguments: 1...10) func aShortCutCostsTheHolderNoMoreThanItsOwnLength(seed: UInt64) throws {
        let world = settledWorld(networks: 3, seed: seed)
        let mine = world.networks(of: "a")
        let before = mine.map { world.terms[$0]?.revision }
        world.cuts = ["a>store", "store>a"]
        world.run(950)
        #expect(try #require(world.members["a"]).serving.isEmpty)
        world.heal()
        // The beat under way has to fail first, and the next one goes and comes back once.
        let back = try #require(
            world.run(until: 2_000) { world in
                mine.allSatisfy { world.servers($0).count == 1 }
            })
        #expect(back <= 1_000, "\(back)")
        #expect(before.count == 1)
    }

    @Test func anOlderStoreBenchesEverybodyUntilTheOperatorHasSeenIt() {
        let world = settledWorld()
        world.kill("c")
        world.run(2_000)
        world.start("c")
        world.run(30_000)
        let highest = world.terms.mapValues(\.term.epoch)
        // Restored from a backup that was made before anything moved.
        for network in world.candidates.map(\.network) {
            guard var term = world.terms[network]?.term else { continue }
            term.epoch = Epoch(1)
            world.put(.term(term))
        }
        world.run(500)
        #expect(world.members.values.allSatisfy { $0.serving.isEmpty })
        let told = world.members.values.filter { member in
            member.effects.contains { if case .rest(_, .restored) = $0.effect { true } else { false } }
        }
        #expect(told.count == 3)
        let before = world.terms.mapValues(\.revision)
        world.run(20_000)
        #expect(world.terms.mapValues(\.revision) == before)
        for member in world.members.values { member.handle(.restoreAccepted) }
        world.run(3_000)
        #expect(world.isSettled)
        for (network, epoch) in highest where epoch > Epoch(1) {
            #expect((world.terms[network]?.term.epoch ?? Epoch(0)) > epoch)
        }
        #expect(world.violations == [])
    }

    @Test func aMissingTermIsAnOlderStoreUnlessItsNetworkGoesToo() {
        let world = settledWorld(networks: 2, nodes: ["a"])
        world.put(.termGone("n0"))
        world.run(100)
        #expect(world.servers("n0") == [])
        #expect(world.servers("n1") == ["a"])
        world.candidates.removeFirst()
        world.members["a"]?.handle(.networks(world.candidates))
        world.run(5_000)
        #expect(world.servers("n1") == ["a"])
        world.put(.termGone("n1"))
        world.run(Limits.termMissingMilliseconds + 200)
        #expect(
            world.members["a"]?.effects.last { if case .rest = $0.effect { true } else { false } }?.effect
                == .rest(network: "n1", .restored))
        world.run(5_000)
        #expect(world.terms.isEmpty)
        world.members["a"]?.handle(.restoreAccepted)
        world.run(1_000)
        #expect(world.servers("n1") == ["a"])
        #expect(world.terms["n1"]?.term.epoch == Epoch(2))
    }

    @Test func whatTheOwnDiskRemembersCountsToo() {
        let world = settledWorld(networks: 2, nodes: ["a"])
        world.start("a") { $0.handle(.epochsKnown(["n0": 7])) }
        world.run(3_000)
        #expect(world.shares() == [:])
        world.members["a"]?.handle(.restoreAccepted)
        world.run(1_000)
        #expect(world.terms["n0"]?.term.epoch == Epoch(8))
        #expect(world.terms["n1"]?.term.epoch == Epoch(2))
    }

    @Test func anEpochThatCannotGrowIsLeftAlone() {
        let world = ClusterWorld()
        world.candidates = [Leadership.Candidate(network: "n")]
        let nobody = NodeRun(node: "x", incarnation: 1)
        world.put(
            .term(
                Term(network: "n", holder: nobody, epoch: Epoch(.max), cause: .start, since: Instant(milliseconds: 0))))
        world.start("a")
        world.run(5_000)
        #expect(world.terms["n"]?.term.holder == nobody)
    }

    // MARK: Where nobody else writes

    @Test func aSingleMachineTakesEverythingAtOnceAndSendsNothing() {
        let world = ClusterWorld(isShared: false)
        world.candidates = [Leadership.Candidate(network: "n0"), Leadership.Candidate(network: "n1")]
        world.start("a", deaf: ["n0"])
        world.run(20)
        #expect(world.shares() == ["a": 2])
        world.kill("a")
        world.start("a")
        world.run(20)
        #expect(world.shares() == ["a": 2])
        #expect(world.terms["n0"]?.term.epoch == Epoch(2))
        #expect(world.terms["n0"]?.term.cause == .start)
        world.candidates.append(Leadership.Candidate(network: "n2"))
        world.members["a"]?.handle(.networks(world.candidates))
        world.run(20)
        #expect(world.shares() == ["a": 3])
        world.candidates.removeFirst()
        world.members["a"]?.handle(.networks(world.candidates))
        #expect(world.members["a"]?.effects.last?.effect == .rest(network: "n0", .gone))
        world.run(100_000)
        #expect(world.shares() == ["a": 2])
        #expect(world.members["a"]?.leadership.nextTick == nil)
        let isQuiet = world.members["a"]?.effects.allSatisfy { entry in
            switch entry.effect {
            case .beat, .heartbeat: false
            default: true
            }
        }
        #expect(isQuiet == true)
        world.stop("a")
        #expect(
            world.members["a"]?.effects.suffix(3).map(\.effect) == [
                .rest(network: "n1", .stopping), .rest(network: "n2", .stopping), .stopped,
            ])
        #expect(world.violations == [])
    }
}
