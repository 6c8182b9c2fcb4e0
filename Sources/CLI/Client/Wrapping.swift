// SPDX-License-Identifier: Apache-2.0

/// A text in lines that every terminal has room for, broken between words.
func wrapped(_ text: String, first: String, rest: String, columns: Int = 88) -> [String] {
    var lines: [String] = []
    var line = first
    var isEmpty = true
    for word in text.split(separator: " ") {
        if !isEmpty, line.count + 1 + word.count > columns {
            lines.append(line)
            (line, isEmpty) = (rest, true)
        }
        line += isEmpty ? String(word) : " " + word
        isEmpty = false
    }
    return lines + [line]
}

extension Terminal {
    /// A table whose rows have colours. The text of a row is the same with and without.
    func text(_ table: Table, color: (_ row: Int) -> Color?) -> String {
        let lines = table.text(self).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(
            String.init)
        let rows = lines.dropFirst().enumerated().map { row, line in colored(line, color(row)) }
        return (lines.prefix(1) + rows).map { $0 + "\n" }.joined()
    }
}
