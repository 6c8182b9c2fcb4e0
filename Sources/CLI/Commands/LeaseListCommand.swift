// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import ArgumentParser
import Model

public struct LeaseListCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show who has which address.",
        discussion: """
            Ended leases are shown too: the address is kept for its client as long as it is not needed.

              ondeck lease list
              ondeck lease list --network rack1 -o json
              ondeck lease list --mac 52:54:00:12:34:56
            """)

    @Option(help: "Only those of a network.")
    var network: String?

    @Option(help: "Only those of a MAC address: 52:54:00:12:34:56.")
    var mac: MACArgument?

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(
            .get, ["api", "v1", "leases"], query: [("network", network), ("mac", mac?.mac.description)])
        if let network, try answer.value().asList?.isEmpty != false {
            // None, or a slip of the pen: then the server says that there is no such network.
            _ = try await client.send(.get, ["api", "v1", ObjectKind.network.plural, network])
        }
        switch show.output {
        case .json: try terminal.show(answer, as: .json)
        case .yaml: try terminal.show(answer, as: .yaml)
        case .table:
            var table = Table(["NETWORK", "ADDRESS", "STATE", "CLIENT", "HOSTNAME", "UNTIL"])
            table.rows = try answer.decode([LeaseReport].self).map {
                [$0.network, $0.address, $0.state, $0.client, $0.hostname ?? "", $0.until ?? "never"]
            }
            terminal.out(table.text(terminal))
        }
    }
}
