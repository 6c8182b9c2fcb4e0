// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import ArgumentParser
import Foundation
import NIOCore

public struct WatchCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Show what happens, as it happens.",
        discussion: """
            One line an event, until you press ctrl-C. A lost connection is made again, and goes on where it was.

              ondeck watch
              ondeck watch --mac 52:54:00:12:34:56
              ondeck watch --since 0 -o json | jq -r .text
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Option(help: "Only what concerns a MAC address: 52:54:00:12:34:56.")
    var mac: MACArgument?

    @Option(help: "Begin after this event; 0 shows all that the server still knows.")
    var since: UInt64?

    @Option(name: [.short, .long], help: "Lines for people, or the API's own.")
    var output: Format = .text

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        var last = since
        var hasWorked = false
        var pauseSeconds = 1
        while !Task.isCancelled {
            do {
                try await client.stream(["api", "v1", "events"], query: query(last)) { line in
                    hasWorked = true
                    pauseSeconds = 1
                    guard line.readableBytes > 0 else { return }
                    last = try show(line, terminal).sequence
                }
                terminal.errorLine("the server ended the stream; connecting again")
            } catch let error as CommandError where hasWorked {
                terminal.errorLine("\(error); connecting again in \(pauseSeconds) s")
            }
            try await Task.sleep(for: .seconds(pauseSeconds))
            pauseSeconds = min(pauseSeconds * 2, 15)
        }
    }

    private func query(_ since: UInt64?) -> [(String, String?)] {
        [("since", since.map(String.init)), ("mac", mac?.mac.description), ("follow", "true")]
    }

    private func show(_ line: ByteBuffer, _ terminal: Terminal) throws -> EventReport {
        let event: EventReport
        do {
            event = try JSONDecoder().decode(EventReport.self, from: Data(line.readableBytesView))
        } catch {
            throw CommandError("the server sent something that is not an event")
        }
        switch output {
        case .json: terminal.line(String(buffer: line))
        case .text: terminal.line(Self.text(event, terminal))
        }
        return event
    }

    /// "2026-01-01T00:00:00.000Z  web1 (52:54:00:12:34:56)  DISCOVER -> OFFER 10.64.0.20"
    static func text(_ event: EventReport, _ terminal: Terminal) -> String {
        let who =
            switch (event.machine, event.mac ?? event.address) {
            case (let machine?, let client?): "\(machine) (\(client))"
            case (let name?, nil), (nil, let name?): name
            case (nil, nil): event.network ?? "-"
            }
        let color: Terminal.Color? = event.level == "error" ? .red : event.level == "warning" ? .yellow : nil
        let space = String(repeating: " ", count: max(0, 17 - who.count))
        return terminal.colored(printable("\(event.time)  \(who)\(space)  \(event.text)"), color)
    }
}
