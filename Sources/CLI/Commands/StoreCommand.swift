// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

public struct StoreCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Move the site and its leases to another store.",
        subcommands: [StoreCopyCommand.self])

    public init() {}
}
