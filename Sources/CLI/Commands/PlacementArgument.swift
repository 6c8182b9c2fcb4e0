// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Model

/// A placement as one word: "everywhere", "copies=2", "locations=berlin,bonn", "central=http://mirror.example".
struct PlacementArgument: ExpressibleByArgument, Sendable {
    var placement: Placement
    /// As the API takes it.
    var field: FieldValue

    static let forms = "everywhere, on-demand, stream, copies=N, locations=A,B, nodes=A,B or central=URL"

    init?(argument: String) {
        let halves = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let field: FieldValue
        switch (halves[0], halves.count) {
        case (let word, 1): field = .string(word)
        case ("copies", _): field = ["copies": Int(halves[1]).map(FieldValue.integer) ?? .string(halves[1])]
        case ("locations", _), ("nodes", _):
            let names = halves[1].split(separator: ",").map { FieldValue.string(String($0)) }
            guard !names.isEmpty else { return nil }
            field = .map(FieldMap(unique: [FieldMap.Entry(halves[0], .list(names))]))
        case ("central", _): field = ["central": .string(halves[1])]
        default: return nil
        }
        let log = FieldErrorLog()
        guard let placement = FieldReader(field, at: "placement", log: log).placement(),
            (try? log.check()) != nil
        else { return nil }
        self.placement = placement
        self.field = field
    }

    static var allValueStrings: [String] {
        ["everywhere", "on-demand", "stream", "copies=", "locations=", "nodes=", "central="]
    }
}

extension Unpacking: ExpressibleByArgument {}
