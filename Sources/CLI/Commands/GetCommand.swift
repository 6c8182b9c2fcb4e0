// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Model

public struct GetCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Show objects of a kind, or one of them.",
        discussion: """
            As a table; as JSON, the way the API has them; or as YAML, the way a site file has them.

              ondeck get machines
              ondeck get machine web1 -o yaml
              ondeck get reservation rack1/10.64.0.20 -o json
            """)

    @Argument(help: ArgumentHelp(KindArgument.list))
    var kind: KindArgument

    @Argument(help: "The object's name; a reservation's is NETWORK/ADDRESS.")
    var name: String?

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        if let name {
            let answer = try await client.send(.get, try kind.path(name))
            if show.output == .json { return try terminal.show(answer, as: .json) }
            print(try answer.objects(), terminal)
        } else {
            let answer = try await client.send(.get, ["api", "v1", kind.kind.plural])
            if show.output == .json { return try terminal.show(answer, as: .json) }
            print(try answer.objects().sorted { $0.name < $1.name }, terminal)
        }
    }

    private func print(_ objects: [ObjectReport], _ terminal: Terminal) {
        switch show.output {
        case .yaml: terminal.out(YAMLWriter.text(SiteFragment.document(kind.kind, objects)))
        default: terminal.out(ObjectTable.table(kind.kind, objects).text(terminal))
        }
    }
}

/// Some objects as a site file has them: something that can be applied again.
enum SiteFragment {
    static func document(_ kind: ObjectKind, _ objects: [ObjectReport]) -> FieldValue {
        let section: FieldValue =
            switch kind {
            case .parameters: objects.first?.fields ?? .map(FieldMap())
            case .reservation: .list(objects.map(\.fields))
            default: .map(FieldMap(unique: objects.map { FieldMap.Entry($0.name, $0.fields) }))
            }
        return .map(FieldMap(unique: [FieldMap.Entry(kind.plural, section)]))
    }
}
