// SPDX-License-Identifier: Apache-2.0

import Model

/// The way to something in a content set: "SET/PATH", segments joined by single slashes. It is looked up in a
/// directory that the operator named, and can lead nowhere else.
public struct ContentPath: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    public var description: String { text }

    public enum Refusal: Error, Hashable, Sendable {
        case empty
        case tooLong
        /// An empty, "." or ".." segment.
        case badSegment
        /// A backslash, a NUL or another control character.
        case badCharacter
        /// A name outside every content set.
        case noSet
        /// "b/..." without a MAC address as 52-54-00-12-34-56.
        case notAMachine

        public var sentence: String {
            switch self {
            case .empty: "the name is empty"
            case .tooLong: "the name is longer than \(Limits.contentNameBytesMax) bytes"
            case .badSegment: "a name must not have empty, \".\" or \"..\" segments"
            case .badCharacter: "a name must not have backslashes or control characters"
            case .noSet: "a content name is SET/PATH"
            case .notAMachine: "a machine's directory is b/ and its MAC address, like b/52-54-00-12-34-56"
            }
        }
    }

    public init(_ text: some StringProtocol) throws(Refusal) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= Limits.contentNameBytesMax else { throw .tooLong }
        for scalar in text.unicodeScalars {
            guard scalar != "\\", scalar.value >= 0x20, !(0x7f...0x9f).contains(scalar.value) else {
                throw .badCharacter
            }
        }
        for segment in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            let isDots = segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8)
            guard !segment.isEmpty, !isDots else { throw .badSegment }
        }
        self.text = String(text)
    }

    public var segments: [String] { text.split(separator: "/").map(String.init) }

    /// The content set; the whole name when it has one segment.
    public var set: String { segments[0] }

    /// The path within the set; empty when the name has one segment.
    public var path: String { segments.dropFirst().joined(separator: "/") }
}
