// SPDX-License-Identifier: Apache-2.0

import Model

/// How boot files are named in environments: "<set>/<path>" within the content sets, or an http URL. The names end up
/// in iPXE scripts, where blanks and dollar signs would mean something else.
public enum ContentName {
    public static let rule = "write SET/PATH, such as debian-12/linux, or an http URL"

    /// Why `text` is neither a content name nor an URL; nil where it is one.
    public static func problem(_ text: String) -> String? {
        if text.isEmpty { return "is empty" }
        if text.utf8.count > Limits.contentNameBytesMax {
            return "is longer than \(Limits.contentNameBytesMax) bytes"
        }
        if let letter = text.unicodeScalars.first(where: { !isAllowed($0) }) {
            return "has the character \(spoken(letter)), which cannot be in a boot file's name"
        }
        for scheme in ["http://", "https://"] where text.hasPrefix(scheme) {
            let host = text.dropFirst(scheme.count).prefix { $0 != "/" }
            return host.isEmpty ? "is an URL without a host" : nil
        }
        if text.contains("://") { return "is an URL of a kind that cannot be booted from" }
        return pathProblem(text)
    }

    private static func pathProblem(_ text: String) -> String? {
        if text.hasPrefix("/") { return "begins with a slash: boot files are named within their content set" }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count < 2 { return "names no content set" }
        if let index = parts.firstIndex(where: { $0.isEmpty || $0 == "." || $0 == ".." }) {
            return parts[index].isEmpty ? "has an empty part" : "has the part \"\(parts[index])\""
        }
        if text.contains(where: { "?#%&".contains($0) }) { return "has characters that only an URL can have" }
        return nil
    }

    /// Printable ASCII without what a script, a template or a shell would read as more than a letter.
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value > 0x20 && scalar.value < 0x7f && !"\"'$\\`{}<>|;".unicodeScalars.contains(scalar)
    }

    private static func spoken(_ scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0x20: "\" \""
        case 0x21...0x7e: "'\(scalar)'"
        default: "U+\(String(scalar.value, radix: 16, uppercase: true))"
        }
    }
}
