// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import ArgumentParser

public struct ExplainCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Show what a client would be answered, and why.",
        discussion: """
            Takes every decision that a packet of such a client would cause, and shows each; sends and stores nothing.

              ondeck explain --mac 52:54:00:12:34:56 --arch x64-uefi
              ondeck explain --mac 52:54:00:12:34:56 --relay 10.9.0.1
              ondeck explain --mac 52:54:00:12:34:56 --message request --requested 10.64.0.117
            """)

    @Option(help: "The client's MAC address: 52:54:00:12:34:56.")
    var mac: MACArgument

    @Option(name: .customLong("arch"), help: "bios, x64-uefi, x64-http, arm64-uefi, arm64-http, ipxe, ...")
    var architecture: String?

    @Option(help: "The relay that passes the request on (giaddr).")
    var relay: String?

    @Option(help: "The network that it is in, where relay and interface do not tell.")
    var network: String?

    @Option(help: "The server's interface that the request comes in on.")
    var interface: String?

    @Option(name: .customLong("client-id"), help: "Option 61 as hex.")
    var clientID: String?

    @Option(help: "The machine's UUID (option 97).")
    var uuid: String?

    @Option(help: "The relay's circuit (option 82): text, or hex:...")
    var circuit: String?

    @Option(help: "discover (the default), request or inform.")
    var message: String?

    @Option(help: "The address that the client asks for.")
    var requested: String?

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(.post, ["api", "v1", "explain"], body: request)
        try terminal.show(answer, as: show.output) { ExplainText.lines($0).map(printable) }
    }

    private var request: ExplainRequest {
        var request = ExplainRequest(mac: mac.mac.description)
        request.architecture = architecture
        request.relay = relay
        request.network = network
        request.interface = interface
        request.clientID = clientID
        request.uuid = uuid
        request.circuit = circuit
        request.message = message
        request.requested = requested
        return request
    }
}

/// Numbered questions and answers, then the reply.
enum ExplainText {
    static func lines(_ report: ExplainReport) -> [String] {
        let width = report.steps.map(\.question.count).max() ?? 0
        var lines = report.steps.enumerated().map { index, step in
            let number = String(repeating: " ", count: index < 9 ? 1 : 0) + String(index + 1)
            let space = String(repeating: " ", count: width - step.question.count)
            return "\(number). \(step.question)\(space)  \(step.answer)"
        }
        lines += ["", report.verdict]
        if let route = report.route { lines.append("sent: \(route)") }
        if let reply = report.reply {
            lines += ["", "Reply:"] + reply.fields.map { "  \($0)" }
            lines += ["Options:"] + reply.options.map { "  \($0)" }
        }
        if !report.parameters.isEmpty { lines += ["", "Parameters for templates:"] + parameters(report.parameters) }
        return lines
    }

    private static func parameters(_ parameters: [ExplainReport.Parameter]) -> [String] {
        let texts = parameters.map { parameter in
            let text = YAMLWriter.text(.map(FieldMap(unique: [FieldMap.Entry(parameter.name, parameter.value)])))
            return String(text.dropLast()).split(separator: "\n").joined(separator: " ")
        }
        let width = texts.map(\.count).max() ?? 0
        return zip(texts, parameters).map { text, parameter in
            "  \(text)\(String(repeating: " ", count: width - text.count))  from \(parameter.from)"
        }
    }
}
