// SPDX-License-Identifier: Apache-2.0

import Addresses
import ArgumentParser

public struct LeaseDeleteCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Forget an address's lease.",
        discussion: """
            The address is free at once. Its client goes on using it until it renews: make sure that it is gone.

              ondeck lease delete rack1/10.64.0.117
            """)

    @Argument(help: ArgumentHelp("The lease.", valueName: "network/address"))
    var lease: String

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    public func validate() throws { _ = try parts() }

    private func parts() throws -> [String] {
        let parts = lease.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, IPv4Address(parts[1]) != nil else {
            throw ValidationError("\"\(lease)\" is not NETWORK/ADDRESS, such as rack1/10.64.0.117")
        }
        return parts
    }

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        _ = try await client.send(.delete, ["api", "v1", "leases"] + parts())
        terminal.line("deleted lease \(lease)")
    }
}
