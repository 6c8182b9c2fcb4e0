// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

@Suite struct HandOverTests {
    private func holder(_ world: ClusterWorld, _ network: String) throws -> String {
        try #require(world.servers(network).first)
    }

    private func other(than node: String, in world: ClusterWorld) throws -> String {
        try #require(world.members.keys.sorted().first { $0 != node })
    }

    @Test func anOrderIsFollowedRestFirstAndStays() throws {
        let world = settledWorld()
        let (old, epoch) = (try holder(world, "n0"), world.terms["n0"]?.term.epoch.value ?? 0)
        let new = try other(than: old, in: world)
        let before = world.members[old]?.effects.count ?? 0
        world.order("n0", new)
        let gap = try #require(world.run(until: 500) { $0.servers("n0") == [new] })
        #expect(gap <= 40, "\(gap)")
        let did = world.members[old]?.effects.dropFirst(before).map(\.effect).filter {
            if case .beat = $0 { false } else { $0 != .heartbeat }
        }
        #expect(did?.first == .rest(network: "n0", .handingOver(to: new)))
        guard case .write(let term, _, let deletesOrder)? = did?.last else {
            return #expect(Bool(false), "\(String(describing: did))")
        }
        #expect(term.cause == .handedOver && term.epoch == Epoch(epoch + 1) && term.holder.node == new)
        #expect(deletesOrder)
        #expect(world.orders.isEmpty)
        // 5 and 3: it is not moved back for balance, and nothing else is moved in its place.
        world.run(60_000)
        #expect(world.servers("n0") == [new])
        // When the node leaves, the order is forgotten.
        world.kill(new)
        world.run(1_000)
        world.start(new)
        world.run(40_000)
        #expect(world.shares() == ["a": 4, "b": 4, "c": 4])
        #expect(world.violations == [])
    }

    @Test func anOrderToNobodyOrTheDeadOrTheDeafIsIgnored() throws {
        let world = settledWorld()
        let old = try holder(world, "n0")
        let new = try other(than: old, in: world)
        let revision = world.terms["n0"]?.revision
        world.order("n0", "nobody")
        world.run(2_000)
        world.members[new]?.setDeaf(["n0"])
        world.run(500)
        world.order("n0", new)
        world.run(2_000)
        #expect(world.terms["n0"]?.revision == revision)
        #expect(world.servers("n0") == [old])
    }

    @Test func aChainOfHandOversLosesNothing() throws {
        let world = settledWorld(networks: 1)
        for node in ["a", "b", "c", "a", "c", "b"] where world.servers("n0") != [node] {
            world.order("n0", node)
            #expect(world.run(until: 200) { $0.servers("n0") == [node] } != nil)
        }
        // Handed to a node that drains in the same moment: it hands it on.
        world.order("n0", "c")
        world.run(4)
        world.drain(["c"])
        world.run(500)
        let now = try holder(world, "n0")
        #expect(now != "c")
        #expect(world.isSettled)
        #expect(world.violations == [])
    }

    @Test func aHandOverThatFailsIsTakenBack() throws {
        let world = settledWorld(networks: 3)
        let old = try holder(world, "n0")
        let new = try other(than: old, in: world)
        world.order("n0", new)
        // The order arrives; the write does not.
        let handing = world.run(until: 20) { $0.everyServer("n0") == 0 }
        #expect(handing != nil)
        world.cuts = ["\(old)>store"]
        world.run(20)
        world.cuts = []
        world.run(750)
        world.heal()
        world.run(2_000)
        #expect(world.servers("n0") == [new])
        let did = world.members[old]?.effects.map(\.effect).filter { effect in
            if case .write(let term, _, _) = effect { term.network == "n0" && term.cause == .handedOver } else { false }
        }
        #expect((did?.count ?? 0) >= 2)
        #expect(world.violations == [])
    }

    @Test func aDrainedNodeGivesAllAndTakesNone() throws {
        let world = settledWorld()
        world.drain(["a"])
        let gap = try #require(world.run(until: 500) { $0.shares() == ["b": 6, "c": 6] })
        #expect(gap <= 60, "\(gap)")
        world.kill("b")
        world.run(1_000)
        #expect(world.shares() == ["c": 12])
        world.drain([])
        world.run(30_000)
        #expect(world.shares() == ["a": 6, "c": 6])
        #expect(world.violations == [])
    }

    @Test func aDrainOfAllMovesNothing() {
        let world = settledWorld()
        let before = world.terms.mapValues(\.revision)
        world.drain(["a", "b", "c"])
        world.run(20_000)
        #expect(world.terms.mapValues(\.revision) == before)
        #expect(world.isSettled)
    }

    @Test(arguments: 1...10) func aPlannedStopHandsOverAllAndSaysGoodbye(seed: UInt64) throws {
        let world = settledWorld(seed: seed)
        world.run(world.delay(0...250))
        let start = world.now
        world.stop("a")
        let gap = try #require(world.run(until: 500) { $0.shares() == ["b": 6, "c": 6] })
        #expect(gap <= 40, "\(gap)")
        world.run(300)
        #expect(world.beats["a"]?.intent == .stopped)
        let member = try #require(world.members["a"])
        #expect(member.state == .stopped)
        #expect(member.effects.last?.effect == .stopped)
        #expect((member.effects.last?.at ?? .max) - start <= 100)
        #expect(member.leadership.nextTick == nil)
        #expect(member.effects.contains { $0.effect == .beat(intent: .stopped) })
        #expect(world.terms.values.allSatisfy { $0.term.holder.node != "a" })
        #expect(world.violations == [])
    }

    @Test func theLastNodeJustStopsAndTheNextOneSeesIt() throws {
        let world = settledWorld(nodes: ["a"])
        world.stop("a")
        world.run(100)
        #expect(world.members["a"]?.state == .stopped)
        world.start("b")
        let gap = try #require(world.run(until: 500) { $0.shares() == ["b": 12] })
        #expect(gap <= 40, "\(gap)")
    }

    @Test func aStopWithTheStoreDownTakesAMomentAndEnds() {
        let world = settledWorld()
        world.isStoreUp = false
        world.run(100)
        world.stop("a")
        world.run(Limits.stopHandOverMilliseconds + Limits.stopBeatMilliseconds + 10)
        #expect(world.members["a"]?.state == .stopped)
        #expect(world.members["a"]?.serving.isEmpty == true)
        world.isStoreUp = true
        world.heal()
        world.run(2_000)
        #expect(world.isSettled)
        world.run(30_000)
        #expect(world.shares() == ["b": 6, "c": 6])
    }

    @Test func everybodyStoppingAtOnceEnds() {
        let world = settledWorld()
        for node in ["a", "b", "c"] { world.stop(node) }
        world.run(Limits.stopHandOverMilliseconds + Limits.stopBeatMilliseconds + 100)
        #expect(world.members.values.allSatisfy { $0.state == .stopped })
        #expect(world.violations == [])
    }

    // MARK: Balance

    @Test func whoReturnsGetsItsShareAfterAWhileOneByOne() throws {
        let world = settledWorld()
        world.kill("c")
        world.run(20_000)
        #expect(world.shares() == ["a": 6, "b": 6])
        world.start("c")
        world.run(Limits.settleMilliseconds - 500)
        #expect(world.shares() == ["a": 6, "b": 6])
        let moved = try #require(world.run(until: 5_000) { $0.shares() == ["a": 4, "b": 4, "c": 4] })
        // Two moves of each of the two.
        #expect(moved >= Limits.rebalancePaceMilliseconds)
        let before = world.terms.mapValues(\.revision)
        world.run(120_000)
        #expect(world.terms.mapValues(\.revision) == before)
        #expect(world.violations == [])
    }

    @Test func preferenceComesFirstAndTheRestIsEven() {
        let world = ClusterWorld()
        world.candidates = (0..<10).map {
            Leadership.Candidate(network: "n\($0)", preferred: $0 < 4 ? ["c", "b"] : $0 == 4 ? ["nobody"] : [])
        }
        for node in ["a", "b", "c"] { world.start(node) }
        world.run(40_000)
        #expect(Set(["n0", "n1", "n2", "n3"]).isSubset(of: world.networks(of: "c")))
        #expect(world.shares() == ["a": 2, "b": 2, "c": 6])
        world.kill("c")
        world.run(500)
        #expect(Set(["n0", "n1", "n2", "n3"]).isSubset(of: world.networks(of: "b")))
        #expect(world.shares() == ["a": 3, "b": 7])
        world.start("c")
        world.run(40_000)
        #expect(world.shares() == ["a": 2, "b": 2, "c": 6])
        let views = world.members["a"]?.leadership.networks(now: Uptime(milliseconds: .max / 2)) ?? []
        #expect(views.allSatisfy { $0.desired == $0.term?.holder.node })
        #expect(views.count == 10)
        let before = world.terms.mapValues(\.revision)
        world.run(60_000)
        #expect(world.terms.mapValues(\.revision) == before)
    }

    @Test func newNetworksGoWhereThereIsRoomAndGoneOnesRest() {
        let world = settledWorld()
        world.candidates += (12..<15).map { Leadership.Candidate(network: "n\($0)") }
        for member in world.members.values { member.handle(.networks(world.candidates)) }
        world.run(1_000)
        #expect(world.shares() == ["a": 5, "b": 5, "c": 5])
        #expect(world.terms["n13"]?.term.epoch == Epoch(1))
        world.candidates.removeFirst(3)
        for member in world.members.values { member.handle(.networks(world.candidates)) }
        world.run(100)
        #expect(world.members.values.allSatisfy { $0.serving["n0"] == nil })
        #expect(world.isSettled)
    }
}
