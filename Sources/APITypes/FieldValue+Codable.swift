// SPDX-License-Identifier: Apache-2.0

extension FieldValue: Codable {
    private struct MapKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: MapKey.self) {
            let entries = try container.allKeys.sorted { $0.stringValue < $1.stringValue }.map { key in
                FieldMap.Entry(key.stringValue, try container.decode(FieldValue.self, forKey: key))
            }
            self.init(.map(FieldMap(unique: entries)))
        } else if var container = try? decoder.unkeyedContainer() {
            var values: [FieldValue] = []
            while !container.isAtEnd { values.append(try container.decode(FieldValue.self)) }
            self.init(.list(values))
        } else {
            self.init(try Self.scalar(from: decoder.singleValueContainer()))
        }
    }

    private static func scalar(from container: any SingleValueDecodingContainer) throws -> Content {
        if let text = try? container.decode(String.self) { return .string(text) }
        if container.decodeNil() { return .null }
        if let value = try? container.decode(Bool.self) { return .boolean(value) }
        if let value = try? container.decode(Int.self) { return .integer(value) }
        return .number(try container.decode(Double.self))
    }

    public func encode(to encoder: any Encoder) throws {
        switch content {
        case .map(let map):
            var container = encoder.container(keyedBy: MapKey.self)
            for entry in map.entries { try container.encode(entry.value, forKey: MapKey(stringValue: entry.key)) }
        case .list(let values):
            var container = encoder.unkeyedContainer()
            for value in values { try container.encode(value) }
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .boolean(let value): try encode(value, to: encoder)
        case .integer(let value): try encode(value, to: encoder)
        case .number(let value): try encode(value, to: encoder)
        case .string(let value): try encode(value, to: encoder)
        }
    }

    private func encode(_ value: some Encodable, to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}
