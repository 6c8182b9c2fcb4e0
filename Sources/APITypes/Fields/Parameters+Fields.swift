// SPDX-License-Identifier: Apache-2.0

import Model

extension FieldReader {
    /// A map of values for templates.
    func parameters() -> Parameters? {
        parameters(depth: 1)
    }

    private func parameters(depth: Int) -> [String: ParameterValue]? {
        guard let map = value.asMap else {
            if value.isNull { return [:] }
            failExpected("a map")
            return nil
        }
        var parameters: [String: ParameterValue] = [:]
        for entry in map.entries {
            guard Self.isParameterName(entry.key) else {
                failAtKey(
                    entry, "\(quoted(entry.key)) is not a parameter's name",
                    hint: "letters, digits, '_' and '-'; templates read a dot as a step into a map")
                continue
            }
            if let value = child(entry).parameter(depth: depth) { parameters[entry.key] = value }
        }
        return parameters
    }

    private func parameter(depth: Int) -> ParameterValue? {
        guard depth <= Limits.parameterDepthMax else {
            fail("is nested more than \(Limits.parameterDepthMax) deep")
            return nil
        }
        switch value.content {
        case .string(let text): return .string(text)
        case .integer(let number): return .integer(number)
        case .boolean(let value): return .boolean(value)
        case .list: return elements().map { .list($0.compactMap { $0.parameter(depth: depth + 1) }) }
        case .map: return parameters(depth: depth + 1).map(ParameterValue.map)
        case .null:
            fail("has no value", hint: "write \"\" for an empty text")
        case .number:
            failExpected("text, a whole number, true or false, a list or a map", hint: "put it in quotes")
        }
        return nil
    }

    private static func isParameterName(_ text: String) -> Bool {
        (1...Limits.nameBytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                ObjectNames.isLetterOrDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            }
    }
}

extension FieldMap {
    /// By name.
    init(_ parameters: Parameters) {
        let sorted = parameters.sorted { $0.key < $1.key }
        self.init(unique: sorted.map { Entry($0.key, FieldValue($0.value)) })
    }
}

extension FieldValue {
    public init(_ value: ParameterValue) {
        switch value {
        case .string(let text): self = .string(text)
        case .integer(let number): self = .integer(number)
        case .boolean(let value): self = .boolean(value)
        case .list(let values): self = .list(values.map { FieldValue($0) })
        case .map(let values): self = .map(FieldMap(values))
        }
    }
}
