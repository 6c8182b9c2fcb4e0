// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct CheckConfigCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Check the server's configuration file without starting anything.",
        discussion: """
            Says every error with its line, and warns of what is allowed but perhaps not meant: content directories
            that are not there, a store that would not survive a loss, a password that travels in the clear.

              ondeck check-config
              ondeck check-config --config ./ondeck.yaml

            It asks nobody. To try the store, too:

              ondeck node join --check
            """)

    @Option(name: [.short, .long], help: "The configuration file.", completion: .file())
    var config = ServerConfiguration.defaultPath

    public init() {}

    public func run() async throws { try run(.standard) }

    func run(_ terminal: Terminal) throws {
        do throws(FileErrors) {
            let configuration = try ServerConfiguration.load(path: config)
            terminal.errorLines(configuration.warnings.map { "warning: \($0)" })
            try configuration.checkNeededFiles(path: config)
        } catch {
            terminal.errorLine("\(error)")
            throw ExitCode.failure
        }
        terminal.line("\(config): valid")
    }
}

extension ServerConfiguration {
    /// Throws where a file that the store needs cannot be read, with the line that names it. `path`: where the
    /// configuration was read from.
    func checkNeededFiles(path: String) throws(FileErrors) {
        let problems = neededFiles.compactMap { file in file.problem.map { (file.field, $0) } }
        guard !problems.isEmpty else { return }
        let locator = FieldLocator(path == "-" ? .null : try YAMLSource.load(path: path))
        throw FileErrors(
            problems.map { field, problem in
                FieldError(field: field, message: problem, position: locator.position(of: field))
                    .description(file: TextFile.name(path))
            })
    }
}
