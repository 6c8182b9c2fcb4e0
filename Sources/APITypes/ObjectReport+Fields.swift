// SPDX-License-Identifier: Apache-2.0

/// The same JSON as `Codable` makes, for lists of any length: see `JSONText`.
extension ObjectReport {
    public var value: FieldValue {
        var map = FieldMap(unique: [.init("kind", .string(kind)), .init("name", .string(name))])
        if let revision { map["revision"] = .integer(Int(revision)) }
        map["fields"] = fields
        return .map(map)
    }

    /// Nil when it is not what `value` makes.
    public init?(_ value: FieldValue) {
        guard let map = value.asMap, let kind = map["kind"]?.asString, let name = map["name"]?.asString,
            let fields = map["fields"]
        else { return nil }
        let revision: Int64? = if case .integer(let number) = map["revision"]?.content { Int64(number) } else { nil }
        self.init(kind: kind, name: name, revision: revision, fields: fields)
    }
}
