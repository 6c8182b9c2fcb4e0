// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ClusterShowCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show store, nodes and networks on one screen.",
        discussion: """
            As the node sees it that is asked. SEEN is when it last heard of a node, LAG how many of the store's \
            revisions a node has not taken in, CLOCK how far its machine's clock is off the cluster's time.

              ondeck cluster show
              ondeck cluster show --all
              ondeck cluster show -o json | jq '.networks[] | select(.holder == "a") | .name'
            """)

    @Flag(help: "Show every network, however many there are.")
    var all = false

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(.get, ["api", "v1", "cluster"])
        try terminal.show(answer, as: show.output) { report in
            ClusterText(report: report, terminal: terminal).lines(showsAll: all)
        }
    }
}
