// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Model

/// "network" or "networks", and so on.
struct KindArgument: ExpressibleByArgument, Sendable {
    var kind: ObjectKind

    init?(argument: String) {
        guard let kind = ObjectKind.allCases.first(where: { [$0.rawValue, $0.plural].contains(argument.lowercased()) })
        else { return nil }
        self.kind = kind
    }

    var defaultValueDescription: String { kind.rawValue }
    /// For help: "location, network, ... or parameters."
    static let list = allValueStrings.dropLast().joined(separator: ", ") + " or \(ObjectKind.parameters.rawValue)."
    static var allValueStrings: [String] { ObjectKind.allCases.map(\.rawValue) }

    /// The API's path of one object. A reservation's name, NETWORK/ADDRESS, is two segments.
    func path(_ name: String) throws -> [String] {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == (kind == .reservation ? 2 : 1), parts.allSatisfy({ !$0.isEmpty }) else {
            throw ValidationError(
                kind == .reservation
                    ? "a reservation's name is NETWORK/ADDRESS, such as rack1/10.64.0.20"
                    : "\"\(name)\" is not the name of a \(kind.rawValue)")
        }
        return ["api", "v1", kind.plural] + parts
    }
}
