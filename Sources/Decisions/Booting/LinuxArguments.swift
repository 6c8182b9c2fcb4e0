// SPDX-License-Identifier: Apache-2.0

import Model

/// Kernel arguments as a line of an iPXE script can carry them.
///
/// iPXE splits a line at white space and knows no quotes: words pass to the kernel as they are, quotes included, and
/// `;` inside a word (`ds=nocloud;s=...`) means nothing. A word that is `;`, `||` or `&&`, or that begins with `#`,
/// would end the command; a line end would too. `${name}` is replaced by iPXE, which is useful (`ip=${net0/ip}`) and
/// therefore left alone.
public struct LinuxArguments: Hashable, Sendable {
    /// One space between words.
    public let text: String

    public enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        case controlCharacter
        /// The kernel would cut them off without a word.
        case tooLong(bytes: Int)

        public var description: String {
            switch self {
            case .controlCharacter: "kernel arguments must not have control characters"
            case .tooLong(let bytes):
                "kernel arguments of \(bytes) bytes: Linux cuts off what is beyond \(Limits.kernelArgumentsBytesMax)"
            }
        }
    }

    /// Takes any text; white space of any kind and amount is as good as one space, so that templates can have lines.
    /// `bases`: what iPXE may put in the place of `TemplateContext.scriptBase`; the longest counts for the length.
    public init(_ rendered: String, bases: [String] = []) throws(Refusal) {
        let words = rendered.split { $0.isWhitespace }
        for word in words where word.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
            throw .controlCharacter
        }
        text = words.joined(separator: " ")
        let more = (bases.map(\.utf8.count).max() ?? 0) - TemplateContext.scriptBase.utf8.count
        let uses = text.split(separator: TemplateContext.scriptBase, omittingEmptySubsequences: false).count - 1
        let bytes = text.utf8.count + max(0, more) * uses
        guard bytes <= Limits.kernelArgumentsBytesMax else { throw .tooLong(bytes: bytes) }
    }

    /// The words as iPXE takes them.
    var scriptText: String { IPXEText.escaped(text) }

    var namesInitrd: Bool { text.split(separator: " ").contains { $0.hasPrefix("initrd=") } }
}

/// Text in an iPXE script.
enum IPXEText {
    /// One line whose words reach the command unchanged. An unset setting is replaced by nothing, and iPXE looks for
    /// `#`, `;`, `||` and `&&` before it replaces settings: `${}` in front takes their meaning away.
    static func escaped(_ text: String) -> String {
        text.split { $0.isWhitespace }
            .map { $0.hasPrefix("#") || $0 == ";" || $0 == "||" || $0 == "&&" ? "${}\($0)" : String($0) }
            .joined(separator: " ")
    }

    /// For people's eyes on a console: no settings are replaced, and nothing but printable ASCII comes through.
    static func shown(_ text: String) -> String {
        let printable = String(
            String.UnicodeScalarView(text.unicodeScalars.map { (0x20..<0x7f).contains($0.value) ? $0 : " " }))
        return escaped(printable.split(separator: "${", omittingEmptySubsequences: false).joined(separator: "$ {"))
    }
}
