// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Model

public struct WindowCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "window",
        abstract: "Show what an outage of some length would cost.",
        discussion: """
            For each network: who would lose an address, who could not boot, the lease that would do, and what such a \
            need calls for: a backup to restore from, or more than one node. With a store of its own the outage is the \
            machine's; with a shared store it is the store's, for a node's failure alone is taken over at once.

              ondeck window --outage 4h
              ondeck window --outage 90m lab
              ondeck window --outage 30s -o json | jq '.networks[] | select(.fits | not) | .network'
            """)

    @Option(help: ArgumentHelp("How long: 30s, 90m, 4h, 2d.", valueName: "time"))
    var outage: TimeArgument

    @Argument(help: ArgumentHelp("Only these; all without any.", valueName: "network"))
    var networks: [String] = []

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    public func validate() throws {
        guard (1...UInt64(Limits.outageSecondsMax)).contains(outage.seconds) else {
            throw ValidationError("an outage takes 1s to \(TimeSpan.text(Limits.outageSecondsMax))")
        }
    }

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(
            .get, ["api", "v1", "window"], query: [("outageSeconds", String(outage.seconds))])
        var report = try answer.decode(WindowReport.self)
        if let missing = networks.first(where: { name in !report.networks.contains { $0.network == name } }) {
            throw CommandError("there is no network \(missing)", hint: "`ondeck get networks` shows all.")
        }
        if !networks.isEmpty { report.networks.removeAll { !networks.contains($0.network) } }
        try terminal.show(report, as: show.output) { WindowText(report: $0, terminal: terminal).lines }
    }
}

/// A time as site files have it: "90s", "30m", "4h", "7d".
struct TimeArgument: ExpressibleByArgument, Sendable {
    var seconds: UInt64

    init?(argument: String) {
        guard let seconds = TimeSpan.seconds(argument) else { return nil }
        self.seconds = seconds
    }

    var defaultValueDescription: String { "\(seconds)s" }
}
