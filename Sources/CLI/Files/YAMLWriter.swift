// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses

/// Writes a `FieldValue` as YAML that people like to read and to keep in git: maps in blocks, one reservation a line,
/// short lists on one line, long texts as literal blocks. The same value always gives the same text.
public enum YAMLWriter {
    private static let columnsMax = 110

    public static func text(_ value: FieldValue) -> String {
        var output = ""
        switch value.content {
        case .map(let map) where !map.isEmpty:
            for (index, entry) in map.entries.enumerated() {
                if index > 0, isSection(entry.value) || isSection(map.entries[index - 1].value) { output += "\n" }
                write(entry, indentation: 0, to: &output)
            }
        case .list(let values) where !values.isEmpty: write(list: values, indentation: 0, to: &output)
        default: output += flow(value) + "\n"
        }
        return output
    }

    /// Whether a blank line sets it apart.
    private static func isSection(_ value: FieldValue) -> Bool {
        switch value.content {
        case .map(let map): !map.isEmpty
        case .list(let values): values.contains { $0.asMap != nil }
        default: false
        }
    }

    private static func write(_ entry: FieldMap.Entry, indentation: Int, to output: inout String) {
        let margin = String(repeating: " ", count: indentation)
        let key = YAMLScalar.text(entry.key, inFlow: false)
        switch entry.value.content {
        case .map(let map) where !map.isEmpty:
            output += "\(margin)\(key):\n"
            for entry in map.entries { write(entry, indentation: indentation + 2, to: &output) }
        case .list(let values) where !values.isEmpty:
            if let line = oneLine(values, columns: indentation + key.count + 2) {
                output += "\(margin)\(key): \(line)\n"
            } else {
                output += "\(margin)\(key):\n"
                write(list: values, indentation: indentation + 2, to: &output)
            }
        case .string(let text):
            if let block = YAMLScalar.block(text, indentation: indentation + 2) {
                output += "\(margin)\(key): \(block)"
            } else {
                output += "\(margin)\(key): \(YAMLScalar.text(text, inFlow: false))\n"
            }
        default: output += "\(margin)\(key): \(flow(entry.value))\n"
        }
    }

    private static func write(list values: [FieldValue], indentation: Int, to output: inout String) {
        let margin = String(repeating: " ", count: indentation)
        for value in values {
            switch value.content {
            case .map(let map) where !map.isEmpty && !isPlain(map):
                // The first key stands behind the dash.
                var block = ""
                for entry in map.entries { write(entry, indentation: indentation + 2, to: &block) }
                output += "\(margin)- \(block.dropFirst(indentation + 2))"
            case .list(let inner) where !inner.isEmpty && oneLine(inner, columns: indentation + 2) == nil:
                var block = ""
                write(list: inner, indentation: indentation + 2, to: &block)
                output += "\(margin)- \(block.dropFirst(indentation + 2))"
            case .string(let text):
                let block = YAMLScalar.block(text, indentation: indentation + 2)
                output += "\(margin)- \(block ?? YAMLScalar.text(text, inFlow: false) + "\n")"
            default: output += "\(margin)- \(flow(value))\n"
            }
        }
    }

    /// A list on one line, where it is short and has no maps.
    private static func oneLine(_ values: [FieldValue], columns: Int) -> String? {
        guard values.count <= 64, values.allSatisfy({ isScalar($0) && !isLong($0) }) else { return nil }
        let line = flow(.list(values))
        return columns + line.count <= columnsMax ? line : nil
    }

    /// Whether a map of a list reads well on one line: short scalars only.
    private static func isPlain(_ map: FieldMap) -> Bool {
        guard map.entries.allSatisfy({ isScalar($0.value) && !isLong($0.value) }) else { return false }
        return flow(.map(map)).count <= columnsMax
    }

    private static func isScalar(_ value: FieldValue) -> Bool { value.asMap == nil && value.asList == nil }

    private static func isLong(_ value: FieldValue) -> Bool {
        value.asString.map { $0.utf8.count > columnsMax || $0.utf8.contains(0x0a) } ?? false
    }

    private static func flow(_ value: FieldValue) -> String {
        switch value.content {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .string(let text): YAMLScalar.text(text, inFlow: true)
        case .list(let values): "[\(values.map(flow).joined(separator: ", "))]"
        case .map(let map) where map.isEmpty: "{}"
        case .map(let map): "{ \(map.entries.map(flow).joined(separator: ", ")) }"
        }
    }

    private static func flow(_ entry: FieldMap.Entry) -> String {
        "\(YAMLScalar.text(entry.key, inFlow: true)): \(flow(entry.value))"
    }
}
