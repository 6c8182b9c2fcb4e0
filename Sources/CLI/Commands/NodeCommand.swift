// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

public struct NodeCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Bring a machine into the cluster.",
        subcommands: [NodeJoinCommand.self])

    public init() {}
}
