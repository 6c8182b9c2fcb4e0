// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ClusterHandoverCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "handover",
        abstract: "Have a network handed over to another node.",
        discussion: """
            The node up to bat names its successor, which answers everything that arrived meanwhile: no client loses a \
            packet. To have it come back by itself after a failure, set the network's nodes instead.

              ondeck cluster handover lab --to b
              ondeck set network lab nodes=b,a
            """)

    @Argument(help: "The network.")
    var network: String

    @Option(help: "The node that is to be up to bat.")
    var to: String

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(
            .put, ["api", "v1", "cluster", "networks", network, "holder"], body: HolderRequest(node: to))
        terminal.line(printable(Self.sentence(try answer.decode(HandoverReport.self))))
    }

    private static func sentence(_ report: HandoverReport) -> String {
        if report.from == report.to { return "\(report.to) is up to bat for \(report.network) already" }
        let before = report.from.map { "handed over by \($0)" } ?? "nobody had it"
        return "\(report.to) is up to bat for \(report.network): \(before), in \(report.milliseconds) ms, "
            + "epoch \(report.epoch)"
    }
}
