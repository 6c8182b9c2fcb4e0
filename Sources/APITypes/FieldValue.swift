// SPDX-License-Identifier: Apache-2.0

/// Where a value stands in its file; both count from 1.
public struct SourcePosition: Hashable, Comparable, Sendable {
    public var line: Int
    public var column: Int
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
    public static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// A value of a site file, a configuration file or an API body: what YAML and JSON have in common. It knows where it
/// stood, where that is known; positions do not count in comparisons.
public struct FieldValue: Sendable {
    public enum Content: Hashable, Sendable {
        case null
        case boolean(Bool)
        case integer(Int)
        /// A number that is not an integer; only JSON bodies have them, no field takes one.
        case number(Double)
        case string(String)
        case list([FieldValue])
        case map(FieldMap)
    }

    public var content: Content
    public var position: SourcePosition?

    public init(_ content: Content, at position: SourcePosition? = nil) {
        self.content = content
        self.position = position
    }

    public static let null = FieldValue(.null)
    public static func boolean(_ value: Bool) -> FieldValue { FieldValue(.boolean(value)) }
    public static func integer(_ value: Int) -> FieldValue { FieldValue(.integer(value)) }
    public static func string(_ value: String) -> FieldValue { FieldValue(.string(value)) }
    public static func list(_ values: [FieldValue]) -> FieldValue { FieldValue(.list(values)) }
    public static func map(_ map: FieldMap) -> FieldValue { FieldValue(.map(map)) }

    public var asString: String? { if case .string(let text) = content { text } else { nil } }
    public var asList: [FieldValue]? { if case .list(let values) = content { values } else { nil } }
    public var asMap: FieldMap? { if case .map(let map) = content { map } else { nil } }
    public var isNull: Bool { content == .null }

    /// "the number 42", "the text \"abc\"", "a list": for messages about a wrong type.
    public var spoken: String {
        switch content {
        case .null: "nothing"
        case .boolean(let value): "\(value)"
        case .integer(let value): "the number \(value)"
        case .number(let value): "the number \(value)"
        case .string(let text): "\(quoted(text))"
        case .list: "a list"
        case .map: "a map"
        }
    }
}

extension FieldValue: Hashable {
    public static func == (a: Self, b: Self) -> Bool { a.content == b.content }
    public func hash(into hasher: inout Hasher) { hasher.combine(content) }
}

/// On one line, for people: "[10.0.0.1, 10.0.0.2]", "{ subnet: 10.0.0.0/24 }". Texts have quotes only where they
/// would be unclear without.
extension FieldValue: CustomStringConvertible {
    public var description: String {
        switch content {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let text): Self.isClear(text) ? text : quoted(text)
        case .list(let values): "[\(values.map(\.description).joined(separator: ", "))]"
        case .map(let map) where map.isEmpty: "{}"
        case .map(let map): "{ \(map.entries.map { "\($0.key): \($0.value)" }.joined(separator: ", ")) }"
        }
    }

    private static func isClear(_ text: String) -> Bool {
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && !"\"',[]{}".utf8.contains($0) || $0 == 0x20 }
        return isPlain && FieldValue(plain: text).content == .string(text) && text.first != " " && text.last != " "
    }
}

extension FieldValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self.init(.string(value)) }
    public init(integerLiteral value: Int) { self.init(.integer(value)) }
    public init(booleanLiteral value: Bool) { self.init(.boolean(value)) }
    public init(arrayLiteral elements: FieldValue...) { self.init(.list(elements)) }
    public init(dictionaryLiteral elements: (String, FieldValue)...) {
        var map = FieldMap()
        for (key, value) in elements { map[key] = value }
        self.init(.map(map))
    }
}

/// Keys and values in the order in which they were written. Keys are unique; the order does not count in comparisons.
public struct FieldMap: Sendable {
    public struct Entry: Sendable {
        public var key: String
        public var value: FieldValue
        /// Where the key stands.
        public var position: SourcePosition?
        public init(_ key: String, _ value: FieldValue, at position: SourcePosition? = nil) {
            self.key = key
            self.value = value
            self.position = position
        }
    }

    public private(set) var entries: [Entry]

    public init() { entries = [] }

    /// The keys must be unique.
    public init(unique entries: [Entry]) { self.entries = entries }

    public var isEmpty: Bool { entries.isEmpty }
    public var keys: [String] { entries.map(\.key) }

    /// Looks through all entries: for the maps of single objects, not for a whole section.
    public subscript(key: String) -> FieldValue? {
        get { entries.first { $0.key == key }?.value }
        set {
            let index = entries.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (let index?, nil): entries.remove(at: index)
            case (nil, let value?): entries.append(Entry(key, value))
            case (nil, nil): break
            }
        }
    }
}

extension FieldMap: Hashable {
    private var dictionary: [String: FieldValue] {
        Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
    }
    public static func == (a: Self, b: Self) -> Bool {
        guard a.entries.count == b.entries.count else { return false }
        let sameOrder = zip(a.entries, b.entries).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        return sameOrder || a.dictionary == b.dictionary
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(dictionary) }
}

/// Text in double quotes for a message, cut where it is long, control characters made visible.
func quoted(_ text: some StringProtocol) -> String {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(60) {
        shown +=
            scalar.value < 0x20 || scalar.value == 0x7f ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return text.unicodeScalars.count > 60 ? "\"\(shown)...\"" : "\"\(shown)\""
}
