// SPDX-License-Identifier: Apache-2.0

import Simulation
import Testing

/// Short histories of a whole cluster; `ondeck-sim` plays long ones.
@Suite struct ClusterSimulationTests {
    static func run(_ seed: UInt64, minutes: Int64, _ change: (inout SimOptions) -> Void = { _ in }) -> SimOutcome {
        var options = SimOptions(seed: seed, minutes: minutes)
        options.clients = 20
        change(&options)
        return SimWorld.run(options)
    }

    static func text(_ outcome: SimOutcome) -> String {
        guard let violation = outcome.violation else { return "clean" }
        let lines = violation.tail + ["seed \(outcome.options.seed): \(violation.rule): \(violation.text)"]
        return lines.joined(separator: "\n")
    }

    @Test func promisesHold() {
        var counts = SimCounts()
        for seed in 1...8 as ClosedRange<UInt64> {
            let outcome = Self.run(seed, minutes: 8)
            #expect(outcome.violation == nil, "\(Self.text(outcome))")
            counts.add(outcome.counts)
        }
        // A world in which nothing happens would be clean, too.
        #expect(counts.grants > 100 && counts.renewals > 200 && counts.faults > 30 && counts.terms > 10)
        #expect(counts.staticComparisons > 20 && counts.unwritten > 5)
    }

    @Test func sameSeedSameHistory() {
        let outcomes = (0..<2).map { _ in Self.run(7, minutes: 3) }
        #expect(outcomes[0].digest == outcomes[1].digest)
        #expect(outcomes[0].counts.events == outcomes[1].counts.events)
        #expect(Self.run(8, minutes: 3).digest != outcomes[0].digest)
    }

    @Test(arguments: [
        (SimBug.noFence, ["fence", "two holders"]), (.ackBeforeCommit, ["ACK before commit"]),
        (.nakFromEmptyReplica, ["NAK to a holder", "two holders"]),
    ])
    func eachDeliberateBugIsCaught(bug: SimBug, rules: [String]) {
        for seed in 1...40 as ClosedRange<UInt64> {
            let outcome = Self.run(seed, minutes: 10) { options in
                options.bug = bug
                options.clients = 40
                // What tears a node out of its turn while others go on.
                options.faults = [.pause, .crash, .handover, .storeSlow, .packetDelay, .unrest]
                options.faultRate = 6
            }
            guard let violation = outcome.violation else { continue }
            #expect(rules.contains(violation.rule), "\(violation.rule): \(violation.text)")
            return
        }
        Issue.record("\(bug.rawValue) was not caught")
    }
}
