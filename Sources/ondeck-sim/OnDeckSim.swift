// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Simulation

/// Plays seeded histories of a whole cluster and audits them.
@main struct OnDeckSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ondeck-sim",
        abstract: "Plays seeded histories of a cluster - real decisions, simulated world - and audits every event.",
        discussion: "A failure prints its seed, when it happened and the history that led to it, and exits with 1.")

    @Option(help: "The first history's seed.") var seed: UInt64 = 1
    @Option(help: "How many histories, with consecutive seeds.") var seeds: UInt64 = 1
    @Option(help: "How long each history is, in simulated hours.") var hours = 1.0
    @Option(help: "Nodes of the cluster.") var nodes = 3
    @Option(help: "Clients in its networks.") var clients = 40
    @Option(help: ArgumentHelp("A deliberate bug: \(Self.names(SimBug.allCases)).", valueName: "bug"))
    var bug: SimBug?
    @Option(
        help: ArgumentHelp("A kind of fault to leave out: \(Self.names(SimFaultKind.allCases)).", valueName: "kind"))
    var without: [SimFaultKind] = []
    @Option(help: ArgumentHelp("Only these kinds of fault.", valueName: "kind")) var only: [SimFaultKind] = []
    @Option(help: "How many times as many faults as usual.") var rate: Int64 = 1
    @Flag(help: "In each history the store is once restored from an older backup.") var restore = false
    @Flag(help: "Looks for a smaller history that fails in the same way.") var shrink = false
    @Flag(help: "Prints every line of the history.") var verbose = false
    @Option(help: "Lines of the history that a failure shows.") var lines = 60

    private static func names<Value: RawRepresentable<String>>(_ all: [Value]) -> String {
        all.map(\.rawValue).joined(separator: ", ")
    }

    func validate() throws {
        guard hours > 0, hours <= 1000 else { throw ValidationError("--hours must be between 0 and 1000") }
        guard (1...16).contains(nodes) else { throw ValidationError("--nodes must be between 1 and 16") }
        guard (1...80).contains(clients) else { throw ValidationError("--clients must be between 1 and 80") }
        guard (1...100).contains(rate) else { throw ValidationError("--rate must be between 1 and 100") }
        guard seeds > 0 else { throw ValidationError("--seeds must be at least 1") }
    }

    func run() throws {
        var total = SimCounts()
        for seed in seed..<(seed + seeds) {
            let outcome = SimWorld.run(options(seed))
            total.add(outcome.counts)
            if let violation = outcome.violation {
                show(outcome, violation)
                if shrink { showSmaller(outcome) }
                throw ExitCode(1)
            }
            if seeds <= 20 { print("seed \(seed): clean, digest \(hex(outcome.digest))") }
        }
        show(total)
    }

    private func options(_ seed: UInt64) -> SimOptions {
        var options = SimOptions(seed: seed, minutes: max(Int64(hours * 60), 1))
        options.nodes = nodes
        options.clients = clients
        options.bug = bug
        if !only.isEmpty { options.faults = Set(only) }
        options.faults.subtract(without)
        options.faultRate = rate
        options.restoresStore = restore
        options.isVerbose = verbose
        options.tailLines = lines
        return options
    }

    private func show(_ outcome: SimOutcome, _ violation: SimOutcome.Violation) {
        for line in violation.tail { print("  \(line)") }
        print("seed \(outcome.options.seed), \(outcome.options.minutes) min, at \(SimText.clock(violation.at)):")
        print("VIOLATION \(violation.rule): \(violation.text)")
    }

    private func showSmaller(_ outcome: SimOutcome) {
        let small = SimShrink.smaller(outcome)
        guard let violation = small.violation else { return }
        print("\nsmaller:")
        show(small, violation)
        var again = "ondeck-sim --seed \(small.options.seed) --hours \(Double(small.options.minutes) / 60)"
        again += " --clients \(small.options.clients) --nodes \(nodes) --rate \(rate)"
        for kind in small.options.faults.map(\.rawValue).sorted() { again += " --only \(kind)" }
        if let bug { again += " --bug \(bug.rawValue)" }
        print("again: \(again)\(restore ? " --restore" : "")")
    }

    private func show(_ counts: SimCounts) {
        print(
            """
            \(seeds) histories of \(hours) h clean: \(counts.events) events, \(counts.faults) faults, \
            \(counts.grants) addresses granted, \(counts.renewals) renewed (\(counts.unwritten) ACKs inside the \
            reserved window), \(counts.commits) commits, \(counts.conflicts) refused, \(counts.terms) terms, \
            \(counts.naks) NAKs, \(counts.staticComparisons) static answers compared
            """)
    }

    private func hex(_ number: UInt64) -> String { String(number, radix: 16) }
}

extension SimBug: ExpressibleByArgument {}
extension SimFaultKind: ExpressibleByArgument {}
