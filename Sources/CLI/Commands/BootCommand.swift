// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Model

public struct BootCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "boot",
        abstract: "Say what a machine does when it boots next.",
        discussion: """
            An intent is install ENVIRONMENT (once, then from disk), always ENVIRONMENT, local (from disk) or hold. \
            An install that has been done before is armed again.

              ondeck boot web1 install debian-12
              ondeck boot web1 always memtest
              ondeck boot web1 local
            """)

    @Argument(help: "The machine's name.")
    var machine: String

    @Argument(help: ArgumentHelp("What it is to do.", valueName: "intent"))
    var intent: [String]

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    public func validate() throws {
        guard BootIntent(intent.joined(separator: " ")) != nil else {
            throw ValidationError("an intent is: install ENVIRONMENT, always ENVIRONMENT, local or hold")
        }
    }

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let text = intent.joined(separator: " ")
        let answer = try await client.send(
            .put, ["api", "v1", "machines", machine, "boot"], body: BootIntentRequest(intent: text))
        let report = try answer.decode(ChangeReport.self)
        terminal.line("machine \(machine) is to \(Self.sentence(text))")
        terminal.errorLines(ChangeText.warnings(report))
    }

    private static func sentence(_ text: String) -> String {
        switch BootIntent(text) {
        case .install(let environment): "install \(environment) at its next boot, then boot from disk"
        case .always(let environment): "boot \(environment) every time"
        case .local: "boot from disk"
        case .hold: "wait at its next boot until it is told otherwise"
        case nil: text
        }
    }
}
