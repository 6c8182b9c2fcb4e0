// SPDX-License-Identifier: Apache-2.0

import Model
import Testing

@testable import PeerService

/// A class, because `#expect` does not take calls that change a value.
private final class Remembering {
    private(set) var replays = ReplayGuard()
    func admits(_ run: NodeRun, sequence: UInt64) -> Bool { replays.admits(run, sequence: sequence) }
}

@Suite struct ReplayGuardTests {
    private func run(_ incarnation: UInt64, _ node: String = "n") -> NodeRun {
        NodeRun(node: node, incarnation: incarnation)
    }

    @Test func sequencesGrowWithinARun() {
        let replays = Remembering()
        let admitted = [3, 3, 2, 4, 9, 8, 10].map { replays.admits(run(1), sequence: $0) }
        #expect(admitted == [true, false, false, true, true, false, true])
        #expect(replays.admits(run(1, "other"), sequence: 1))
    }

    @Test func aRunThatWasFollowedIsOver() {
        let replays = Remembering()
        #expect(replays.admits(run(7), sequence: 100))
        #expect(replays.admits(run(2), sequence: 1))
        // What was still on its way when the process died.
        #expect(!replays.admits(run(7), sequence: 101))
        #expect(!replays.admits(run(7), sequence: 102))
        #expect(replays.admits(run(2), sequence: 2))
    }

    /// A copy from long ago, of a run that nobody here remembers, must not silence the node for good.
    @Test func theLivingRunComesBack() {
        let replays = Remembering()
        #expect(replays.admits(run(2), sequence: 1_000))
        #expect(replays.admits(run(1), sequence: 5))
        let admitted = (1_001...1_020).map { replays.admits(run(2), sequence: $0) }
        #expect(admitted.firstIndex(of: true) == Limits.heartbeatsToReturn - 1)
        #expect(admitted.dropFirst(Limits.heartbeatsToReturn).allSatisfy { $0 })
        // Copies of one heartbeat, however many, bring nothing back.
        for _ in 0..<100 { #expect(!replays.admits(run(1), sequence: 5)) }
    }

    @Test func onlySoMuchIsRemembered() {
        let replays = Remembering()
        for node in 0..<(2 * Limits.rememberedNodesMax) {
            for incarnation in UInt64(0)..<20 { #expect(replays.admits(run(incarnation, "n\(node)"), sequence: 1)) }
        }
        #expect(replays.replays.remembered.nodes == Limits.rememberedNodesMax)
        #expect(replays.replays.remembered.runs == Limits.rememberedNodesMax * Limits.rememberedRunsPerNode)
        // The latest is among them.
        #expect(!replays.admits(run(19, "n\(2 * Limits.rememberedNodesMax - 1)"), sequence: 1))
    }
}
