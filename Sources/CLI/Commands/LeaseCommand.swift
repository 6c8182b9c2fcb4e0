// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

public struct LeaseCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "lease",
        abstract: "Look at leases, or have one forgotten.",
        subcommands: [LeaseListCommand.self, LeaseDeleteCommand.self],
        defaultSubcommand: LeaseListCommand.self)

    public init() {}
}
