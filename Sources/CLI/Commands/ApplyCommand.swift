// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ApplyCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make the site what a file says.",
        discussion: """
            Checks the file, sends it, and says what changed; nothing is changed if any of it is wrong. Objects that \
            the file does not name are left alone, unless --prune is given.

              ondeck apply -f site.yaml
              ondeck apply -f site.yaml --dry-run
              ondeck export | ssh other-host ondeck apply -f -
            """)

    @Option(name: [.short, .long], help: "The site file; - is the standard input.", completion: .file())
    var file: String

    @Flag(help: "Delete what the file does not name.")
    var prune = false

    @Flag(help: "Only say what would change.")
    var dryRun = false

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let site = try SiteFile.load(path: file)
        _ = try await site.send(to: client, prune: prune, dryRun: dryRun, terminal)
    }
}

extension SiteFile {
    /// Sends the file and says what it changes. The server's errors are said with the file's lines.
    func send(to client: APIClient, prune: Bool, dryRun: Bool, _ terminal: Terminal) async throws -> ChangeReport {
        let name = path == "-" ? "standard input" : path
        let answer: APIClient.Answer
        do {
            answer = try await client.send(
                .post, ["api", "v1", "site"],
                query: [("prune", prune ? "true" : nil), ("dry-run", dryRun ? "true" : nil)], body: document)
        } catch let problem as Problem where problem.errors?.isEmpty == false {
            let errors = problem.errors ?? []
            terminal.errorLines(lines(for: errors).map(printable))
            throw CommandError(
                "\(name): \(errors.count == 1 ? "1 error" : "\(errors.count) errors"); nothing was changed")
        }
        let report = try answer.decode(ChangeReport.self)
        terminal.errorLines(lines(for: report.warnings).map { printable("warning: " + $0) })
        terminal.lines(ChangeText(terminal: terminal).lines(report, file: name))
        return report
    }
}
