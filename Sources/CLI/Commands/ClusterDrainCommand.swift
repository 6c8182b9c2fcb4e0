// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Model

public struct ClusterDrainCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Have a node hand over all it has, and take nothing.",
        discussion: """
            Before work on a machine. It goes on answering reservations, and it stays drained over restarts until \
            --undo. A node that is stopped (SIGTERM) hands over by itself and needs none of this.

              ondeck cluster drain b --wait && ssh b reboot
              ondeck cluster drain b --undo
            """)

    @Argument(help: "The node.")
    var node: String

    @Flag(help: "Have it take its share again.")
    var undo = false

    @Flag(
        help: ArgumentHelp("Return when it holds no network any more; fail after \(Limits.drainWaitSeconds) s."))
    var wait = false

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    public func validate() throws {
        if undo, wait { throw ValidationError("--wait goes with draining, not with --undo") }
    }

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(
            .put, ["api", "v1", "cluster", "nodes", node, "drain"], body: DrainRequest(drain: !undo))
        let report = try answer.decode(DrainReport.self)
        guard !undo else {
            terminal.line(printable("\(report.node) takes its share again"))
            return
        }
        if !report.networksHeld.isEmpty {
            terminal.line(printable("\(report.node) hands over \(ClusterText.names(report.networksHeld))"))
            guard wait else { return }
            try await waitUntilEmpty(client)
        }
        terminal.line(printable("\(report.node) holds no network: it may be stopped"))
    }

    private func waitUntilEmpty(_ client: APIClient) async throws {
        let end = ContinuousClock.now + .seconds(Limits.drainWaitSeconds)
        while true {
            let cluster = try await client.send(.get, ["api", "v1", "cluster"]).decode(ClusterReport.self)
            let held = cluster.networks.filter { $0.holder == node }.map(\.name)
            if held.isEmpty { return }
            guard ContinuousClock.now < end else {
                throw CommandError(
                    "\(node) still holds \(ClusterText.names(held)) after \(Limits.drainWaitSeconds) s",
                    hint: "Is there another node that hears them? See `ondeck cluster`.")
            }
            try await Task.sleep(for: .milliseconds(Limits.drainLookMilliseconds))
        }
    }
}
