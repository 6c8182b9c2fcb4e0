// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model
import Yams

/// YAML text as a `FieldValue` whose nodes know their line and column.
public enum YAMLSource {
    /// `file` is what messages call it. An empty document is an empty map.
    public static func parse(_ text: String, file: String) throws(FileErrors) -> FieldValue {
        let root: Node?
        do {
            // With the basic resolver every scalar stays text: what is a number is decided here.
            root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw FileErrors([YAMLErrorText.line(for: error, in: text, file: file)])
        } catch {
            throw FileErrors(["\(file): \(error)"])
        }
        guard let root else { return .map(FieldMap()) }
        // Every written value takes a byte at least; what is beyond comes from aliases.
        var converter = NodeConverter(valuesMax: text.utf8.count + Limits.documentAliasedValuesMax)
        let value = converter.value(root, depth: 1)
        if !converter.errors.isEmpty { throw FileErrors(converter.errors.map { $0.description(file: file) }) }
        return value.isNull ? FieldValue(.map(FieldMap()), at: value.position) : value
    }

    /// Reads a file; "-" is the standard input.
    public static func load(path: String) throws(FileErrors) -> FieldValue {
        try parse(TextFile.read(path: path), file: TextFile.name(path))
    }
}

/// Makes field values of nodes, with a limit on what aliases can unfold to.
private struct NodeConverter {
    let valuesMax: Int
    var errors: [FieldError] = []
    private var count = 0

    init(valuesMax: Int) { self.valuesMax = valuesMax }

    mutating func value(_ node: Node, depth: Int) -> FieldValue {
        count += 1
        let position = node.mark.map { SourcePosition(line: $0.line, column: $0.column) }
        guard depth <= Limits.documentDepthMax else {
            return refuse("is nested more than \(Limits.documentDepthMax) deep", at: position)
        }
        guard count <= valuesMax else { return refuse("the aliases unfold to too many values", at: position) }
        switch node {
        case .scalar(let scalar): return self.scalar(scalar, at: position)
        case .sequence(let sequence):
            var values: [FieldValue] = []
            values.reserveCapacity(sequence.count)
            for element in sequence where errors.isEmpty { values.append(value(element, depth: depth + 1)) }
            return FieldValue(.list(values), at: position)
        case .mapping(let mapping): return map(mapping, depth: depth, at: position)
        case .alias: return refuse("an alias cannot stand here", at: position)
        }
    }

    private mutating func map(_ mapping: Node.Mapping, depth: Int, at position: SourcePosition?) -> FieldValue {
        var entries: [FieldMap.Entry] = []
        entries.reserveCapacity(mapping.count)
        for (key, node) in mapping where errors.isEmpty {
            let place = key.mark.map { SourcePosition(line: $0.line, column: $0.column) } ?? position
            guard case .scalar(let scalar) = key else { return refuse("a key must be a text", at: place) }
            if scalar.string == "<<", scalar.style == .plain {
                return refuse("merge keys (<<) are not supported", at: place)
            }
            entries.append(FieldMap.Entry(scalar.string, value(node, depth: depth + 1), at: place))
        }
        // Yams refuses keys that are there twice.
        return FieldValue(.map(FieldMap(unique: entries)), at: position)
    }

    private mutating func scalar(_ scalar: Node.Scalar, at position: SourcePosition?) -> FieldValue {
        if scalar.style != .plain { return FieldValue(.string(scalar.string), at: position) }
        switch scalar.tag.description {
        case "": return FieldValue(plain: scalar.string, at: position)
        case "!", "tag:yaml.org,2002:str": return FieldValue(.string(scalar.string), at: position)
        case let tag: return refuse("tags such as \(tag) are not supported", at: position)
        }
    }

    /// The first error ends the conversion: an alias bomb has no second one worth reading.
    private mutating func refuse(_ message: String, at position: SourcePosition?) -> FieldValue {
        if errors.isEmpty { errors.append(FieldError(field: "", message: message, position: position)) }
        return .null
    }
}
