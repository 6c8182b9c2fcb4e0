// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct SetCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set fields of an object; make it if there is none.",
        discussion: """
            Fields are named as in a site file, with dots and indices. An empty value takes the field away. Either all \
            of it is done or nothing, and nothing if somebody else changed the object meanwhile.

              ondeck set machine web1 macs=52:54:00:12:34:56 intent='install debian-12'
              ondeck set network rack1 lease=30m options.routers=10.64.0.254
              ondeck set network rack1 'subnets[0].pools[]=10.64.0.200-10.64.0.250'
              ondeck set parameters global timezone=Europe/Berlin
            """)

    @Argument(help: ArgumentHelp(KindArgument.list))
    var kind: KindArgument

    @Argument(help: "The object's name; a reservation's is NETWORK/ADDRESS.")
    var name: String

    @Argument(help: ArgumentHelp("Fields and what they become.", valueName: "field=value"))
    var settings: [String]

    @OptionGroup var connection: ConnectionOptions

    public init() {}

    public func validate() throws {
        if settings.isEmpty { throw ValidationError("say what to set: FIELD=VALUE") }
        if let wrong = settings.first(where: { !$0.contains("=") || $0.hasPrefix("=") }) {
            throw ValidationError("\"\(wrong)\" is not FIELD=VALUE")
        }
    }

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let path = try kind.path(name)
        let current = try await object(client, path)
        var fields = current?.fields ?? .null
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            do {
                fields = try fields.setting(path: parts[0], to: parts[1])
            } catch {
                throw CommandError("\(error)")
            }
        }
        // What OnDeck brings along has no revision: setting it makes the site's own copy.
        let precondition = current?.revision.map(APIClient.Precondition.revision) ?? .isNew
        let report = try await client.send(.put, path, body: fields, if: precondition).decode(ChangeReport.self)
        ChangeText(terminal: terminal).show(report)
    }

    private func object(_ client: APIClient, _ path: [String]) async throws -> ObjectReport? {
        do {
            return try await client.send(.get, path).objects().first
        } catch let problem as Problem where problem.status == 404 {
            return nil
        }
    }
}
