// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct DeleteCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete an object of the site.",
        discussion: """
            What others still need is not deleted; the answer says who does.

              ondeck delete machine web1
              ondeck delete reservation rack1/10.64.0.20
            """)

    @Argument(help: ArgumentHelp(KindArgument.list))
    var kind: KindArgument

    @Argument(help: "The object's name; a reservation's is NETWORK/ADDRESS.")
    var name: String

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let report = try await client.send(.delete, try kind.path(name)).decode(ChangeReport.self)
        ChangeText(terminal: terminal).show(report)
    }
}
