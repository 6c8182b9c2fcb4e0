// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ClusterReadyCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "ready",
        abstract: "Say whether a failure right now would be safe.",
        discussion: """
            Would the failure of any one node, or of any one member of the store, be survived without a gap that \
            clients notice? If not, each reason is a line. For monitors: exits with 0 when it would, with 1 when it \
            would not, and with 2 when nobody can be asked.

              ondeck cluster ready
              ondeck cluster ready >/dev/null && systemctl reboot
            """)

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    static var failureCode: ExitCode { ExitCode(2) }

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let report = try await client.send(.get, ["api", "v1", "cluster"]).decode(ClusterReport.self)
        switch show.output {
        case .json: terminal.show(Self.value(report.ready), as: .json)
        case .yaml: terminal.show(Self.value(report.ready), as: .yaml)
        case .table: terminal.lines(ClusterText(report: report, terminal: terminal).verdict)
        }
        if !report.ready.safe { throw ExitCode.failure }
    }

    private static func value(_ ready: ClusterReport.Readiness) -> FieldValue {
        ["safe": .boolean(ready.safe), "reasons": .list(ready.reasons.map { .string($0) })]
    }
}
