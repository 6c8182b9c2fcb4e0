// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

public struct VersionCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Show the version.")

    public init() {}

    public func run() async throws { Terminal.standard.line("ondeck \(Version.text)") }
}
