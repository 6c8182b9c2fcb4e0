// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import ArgumentParser

public struct TargetsCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "targets",
        abstract: "Show where machines are sent for their files, and why not elsewhere.",
        discussion: """
            For every network: where loaders and files come from now, in the order in which a machine tries them, and \
            the nodes that were passed over, with the reason. Machines are spread over nodes that are equally near; \
            --mac says what one of them gets. As the node sees it that is asked.

              ondeck targets
              ondeck targets --network lab
              ondeck targets --mac 52:54:00:12:34:56
              ondeck target drain b
            """)

    @Option(help: ArgumentHelp("Only this network, and how the answer was found.", valueName: "name"))
    var network: String?

    @Option(help: "What this machine gets.")
    var mac: MACArgument?

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let query = [("network", network), ("mac", mac?.mac.description)]
        let answer = try await client.send(.get, ["api", "v1", "targets"], query: query)
        try terminal.show(answer, as: show.output) { report in
            TargetsText(report: report, terminal: terminal).lines(showsSteps: network != nil)
        }
    }
}
