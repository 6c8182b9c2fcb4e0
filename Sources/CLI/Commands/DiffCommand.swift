// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct DiffCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Say what applying a file would change.",
        discussion: """
            Exits with 0 when there is nothing to change and with 2 when there is, so that scripts can tell.

              ondeck diff -f site.yaml
              ondeck diff -f site.yaml --prune || echo "the site is not what git says"
            """)

    @Option(name: [.short, .long], help: "The site file; - is the standard input.", completion: .file())
    var file: String

    @Flag(help: "Count what the file does not name as to be deleted.")
    var prune = false

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let site = try SiteFile.load(path: file)
        let report = try await site.send(to: client, prune: prune, dryRun: true, terminal)
        if !report.changes.isEmpty { throw ExitCode(2) }
    }
}
