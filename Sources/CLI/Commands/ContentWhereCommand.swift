// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ContentWhereCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "where",
        abstract: "Show which node holds which image, and what is on its way.",
        discussion: """
            A line an image, a column a node; of one image, a line a node:

              yes        it is there, all of it, verified
              42 %       it is on its way
              waits      it will be fetched: others go first, or the location's hours have not come
              some       files that machines asked for
              old        what the name stood for before; the new one is still to come
              MISSING    it is to be there and is not
              FAILED     it could not be fetched; the reason stands below
              ?          the node has not said
              -          it is not to be there

            With many nodes the columns are locations: 3/4 is three nodes of the four that are to hold it.

              ondeck content where
              ondeck content where debian-12
              watch -n1 ondeck content where
            """)

    @Argument(help: "Only this image, and more of it.")
    var name: String?

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let answer = try await client.send(.get, ["api", "v1", "content-where"])
        var report = try answer.decode(ContentWhereReport.self)
        if let name {
            report.images.removeAll { $0.name != name }
            guard !report.images.isEmpty else {
                throw CommandError("there is no image \(name)", hint: "ondeck content list shows them.")
            }
        }
        try terminal.show(report, as: show.output) { report in
            let text = ContentWhereText(report: report, terminal: terminal)
            return name == nil ? text.matrix : text.nodes
        }
    }
}
