// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Collects everything that is wrong with one document, so that an operator sees all of it at once.
public final class FieldErrorLog {
    private var errors: [FieldError] = []
    private var uncounted = 0

    public init() {}

    public var isEmpty: Bool { errors.isEmpty }

    public func add(_ error: FieldError) {
        if errors.count < Limits.fieldErrorsMax { errors.append(error) } else { uncounted += 1 }
    }

    /// Throws what was collected, in the order of the file where positions are known.
    public func check() throws(FieldErrors) {
        guard !errors.isEmpty else { return }
        var sorted = errors
        if errors.allSatisfy({ $0.position != nil }) {
            sorted = errors.enumerated().sorted { a, b in
                guard let left = a.element.position, let right = b.element.position else { return false }
                return (left, a.offset) < (right, b.offset)
            }.map(\.element)
        }
        if uncounted > 0 { sorted.append(FieldError(field: "", message: "and \(uncounted) more errors")) }
        throw FieldErrors(sorted)
    }
}

/// One value of a document, read as what its field takes. A value that does not fit is entered in the log, with the
/// field's path, and reads as nil; whoever reads goes on with the next field.
public struct FieldReader {
    public let value: FieldValue
    /// "networks.rack1.subnets[0]"
    public let path: String
    let log: FieldErrorLog

    public init(_ value: FieldValue, at path: String, log: FieldErrorLog) {
        self.value = value
        self.path = path
        self.log = log
    }

    public func fail(_ message: String, hint: String? = nil) {
        log.add(FieldError(field: path, message: message, hint: hint, position: value.position))
    }

    /// "expected a list, found the number 5"
    public func failExpected(_ what: String, hint: String? = nil) {
        fail("expected \(what), found \(value.spoken)", hint: hint)
    }

    // MARK: Scalars

    /// Any text. An integer stands for its digits: `release: 12`.
    public func text() -> String? {
        switch value.content {
        case .string(let text): return text
        case .integer(let number): return String(number)
        case .boolean, .number:
            failExpected("text", hint: "put it in quotes")
            return nil
        case .null, .list, .map:
            failExpected("text")
            return nil
        }
    }

    /// Text of 1 to `bytesMax` bytes.
    public func text(bytesMax: Int) -> String? {
        guard let text = text() else { return nil }
        if text.isEmpty { fail("is empty"); return nil }
        guard text.utf8.count <= bytesMax else {
            fail("is \(text.utf8.count) bytes long; at most \(bytesMax) are allowed")
            return nil
        }
        return text
    }

    public func boolean() -> Bool? {
        switch value.content {
        case .boolean(let value): return value
        case .string("yes"), .string("on"), .string("no"), .string("off"):
            failExpected("true or false", hint: "YAML 1.2 has no yes, no, on and off")
        default: failExpected("true or false")
        }
        return nil
    }

    public func integer(in range: ClosedRange<Int>) -> Int? {
        let number: Int? =
            switch value.content {
            case .integer(let number): number
            case .string(let text): Int(text)
            default: nil
            }
        guard let number else { failExpected("a whole number"); return nil }
        guard range.contains(number) else {
            failExpected("\(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// One of the words of an enumeration.
    public func choice<T>(_: T.Type = T.self) -> T?
    where T: RawRepresentable & CaseIterable, T.RawValue == String {
        let words = T.allCases.map(\.rawValue)
        guard case .string(let text) = value.content else { failExpected(spokenList(words)); return nil }
        if let value = T(rawValue: text) { return value }
        failExpected(spokenList(words), hint: didYouMean(text, words))
        return nil
    }

    /// Text that some type reads from text; `what` names it, with an example where that helps.
    public func parsed<T>(_ what: String, hint: String? = nil, _ parse: (String) -> T?) -> T? {
        switch value.content {
        case .string(let text):
            if let result = parse(text) { return result }
        case .integer(let number):
            // A MAC address of twelve decimal digits is an integer to YAML.
            if let result = parse(String(number)) { return result }
        default: break
        }
        failExpected(what, hint: hint)
        return nil
    }

    // MARK: Lists and maps

    /// The elements of a list. A text stands for a list too, commas between the elements: `set` has no other way to
    /// write one, and nobody wants to write brackets around one address.
    public func elements() -> [FieldReader]? {
        let values: [FieldValue]
        switch value.content {
        case .list(let list): values = list
        case .string(let text): values = Self.commaSeparated(text).map { FieldValue(.string($0), at: value.position) }
        case .integer: values = [value]
        default:
            failExpected("a list")
            return nil
        }
        return values.enumerated().map { FieldReader($1, at: "\(path)[\($0)]", log: log) }
    }

    /// A list of which every element is read by `parse`; elements that do not fit are left out.
    public func list<T>(_ parse: (FieldReader) -> T?) -> [T]? { elements()?.compactMap(parse) }

    static func commaSeparated(_ text: String) -> [String] {
        text.split(separator: ",").map { String(trimmed($0)) }.filter { !$0.isEmpty }
    }

    /// The entries of a map whose keys are the operator's.
    public func entries() -> [(key: String, reader: FieldReader)]? {
        if value.isNull { return [] }
        guard let map = value.asMap else { failExpected("a map"); return nil }
        return map.entries.map { entry in (entry.key, child(entry)) }
    }

    /// The fields of a map whose keys are ours: any other key is an error. `advice` has hints for words that are
    /// known to be tried, as other systems have them.
    public func fields(_ known: [String], advice: [String: String] = [:]) -> Fields? {
        if value.isNull { return Fields(reader: self, map: FieldMap()) }
        guard let map = value.asMap else {
            failExpected("a map", hint: "with the keys \(spokenList(known, last: "and"))")
            return nil
        }
        for entry in map.entries where !known.contains(entry.key) {
            let hint =
                advice[entry.key] ?? didYouMean(entry.key, known)
                ?? "known here: \(known.joined(separator: ", "))"
            failAtKey(entry, "unknown key", hint: hint)
        }
        return Fields(reader: self, map: map)
    }

    func child(_ entry: FieldMap.Entry) -> FieldReader {
        let path = path.isEmpty ? entry.key : "\(path).\(entry.key)"
        return FieldReader(entry.value, at: path, log: log)
    }

    func failAtKey(_ entry: FieldMap.Entry, _ message: String, hint: String?) {
        let path = child(entry).path
        log.add(FieldError(field: path, message: message, hint: hint, position: entry.position ?? value.position))
    }

    /// A map whose keys are known.
    public struct Fields {
        let reader: FieldReader
        let map: FieldMap

        /// The field's reader; nil where it is absent or has no value, which is the same.
        public subscript(key: String) -> FieldReader? {
            guard let value = map[key], !value.isNull else { return nil }
            return reader.child(FieldMap.Entry(key, value))
        }

        /// Reads a field into `target`, which keeps its default where the field is absent or wrong.
        public func read<T>(_ key: String, into target: inout T, _ parse: (FieldReader) -> T?) {
            if let field = self[key], let value = parse(field) { target = value }
        }

        public func read<T>(_ key: String, into target: inout T?, _ parse: (FieldReader) -> T?) {
            if let field = self[key], let value = parse(field) { target = value }
        }

        /// Reads a field that must be there.
        public func required<T>(_ key: String, _ parse: (FieldReader) -> T?) -> T? {
            if let field = self[key] { return parse(field) }
            let path = reader.path.isEmpty ? key : "\(reader.path).\(key)"
            reader.log.add(FieldError(field: path, message: "is missing", position: reader.value.position))
            return nil
        }
    }
}

/// Text without the blanks around it.
func trimmed(_ text: some StringProtocol) -> String {
    let blanks: [Character] = [" ", "\t", "\n", "\r", "\r\n"]
    var rest = Substring(text)
    while let first = rest.first, blanks.contains(first) { rest.removeFirst() }
    while let last = rest.last, blanks.contains(last) { rest.removeLast() }
    return String(rest)
}
