// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ContentGarbageCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Remove the files that no image needs any more.",
        discussion: """
            Of the node that is asked; name another with --api. Every node does it by itself, too, some time after a \
            file is no longer needed: by then nobody is in the middle of fetching it.

              ondeck content gc --dry-run
              ondeck content gc
            """)

    @Flag(help: "Say what would go, and remove nothing.")
    var dryRun = false

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(
            .post, ["api", "v1", "content-gc"], body: ContentGarbageRequest(dryRun: dryRun))
        try terminal.show(answer, as: show.output, table: ContentText.garbage)
    }
}
