// SPDX-License-Identifier: Apache-2.0

import Decisions
import Testing

@Suite struct RendezvousTests {
    private let nodes = ["n1", "n2", "n3", "n4", "n5"]

    /// Copies would move if these changed.
    @Test func weightsAreForEver() {
        #expect(Rendezvous.weight(UInt64(0x5254_0012_3456), node: "n1") == 11_012_821_787_943_017_204)
        #expect(Rendezvous.weight("debian-12", node: "n1") == 9_547_140_509_349_602_221)
    }

    @Test func theOrderOfTheQuestionDoesNotMatter() {
        for key in 0..<100 {
            let ranked = Rendezvous.ranked(UInt64(key), nodes: nodes)
            #expect(ranked == Rendezvous.ranked(UInt64(key), nodes: nodes.reversed()))
            #expect(ranked.sorted() == nodes)
        }
    }

    @Test func aLossMovesOnlyItsOwnShare() {
        for key in 0..<1_000 {
            let before = Rendezvous.ranked("image-\(key)", nodes: nodes)
            let after = Rendezvous.ranked("image-\(key)", nodes: nodes.filter { $0 != "n3" })
            #expect(after == before.filter { $0 != "n3" })
        }
    }

    @Test func everyNodeHasItsShare() {
        var shares: [String: Int] = [:]
        for key in 0..<5_000 { shares[Rendezvous.ranked(UInt64(key), nodes: nodes)[0], default: 0] += 1 }
        for node in nodes { #expect((850...1_150).contains(shares[node] ?? 0), "\(shares)") }
    }
}
