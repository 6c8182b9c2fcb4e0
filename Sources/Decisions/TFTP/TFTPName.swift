// SPDX-License-Identifier: Apache-2.0

import Model

/// The name of something readable by TFTP: segments joined by "/", none of them empty, "." or "..".
/// It is looked up in a table of names; it is never a path.
public struct TFTPName: Hashable, Sendable, CustomStringConvertible {
    public let text: String
    public var description: String { text }

    public enum Refusal: Error, Hashable, Sendable {
        case empty
        case tooLong
        /// A ".." segment.
        case parentDirectory
        /// Control characters, or not UTF-8.
        case unprintable

        /// For the client's screen and the log.
        public var sentence: String {
            switch self {
            case .empty: "the request names no file"
            case .tooLong: "the file name is too long"
            case .parentDirectory: "a file name must not contain \"..\""
            case .unprintable: "the file name is not printable text"
            }
        }
    }

    /// Makes a name of what clients send: "/boot//x", "boot\x" (Windows loaders), "tftp://10.0.0.1/boot/x" (loaders
    /// that take option 67 for a path), "boot/x\u{FF}" (ROMs that read DHCP option 67 past its end).
    public init(cleaning sent: [UInt8]) throws(Refusal) {
        guard sent.count <= Limits.tftpNameBytesMax else { throw .tooLong }
        var bytes = sent[...]
        while bytes.last == 0xff { bytes.removeLast() }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .unprintable }
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else { throw .unprintable }
        let segments = Self.withoutHost(text).split { $0 == "/" || $0 == "\\" }.filter { $0 != "." }
        guard !segments.contains("..") else { throw .parentDirectory }
        guard !segments.isEmpty else { throw .empty }
        self.text = segments.joined(separator: "/")
    }

    private static func withoutHost(_ text: String) -> Substring {
        let scheme = "tftp://"
        guard text.prefix(scheme.count).lowercased() == scheme else { return text[...] }
        return text.dropFirst(scheme.count).drop { $0 != "/" }
    }
}
