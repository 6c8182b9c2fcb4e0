// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct TargetRankingTests {
    static func node(_ name: String, _ change: (inout TargetNode) -> Void = { _ in }) -> TargetNode {
        let last = UInt8(name.dropFirst()) ?? 0
        var node = TargetNode(name: name, address: IPv4Address(10, 1, 0, last), httpPort: 8080)
        node.isOnLink = true
        node.tftp = .works
        node.http = .works
        change(&node)
        return node
    }

    let three = ["n1", "n2", "n3"].map { node($0) }

    @Test func theOrderOfTheNodesInTheQuestionDoesNotMatter() {
        for key in UInt64(0)..<200 {
            let order = TargetRanking.rank(three, key: key, location: nil).ranked.map(\.name)
            #expect(TargetRanking.rank(three.reversed(), key: key, location: nil).ranked.map(\.name) == order)
        }
    }

    /// It does not matter either who asks: nobody puts itself first.
    @Test func everyNodeRanksAlike() {
        for key in UInt64(0)..<200 {
            let answers = three.indices.map { own in
                var nodes = three
                nodes[own].isSelf = true
                return TargetRanking.rank(nodes, key: key, location: nil).ranked.map(\.name)
            }
            #expect(Set(answers).count == 1)
        }
    }

    @Test func clientsAreSpreadEvenly() {
        var counts: [String: Int] = [:]
        for key in UInt64(0)..<3_000 {
            counts[TargetRanking.rank(three, key: key, location: nil).ranked[0].name, default: 0] += 1
        }
        for name in ["n1", "n2", "n3"] { #expect((900...1_100).contains(counts[name] ?? 0), "\(counts)") }
    }

    @Test func theLossOfANodeMovesOnlyItsOwnClients() {
        var without = three
        without[1].absence = "it is silent"
        for key in UInt64(0)..<500 {
            let before = TargetRanking.rank(three, key: key, location: nil).ranked.map(\.name)
            let after = TargetRanking.rank(without, key: key, location: nil)
            #expect(after.ranked.map(\.name) == before.filter { $0 != "n2" })
            #expect(after.passedOver.map(\.node.name) == ["n2"])
            #expect(after.passedOver.first?.reason == "it is silent")
        }
    }

    @Test func nearestComesFirstThenWhoHoldsTheFiles() {
        let nodes = [
            Self.node("n1") { $0.isOnLink = false },
            Self.node("n2") { ($0.isOnLink, $0.location) = (false, "berlin") },
            Self.node("n3") { $0.content = .fetches },
            Self.node("n4"),
            Self.node("n5") { ($0.isOnLink, $0.location, $0.content) = (false, "berlin", .unknown) },
        ]
        for key in UInt64(0)..<50 {
            let ranked = TargetRanking.rank(nodes, key: key, location: "berlin").ranked.map(\.name)
            #expect(ranked == ["n4", "n3", "n2", "n5", "n1"])
        }
        let nowhere = TargetRanking.rank(nodes, key: 1, location: nil).ranked.map(\.name)
        #expect(nowhere.prefix(2) == ["n4", "n3"])
        #expect(nowhere.last == "n5")
    }

    @Test func whatFailsIsPassedOverForThatUseAlone() {
        let nodes = [
            Self.node("n1") { $0.tftp = .fails }, Self.node("n2") { $0.http = .off },
            Self.node("n3") { ($0.tftp, $0.http) = (.unknown, .unknown) },
            Self.node("n4") { $0.content = .cannot("it does not hold debian-12") },
        ]
        let tftp = TargetRanking.rank(nodes, key: 7, location: nil, use: .tftp)
        let http = TargetRanking.rank(nodes, key: 7, location: nil, use: .http)
        #expect(Set(tftp.ranked.map(\.name)) == ["n2", "n3"])
        #expect(Set(http.ranked.map(\.name)) == ["n1", "n3"])
        #expect(tftp.passedOver.map(\.reason) == ["its tftp fails", "it does not hold debian-12"])
        #expect(http.passedOver.map(\.reason) == ["its http is switched off", "it does not hold debian-12"])
    }

    @Test func whereNobodyQualifiesThisNodeIsTheLastResort() {
        let nodes = [
            Self.node("n1") { $0.absence = "it is silent" },
            Self.node("n2") { ($0.isSelf, $0.http) = (true, .fails) },
        ]
        let verdict = TargetRanking.rank(nodes, key: 7, location: nil)
        #expect(verdict.isLastResort)
        #expect(verdict.ranked.map(\.name) == ["n2"])
        #expect(verdict.passedOver.map(\.node.name) == ["n1", "n2"])
        #expect(!TargetRanking.rank(three, key: 7, location: nil).isLastResort)
    }
}
