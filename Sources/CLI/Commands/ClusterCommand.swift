// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

public struct ClusterCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "See how the cluster is, and say who is up to bat.",
        discussion: """
            A cluster is the nodes that share one store. Each dynamic network has one node up to bat, which hands out \
            its addresses; the others are on deck.

              ondeck cluster
              ondeck cluster ready || echo "a failure now would be felt"
              ondeck cluster handover lab --to b
              ondeck cluster drain b --wait
            """,
        subcommands: [
            ClusterShowCommand.self, ClusterReadyCommand.self, ClusterHandoverCommand.self, ClusterDrainCommand.self,
            ClusterAcceptRestoredCommand.self,
        ],
        defaultSubcommand: ClusterShowCommand.self)

    public init() {}
}
