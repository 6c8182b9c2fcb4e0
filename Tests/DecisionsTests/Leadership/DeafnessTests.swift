// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

@Suite struct DeafnessTests {
    /// A packet every `interval`, heard by these nodes.
    private func packets(_ world: ClusterWorld, every interval: Int64, _ network: String, by nodes: Set<String>) {
        let until = world.now + 30_000
        func next(_ world: ClusterWorld) {
            guard world.now < until else { return }
            for name in nodes where world.members[name]?.deaf.contains("silently " + network) == false {
                world.members[name]?.heard[network, default: 0] += 1
            }
            world.after(interval, next)
        }
        world.after(interval, next)
    }

    @Test func aHolderThatLostItsLinkHandsOver() throws {
        let world = settledWorld()
        let mine = world.networks(of: "a")
        world.members["a"]?.setDeaf(Set(mine))
        let gap = try #require(
            world.run(until: 500) { world in
                mine.allSatisfy { world.servers($0) != ["a"] && world.servers($0).count == 1 }
            })
        #expect(gap <= 40, "\(gap)")
        #expect(mine.allSatisfy { world.causes($0) == .handedOver })
        world.kill("b")
        world.kill("c")
        world.run(3_000)
        #expect(mine.allSatisfy { world.servers($0) == [] })
        world.members["a"]?.setDeaf([])
        world.run(100)
        #expect(world.shares() == ["a": 12])
        #expect(world.violations == [])
    }

    @Test(arguments: 1...10) func aHolderThatHearsNobodyLosesItsTermToOneThatDoes(seed: UInt64) throws {
        let world = settledWorld(networks: 3, seed: seed)
        let holder = try #require(world.servers("n0").first)
        packets(world, every: 200, "n0", by: ["a", "b", "c"])
        world.run(3_000 + world.delay(0...300))
        #expect(world.servers("n0") == [holder])
        world.members[holder]?.deaf.insert("silently n0")
        world.run(900)
        #expect(world.servers("n0") == [holder])
        let gap = try #require(world.run(until: 1_000) { $0.servers("n0") != [holder] && $0.servers("n0").count == 1 })
        #expect(gap + 900 <= 1_450, "\(gap + 900)")
        #expect(world.causes("n0") == .deaf)
        // It stays away until it hears again, whatever the balance says.
        world.run(25_000)
        #expect(world.servers("n0") != [holder])
        #expect(world.violations == [])
    }

    @Test func aQuietNetworkMovesNothingAndSoDoesOnePacket() throws {
        let world = settledWorld(networks: 3)
        let holder = try #require(world.servers("n0").first)
        let other = try #require(["a", "b", "c"].first { $0 != holder })
        let before = world.terms["n0"]?.revision
        world.run(5_000)
        world.members[other]?.heard["n0"] = 5
        world.run(20_000)
        #expect(world.servers("n0") == [holder])
        // Two, but close together.
        world.members[other]?.heard["n0"] = 6
        world.run(100)
        world.members[other]?.heard["n0"] = 7
        world.run(20_000)
        #expect(world.servers("n0") == [holder])
        #expect(world.terms["n0"]?.revision == before)
    }

    @Test func packetsSecondsApartThatAllHearMoveNothing() throws {
        let world = settledWorld(networks: 3)
        let holder = try #require(world.servers("n0").first)
        let before = world.terms.mapValues(\.revision)
        packets(world, every: 700, "n0", by: ["a", "b", "c"])
        packets(world, every: 4_000, "n1", by: ["a", "b", "c"])
        world.run(28_000)
        #expect(world.servers("n0") == [holder])
        #expect(world.terms.mapValues(\.revision) == before)
    }

    @Test func whoHearsNobodyEitherClaimsNothing() throws {
        let world = settledWorld(networks: 3)
        let holder = try #require(world.servers("n0").first)
        let hearing = try #require(["a", "b", "c"].first { $0 != holder })
        packets(world, every: 200, "n0", by: [hearing])
        world.run(2_000)
        #expect(world.servers("n0") == [hearing])
    }

    /// What is counted during a cut, or was told before it, says nothing about who hears whom.
    @Test(arguments: 1...10) func whatWasHeardWhileCutOffIsNoEvidence(seed: UInt64) throws {
        let world = settledWorld(networks: 1, seed: seed)
        let holder = try #require(world.servers("n0").first)
        let other = try #require(["a", "b", "c"].first { $0 != holder })
        let rest = ["a", "b", "c", "store"].filter { $0 != other }
        world.cuts = Set(rest.flatMap { ["\($0)>\(other)", "\(other)>\($0)"] })
        world.run(1_000 + world.delay(0...200))
        for _ in 0..<10 {
            world.members[other]?.heard["n0", default: 0] += 1
            world.run(200)
        }
        world.heal()
        world.run(9_000)
        #expect(world.servers("n0") == [holder])
        #expect(world.causes("n0") != .deaf)
        #expect(world.violations == [])
    }

    @Test func aSplitNetworkDoesNotGoBackAndForth() throws {
        let world = settledWorld(networks: 1, nodes: ["a", "b"])
        // Each hears clients that the other does not: only alternating counts, seconds long.
        for round in 0..<20 {
            let node = round.isMultiple(of: 2) ? "a" : "b"
            for step in 0..<8 {
                world.at(world.now + Int64(round * 2_000 + step * 250)) {
                    $0.members[node]?.heard["n0", default: 0] += 1
                }
            }
        }
        let epoch = world.terms["n0"]?.term.epoch.value ?? 0
        world.run(40_000)
        #expect((world.terms["n0"]?.term.epoch.value ?? 0) - epoch <= 5)
    }

    @Test func nodesThatHearDifferentNetworksShareWhatTheyHear() {
        let world = ClusterWorld()
        world.candidates = (0..<12).map { Leadership.Candidate(network: "n\($0)") }
        let east = Set((0..<6).map { "n\($0)" })
        let west = Set((6..<12).map { "n\($0)" })
        world.start("a", deaf: east)
        world.start("b", deaf: east)
        world.start("c", deaf: west)
        world.run(60_000)
        #expect(world.shares() == ["a": 3, "b": 3, "c": 6])
        let before = world.terms.mapValues(\.revision)
        world.run(60_000)
        #expect(world.terms.mapValues(\.revision) == before)
        world.kill("c")
        world.run(3_000)
        // Nobody else hears them.
        #expect(world.shares() == ["a": 3, "b": 3])
    }
}
