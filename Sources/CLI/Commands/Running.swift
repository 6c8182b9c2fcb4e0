// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Foundation

/// A command that asks the server. `run(_:_:)` is what it does; the rest is the same for all: how failures are said,
/// and what the exit code is.
protocol ServerCommand: AsyncParsableCommand {
    var connection: ConnectionOptions { get }
    /// When the server refuses, or cannot be asked.
    static var failureCode: ExitCode { get }
    func run(_ client: APIClient, _ terminal: Terminal) async throws
}

extension ServerCommand {
    static var failureCode: ExitCode { .failure }

    public func run() async throws { try await run(.standard, environment: ProcessInfo.processInfo.environment) }

    /// Exit code 1 for failures (some commands have another), 64 for wrong arguments, and what the command says for
    /// itself.
    func run(_ terminal: Terminal, environment: [String: String]) async throws {
        do {
            try await run(try connection.client(environment), terminal)
        } catch let problem as Problem {
            terminal.errorLine(problem.text)
            throw Self.failureCode
        } catch let error as CommandError {
            terminal.errorLine("\(error)")
            throw Self.failureCode
        } catch let error as FileErrors {
            terminal.errorLine("\(error)")
            throw Self.failureCode
        }
    }
}

extension Problem {
    /// What is wrong, field by field; or the detail; or at least the title.
    var text: String {
        let lines = (errors ?? []).map(\.description)
        return lines.isEmpty ? detail ?? title : lines.joined(separator: "\n")
    }
}
