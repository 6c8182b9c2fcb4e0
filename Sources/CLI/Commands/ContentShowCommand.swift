// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ContentShowCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one image: what it is made of, and how its import goes.",
        discussion: """
              ondeck content show debian-12
              ondeck content show debian-12 -o json | jq -r '.files[] | "\\(.sha256)  \\(.path)"'
            """)

    @Argument(help: "The image.")
    var name: String

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(.get, ["api", "v1", "content", name])
        try terminal.show(answer, as: show.output, table: ContentText(terminal: terminal).one)
    }
}
