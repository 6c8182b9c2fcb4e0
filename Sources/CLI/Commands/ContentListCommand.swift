// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ContentListCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the images.",
        discussion: """
            NODES is how many of the nodes that are to hold an image do. What failed, and why, stands below.

              ondeck content list
              ondeck content list -o json | jq -r '.[] | select(.state == "failed") | .name'
            """)

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(.get, ["api", "v1", "content"])
        try terminal.show(answer, as: show.output, table: ContentText(terminal: terminal).list)
    }
}
