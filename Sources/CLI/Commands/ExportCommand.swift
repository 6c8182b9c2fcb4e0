// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

public struct ExportCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the whole site as a file.",
        discussion: """
            What it writes is what apply reads; applied to the same site it changes nothing.

              ondeck export >site.yaml
              ondeck export -o json | jq .networks
            """)

    @Option(name: [.short, .long], help: "The format.")
    var output: DocumentFormat = .yaml

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        try terminal.show(try await client.send(.get, ["api", "v1", "site"]), as: output)
    }
}
