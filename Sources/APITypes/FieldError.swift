// SPDX-License-Identifier: Apache-2.0

import Model

/// What is wrong with one field: its path, what is wrong, and what to do about it.
public struct FieldError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// "networks.rack1.subnets[0].pools[1]"; empty for the document as a whole.
    public var field: String
    public var message: String
    public var hint: String?
    /// Where the field stands in its file; not part of JSON.
    public var position: SourcePosition?

    private enum CodingKeys: String, CodingKey {
        case field, message, hint
    }

    public init(field: String, message: String, hint: String? = nil, position: SourcePosition? = nil) {
        self.field = field
        self.message = message
        self.hint = hint
        self.position = position
    }

    public init(_ problem: SiteProblem) {
        self.init(field: problem.field, message: problem.message, hint: problem.hint)
    }

    /// "networks.rack1.lease: ... (hint)"
    public var description: String {
        let text = field.isEmpty ? message : "\(field): \(message)"
        return hint.map { "\(text) (\($0))" } ?? text
    }

    /// "site.yaml:12:5: networks.rack1.lease: ... (hint)"; without a position, "site.yaml: ...".
    public func description(file: String) -> String {
        position.map { "\(file):\($0.line):\($0.column): \(self)" } ?? "\(file): \(self)"
    }
}

/// Everything that is wrong with a document, in the document's order.
public struct FieldErrors: Error, Hashable, Sendable, CustomStringConvertible {
    public var errors: [FieldError]
    public init(_ errors: [FieldError]) { self.errors = errors }
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
