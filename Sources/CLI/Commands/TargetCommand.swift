// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct TargetCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "target",
        abstract: "Say which nodes machines are sent to.",
        subcommands: [TargetDrainCommand.self])

    public init() {}
}

public struct TargetDrainCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Have no machine be sent to a node for its files.",
        discussion: """
            Machines that load from it go on doing so, and it goes on answering DHCP: ondeck cluster drain takes that \
            from it. It stays drained over restarts until --undo.

              ondeck target drain b
              ondeck target drain b --undo
            """)

    @Argument(help: "The node.")
    var node: String

    @Flag(help: "Have machines be sent there again.")
    var undo = false

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(
            .put, ["api", "v1", "targets", node, "drain"], body: TargetDrainRequest(drain: !undo))
        let report = try answer.decode(TargetDrainReport.self)
        let text =
            report.drain ? "machines are no longer sent to \(report.node)" : "machines are sent to \(report.node) again"
        terminal.line(printable(text))
    }
}
