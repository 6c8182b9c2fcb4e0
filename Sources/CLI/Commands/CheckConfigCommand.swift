// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

public struct CheckConfigCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Check the server's configuration file without starting anything.",
        discussion: """
            Says every error with its line, and warns of content directories that are not there.

              ondeck check-config
              ondeck check-config --config ./ondeck.yaml
            """)

    @Option(name: [.short, .long], help: "The configuration file.", completion: .file())
    var config = ServerConfiguration.defaultPath

    public init() {}

    public func run() async throws { try run(.standard) }

    func run(_ terminal: Terminal) throws {
        let configuration: ServerConfiguration
        do throws(FileErrors) {
            configuration = try ServerConfiguration.load(path: config)
        } catch {
            terminal.errorLine("\(error)")
            throw ExitCode.failure
        }
        for (name, directories) in configuration.content.sorted(by: { $0.key < $1.key }) {
            for directory in directories where !FileManager.default.fileExists(atPath: directory.path) {
                terminal.errorLine("warning: content \(name): there is no directory \(directory.path)")
            }
        }
        terminal.line("\(config): valid")
    }
}
