// SPDX-License-Identifier: Apache-2.0

/// Rows in columns that are as wide as they need to be.
struct Table: Sendable {
    var header: [String]
    var rows: [[String]] = []

    init(_ header: [String]) { self.header = header }

    func text(_ terminal: Terminal) -> String {
        let lines = [header] + rows
        let widths = header.indices.map { column in lines.map { Self.width($0[column]) }.max() ?? 0 }
        let texts = lines.map { line in
            let cells = zip(line, widths).map { cell, width in
                Self.oneLine(cell) + String(repeating: " ", count: width - Self.width(cell))
            }
            let text = cells.joined(separator: "  ")
            return String(
                text.prefix(upTo: text.lastIndex { $0 != " " }.map { text.index(after: $0) } ?? text.startIndex))
        }
        return ([terminal.colored(texts[0], .bold)] + texts.dropFirst()).map { $0 + "\n" }.joined()
    }

    private static func width(_ cell: String) -> Int { oneLine(cell).count }

    /// Names and texts come from operators and machines: no control character may reach the terminal.
    private static func oneLine(_ cell: String) -> String { printable(cell.isEmpty ? "-" : cell) }
}

/// Without what would move the cursor or change the terminal's mind.
func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
}
