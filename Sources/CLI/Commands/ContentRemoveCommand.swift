// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct ContentRemoveCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Forget an image, and end an import of it.",
        discussion: """
            Its files go from the nodes some time later, if no other image has them. Where the image is to be kept \
            stays said, for when it comes again: ondeck delete image NAME forgets that.

              ondeck content remove debian-11
            """)

    @Argument(help: "The image.")
    var name: String

    @Flag(help: "Even if a boot environment takes its files from it.")
    var force = false

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        if !force { try await refuseUsed(client) }
        let image = try await client.send(.delete, ["api", "v1", "content", name]).decode(ImageReport.self)
        terminal.line(printable("\(image.name) is removed: \(ContentText.size(image))"))
    }

    private func refuseUsed(_ client: APIClient) async throws {
        let environments = try await client.send(.get, ["api", "v1", "environments"]).objects()
        let users = environments.filter { $0.revision != nil && Self.names(in: $0.fields).contains(name) }.map(\.name)
        guard !users.isEmpty else { return }
        throw CommandError(
            "environments take files from \(name): \(ClusterText.names(users.sorted()))",
            hint: "With --force it is removed; their machines then boot only where ondeck.yaml has a directory for it.")
    }

    /// The sets that an environment's kernels and initrds are from.
    private static func names(in fields: FieldValue) -> Set<String> {
        var names: Set<String> = []
        func take(_ value: FieldValue?) {
            if let list = value?.asList { return list.forEach(take) }
            guard let text = value?.asString, !text.contains("://") else { return }
            if let set = text.split(separator: "/").first { names.insert(String(set)) }
        }
        for entry in fields.asMap?["kernel"]?.asMap?.entries ?? [] {
            take(entry.value.asMap?["kernel"])
            take(entry.value.asMap?["initrds"])
        }
        return names
    }
}
