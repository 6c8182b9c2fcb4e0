// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

/// Three nodes, some networks, settled.
func settledWorld(networks: Int = 12, nodes: [String] = ["a", "b", "c"], seed: UInt64 = 1) -> ClusterWorld {
    let world = ClusterWorld(seed: seed)
    world.candidates = (0..<networks).map { Leadership.Candidate(network: "n\($0)") }
    for node in nodes { world.start(node) }
    world.run(30_000)
    return world
}

extension ClusterWorld {
    func causes(_ network: String) -> TermCause? { terms[network]?.term.cause }
    func networks(of node: String) -> [String] { candidates.map(\.network).filter { servers($0) == [node] } }

    /// When the last network found a server again; nil: not within `limit`.
    func takeover(within limit: Int64 = 5_000, but dead: String) -> Int64? {
        run(until: limit) { world in
            world.candidates.allSatisfy { world.servers($0.network).count == 1 && world.servers($0.network) != [dead] }
        }
    }
}

@Suite struct TakeoverTests {
    @Test func twelveNetworksOnThreeNodesAreFourEachAndAfterOneDiesSix() throws {
        let world = settledWorld()
        #expect(world.shares() == ["a": 4, "b": 4, "c": 4])
        let kept = world.networks(of: "a")
        world.kill("c")
        let gap = try #require(world.takeover(but: "c"))
        // A heartbeat interval until it is refused, and a commit.
        #expect(gap <= 2 * Limits.heartbeatMilliseconds + 20, "\(gap)")
        world.run(300)
        #expect(world.shares() == ["a": 6, "b": 6])
        #expect(Set(kept).isSubset(of: world.networks(of: "a")))
        #expect(world.candidates.count { world.causes($0.network) == .processGone } == 4)
        #expect(world.violations == [])
    }

    @Test(arguments: 1...20) func aKilledHolderIsFollowedWithinAHeartbeatOrTwo(seed: UInt64) throws {
        let world = settledWorld(networks: 3, seed: seed)
        world.run(world.delay(0...300))
        let holder = try #require(world.servers("n0").first)
        world.kill(holder)
        let gap = try #require(world.takeover(but: holder))
        #expect(gap <= 2 * Limits.heartbeatMilliseconds + 20, "\(gap)")
        #expect(world.violations == [])
    }

    @Test(arguments: 1...20) func aSilentHolderIsFollowedAfterDAndNeverBefore(seed: UInt64) throws {
        let world = settledWorld(networks: 3, seed: seed)
        world.run(world.delay(0...300))
        let holder = try #require(world.servers("n0").first)
        let epoch = world.terms["n0"]?.term.epoch
        world.cutPower(holder)
        // Its last word was sent at most a heartbeat ago, and is still under way for some milliseconds.
        world.run(1_000 - Limits.heartbeatMilliseconds - 5)
        #expect(world.terms["n0"]?.term.epoch == epoch)
        let rest = try #require(world.takeover(but: holder))
        #expect(rest <= 2 * Limits.heartbeatMilliseconds + Limits.takeoverRankMilliseconds + 40, "\(rest)")
        #expect(world.causes("n0") == .silent)
        #expect(world.violations == [])
    }

    @Test func theNextInRankWaitsItsTurn() throws {
        let world = settledWorld(networks: 1)
        let holder = try #require(world.servers("n0").first)
        world.kill(holder)
        world.run(300)
        let claims = world.members.values.flatMap { member in
            member.effects.filter {
                if case .write(let term, _, _) = $0.effect { term.cause == .processGone } else { false }
            }
        }
        #expect(claims.count == 1)
    }

    @Test func aNodeWithoutHeartbeatsButWithBeatsIsAlive() {
        let world = settledWorld()
        let before = world.terms.mapValues(\.revision)
        for (a, b) in [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")] {
            world.cuts.insert("\(a)>\(b)")
        }
        world.run(20_000)
        #expect(world.terms.mapValues(\.revision) == before)
        #expect(world.isSettled)
    }

    @Test func heartbeatsOneWayAreEnoughForNobodyToMove() {
        let world = settledWorld()
        let before = world.terms.mapValues(\.revision)
        world.cuts = ["a>b", "a>c"]
        world.run(20_000)
        #expect(world.terms.mapValues(\.revision) == before)
    }

    @Test func aHolderThatCannotWriteToTheStoreIsFollowedAlthoughItsHeartbeatsCome() throws {
        let world = settledWorld()
        world.cuts = ["a>store"]
        let gap = try #require(world.takeover(but: "a"))
        #expect(gap > 1_000 && gap <= 1_500 + 250 + 200, "\(gap)")
        #expect(world.members["a"]?.serving.isEmpty == true)
        world.heal()
        world.run(30_000)
        #expect(world.isSettled)
        #expect(world.shares() == ["a": 4, "b": 4, "c": 4])
        #expect(world.violations == [])
    }

    @Test func aHolderThatHearsNothingOfTheStoreRestsOrIsRefused() {
        let world = settledWorld()
        world.cuts = ["store>a"]
        world.run(5_000)
        // Its writes arrive but their answers do not: to itself it is cut off, to the others it lives.
        #expect(world.members["a"]?.serving.isEmpty == true)
        world.heal()
        world.run(3_000)
        #expect(world.isSettled)
        #expect(world.violations == [])
    }

    @Test func aFlappingLinkMovesNothing() {
        let world = settledWorld()
        let before = world.terms.mapValues(\.revision)
        for round in 0..<20 {
            world.cuts = round.isMultiple(of: 2) ? ["a>b", "a>c", "a>store", "b>a", "c>a", "store>a"] : []
            if world.cuts.isEmpty { world.heal() }
            world.run(round.isMultiple(of: 2) ? 100 : 400)
        }
        world.heal()
        world.run(2_000)
        #expect(world.terms.mapValues(\.revision) == before)
        #expect(world.isSettled)
    }

    @Test func aWronglyRefusingPortCostsAFewMovesAndNoMore() {
        let world = settledWorld()
        world.members["a"]?.refusesWrongly = true
        world.run(5_000)
        let before = world.terms.mapValues(\.revision)
        world.run(4_000)
        #expect(world.terms.mapValues(\.revision) == before)
        #expect(world.isSettled)
    }

    @Test func aPausedHolderIsFollowedAndFindsItsTermsGone() throws {
        let world = settledWorld()
        world.pause("a")
        world.run(3_000)
        #expect(world.candidates.allSatisfy { world.servers($0.network).count == 1 })
        world.resume("a")
        world.run(500)
        #expect(world.isSettled)
        #expect(world.members["a"]?.serving.isEmpty == true)
        world.run(30_000)
        #expect(world.shares() == ["a": 4, "b": 4, "c": 4])
        #expect(world.violations == [])
    }

    @Test func aRestartedHolderHasItsTermsBackAtOnce() throws {
        let world = settledWorld()
        let mine = world.networks(of: "a")
        world.cutPower("a")
        world.run(100)
        world.start("a")
        let gap = try #require(world.run(until: 1_000) { $0.isSettled })
        #expect(gap <= 60, "\(gap)")
        #expect(world.networks(of: "a") == mine)
        #expect(mine.allSatisfy { world.causes($0) == .start })
        #expect(world.violations == [])
    }

    @Test func twoNodesThatClaimAtOnceEndWithOneTermEach() {
        let world = ClusterWorld(seed: 5)
        world.candidates = (0..<6).map { Leadership.Candidate(network: "n\($0)") }
        for node in ["a", "b", "c", "d"] { world.start(node) }
        world.run(1_500)
        #expect(world.isSettled)
        #expect(world.terms.values.allSatisfy { $0.term.epoch == Epoch(1) && $0.term.cause == .start })
        #expect(world.violations == [])
    }

    @Test func everybodyDeadAndOneBackTakesAllWithoutWaitingForTheRefusing() throws {
        let world = settledWorld()
        for node in ["a", "b", "c"] { world.kill(node) }
        world.run(10_000)
        world.start("b")
        let gap = try #require(world.run(until: 3_000) { $0.isSettled })
        #expect(gap <= 300, "\(gap)")
        for node in ["b"] { world.cutPower(node) }
        for node in ["a", "c"] { world.cutPower(node) }
        world.run(5_000)
        world.start("c")
        let silent = try #require(world.run(until: 3_000) { $0.isSettled })
        // Nobody refuses: those that are not seen for the first time in D are dead.
        #expect(silent > 1_000 && silent <= 1_300, "\(silent)")
    }
}
