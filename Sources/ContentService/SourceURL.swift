// SPDX-License-Identifier: Apache-2.0

/// The parts of an address that matter to an import.
enum SourceURL {
    /// The last part of its path, decoded; nil: there is none.
    static func fileName(_ url: String) -> String? {
        guard let last = path(url).split(separator: "/", omittingEmptySubsequences: false).last, !last.isEmpty
        else { return nil }
        return decoded(last)
    }

    /// Without its query.
    private static func path(_ url: String) -> Substring {
        let rest = afterScheme(url)
        let end = rest.firstIndex { $0 == "?" || $0 == "#" } ?? rest.endIndex
        guard let slash = rest[..<end].firstIndex(of: "/") else { return "" }
        return rest[slash..<end]
    }

    private static func afterScheme(_ url: String) -> Substring {
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return url[...] }
        return url[url.index(colon, offsetBy: 3)...]
    }

    /// "https://user:password@host/" loses what is before the "@": operators and the store get to see it.
    static func withoutPassword(_ url: String) -> String {
        let rest = afterScheme(url)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        guard let at = rest[..<end].lastIndex(of: "@") else { return url }
        return String(url[..<rest.startIndex] + rest[rest.index(after: at)...])
    }

    /// "a%20b" -> "a b"; unchanged when that is no text.
    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self) ?? String(text)
    }
}
