// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

@Suite struct ClusterReadinessTests {
    private var facts = ClusterFacts(
        store: .init(engine: "etcd 3.5.13", hasQuorum: true, survivesOneLoss: true, unreachable: [], alarms: []),
        nodes: [.init(name: "a", isAlive: true), .init(name: "b", isAlive: true), .init(name: "c", isAlive: true)],
        networks: [
            .init(name: "lab", isDynamic: true, holder: "a"), .init(name: "room2", isDynamic: true, holder: "b"),
            .init(name: "hosts", isDynamic: false, holder: nil),
        ])

    private var reasons: [String] { ClusterReadiness.judge(facts).reasons }

    @Test func threeNodesAndThreeMembersAreSafe() {
        #expect(ClusterReadiness.judge(facts).isSafe)
        #expect(reasons == [])
    }

    @Test mutating func oneOfThreeMayBeGone() {
        facts.nodes[2].isAlive = false
        facts.nodes[2].lagRevisions = 99_999
        facts.nodes[2].clockOffsetMilliseconds = -99_999
        facts.nodes[2].deaf = ["lab"]
        #expect(reasons == [])
    }

    @Test mutating func aVirtualAddressThatIsNotThere() {
        facts.networks[0].missingVIP = "10.64.0.2"
        #expect(reasons == ["network lab has a node up to bat without the vip"])
        facts.networks[2].missingVIP = "10.64.0.3"
        #expect(reasons.count == 1)
    }

    @Test mutating func aStoreOfFiveMayHaveLostOne() {
        facts.store.unreachable = ["n5"]
        #expect(reasons == [])
    }

    @Test mutating func theStore() {
        facts.store.survivesOneLoss = false
        facts.store.unreachable = ["n3"]
        facts.store.alarms = ["NOSPACE on n2"]
        #expect(
            reasons == [
                "the store (etcd 3.5.13) has no quorum to lose: it would not survive a member's failure",
                "store member n3 does not answer", "the store complains: NOSPACE on n2",
            ])
        facts.store = .init(
            engine: "etcd 3.5.13", hasQuorum: false, survivesOneLoss: false, unreachable: [], alarms: [])
        facts.isCutOff = true
        #expect(
            reasons == [
                "the store takes nothing from the node that was asked: its view is old",
                "the store (etcd 3.5.13) has no quorum: nobody gets a new address",
            ])
    }

    @Test mutating func tooFewNodes() {
        facts.nodes[1].isAlive = false
        facts.nodes[2].isAlive = false
        #expect(
            reasons == ["only one node is alive: a", "network room2 has a node up to bat that is not alive"])
        facts.nodes[0].isAlive = false
        #expect(reasons.first == "no node is alive")
    }

    @Test mutating func nodesThatTakeNothing() {
        facts.nodes[1].takesTerms = false
        #expect(reasons == [])
        facts.nodes[2].takesTerms = false
        #expect(reasons == ["only a takes terms: the other nodes that are alive drain or stop"])
        facts.nodes[0].takesTerms = false
        #expect(reasons == ["every node that is alive is draining or stopping"])
    }

    @Test mutating func aNodeThatLiesBehindOrHasAWrongClock() {
        facts.nodes[1].lagRevisions = Limits.lagRevisionsMax
        facts.nodes[2].clockOffsetMilliseconds = -Limits.clockOffsetMillisecondsMax
        #expect(reasons == [])
        facts.nodes[1].lagRevisions = 1_200
        facts.nodes[2].clockOffsetMilliseconds = -3_600_500
        facts.nodes[0].clockOffsetMilliseconds = 1_001
        #expect(
            reasons == [
                "node b lies 1 200 revisions behind", "the clock of node a is 1s ahead of the cluster's",
                "the clock of node c is 1h behind the cluster's",
            ])
        facts.nodes[1].lagRevisions = 1_234_567
        #expect(reasons.first == "node b lies 1 234 567 revisions behind")
    }

    @Test mutating func networksWithoutAHolderOrASecondEar() {
        facts.networks[0].holder = nil
        facts.nodes[1].deaf = ["room2", "hosts"]
        facts.nodes[2].deaf = ["room2", "hosts"]
        #expect(
            reasons == [
                "network lab has nobody up to bat",
                "networks hosts, room2 each have no second node that hears its clients",
            ])
        facts.nodes[0].deaf = ["hosts"]
        #expect(reasons[1] == "network hosts has no node that hears its clients")
        #expect(reasons[2] == "network room2 has no second node that hears its clients")
    }

    @Test mutating func manyNetworksAreOneSentence() {
        facts.networks = (1...40).map { .init(name: "n\($0)", isDynamic: true, holder: nil) }
        #expect(reasons == ["networks n1, n10, n11 and 37 more have nobody up to bat"])
    }
}
