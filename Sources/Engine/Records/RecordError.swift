// SPDX-License-Identifier: Apache-2.0

/// Why a stored line cannot be read. The text completes "... cannot be read: ".
public enum RecordError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Written by a later OnDeck, or not by OnDeck at all.
    case unknownVersion(String)
    /// The line ends before this field.
    case missing(field: String)
    /// The field is there and says nothing that it could mean.
    case invalid(field: String, text: String)
    /// More fields than the version has.
    case surplus(text: String)

    public var description: String {
        switch self {
        case .unknownVersion(let text): "it has the format \"\(text)\", which this OnDeck does not know"
        case .missing(let field): "it ends before its \(field)"
        case .invalid(let field, let text): "\"\(text)\" is no \(field)"
        case .surplus(let text): "\"\(text)\" follows its last field"
        }
    }
}
