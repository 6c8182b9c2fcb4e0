// SPDX-License-Identifier: Apache-2.0

/// A file cannot be read or is not valid: lines to show to the operator, each "file:line:column: field: message".
public struct FileErrors: Error, Hashable, Sendable, CustomStringConvertible {
    public var lines: [String]
    public init(_ lines: [String]) { self.lines = lines }
    public var description: String { lines.joined(separator: "\n") }
}
