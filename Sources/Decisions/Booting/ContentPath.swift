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
        let text = String(text)
        var (bytes, dots, isBad) = (0, 0, false)
        var previous: UInt8 = 0
        for byte in text.utf8 {
            // C2 80 to C2 9F are the control characters beyond ASCII.
            let isControl = byte < 0x20 || byte == 0x7f || previous == 0xc2 && (0x80...0x9f).contains(byte)
            guard !isControl, byte != UInt8(ascii: "\\") else { throw .badCharacter }
            previous = byte
            if byte == Self.slash {
                isBad = isBad || bytes == 0 || bytes == dots && dots <= 2
                (bytes, dots) = (0, 0)
            } else {
                bytes += 1
                if byte == UInt8(ascii: ".") { dots += 1 }
            }
        }
        guard !isBad, bytes > 0, bytes != dots || dots > 2 else { throw .badSegment }
        self.text = text
    }

    private static let slash = UInt8(ascii: "/")

    public var segments: [String] { text.utf8.split(separator: Self.slash).map { String(Substring($0)) } }

    /// The content set; the whole name when it has one segment.
    public var set: String { text.utf8.firstIndex(of: Self.slash).map { String(text[..<$0]) } ?? text }

    /// The path within the set; empty when the name has one segment.
    public var path: String {
        guard let slash = text.utf8.firstIndex(of: Self.slash) else { return "" }
        return String(text[text.utf8.index(after: slash)...])
    }
}
