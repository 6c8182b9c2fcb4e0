// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ClusterAcceptRestoredCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "accept-restored",
        abstract: "Have a store that was restored from a backup served again.",
        discussion: """
            A store that has gone back in time has forgotten leases that clients still use. OnDeck notices, and gives \
            no dynamic addresses until you say so here; reservations are answered all the while. Be sure first that \
            the restored store is the right one. Addresses that were leased after the backup can then be given to \
            others: where that matters, wait for one lease time first, or leave probing on.

              ondeck cluster accept-restored
            """)

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(.post, ["api", "v1", "cluster", "accept-restored"])
        let report = try answer.decode(AcceptRestoredReport.self)
        terminal.line(
            printable(
                report.networks.isEmpty
                    ? "the restored store is accepted; no network was held back"
                    : "the restored store is accepted; served again: \(ClusterText.names(report.networks))"))
    }
}
