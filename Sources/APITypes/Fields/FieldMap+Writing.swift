// SPDX-License-Identifier: Apache-2.0

/// How the canonical form is written: what has its default is left out.
extension FieldMap {
    mutating func write(_ key: String, _ value: FieldValue?) {
        if let value { self[key] = value }
    }

    mutating func write(_ key: String, _ value: (some CustomStringConvertible)?) {
        if let value { self[key] = .string(value.description) }
    }

    mutating func write<T: RawRepresentable & Equatable>(_ key: String, _ value: T, unless normal: T)
    where T.RawValue == String {
        if value != normal { self[key] = .string(value.rawValue) }
    }

    mutating func write(_ key: String, _ value: Bool, unless normal: Bool) {
        if value != normal { self[key] = .boolean(value) }
    }

    /// A list of texts; left out where it is empty.
    mutating func write(_ key: String, list: [some CustomStringConvertible]) {
        if !list.isEmpty { self[key] = .list(list.map { .string($0.description) }) }
    }

    /// Left out where it is empty.
    mutating func write(_ key: String, map: FieldMap) {
        if !map.isEmpty { self[key] = .map(map) }
    }

    /// A text; left out where it is empty.
    mutating func write(_ key: String, text: String) {
        if !text.isEmpty { self[key] = .string(text) }
    }
}
