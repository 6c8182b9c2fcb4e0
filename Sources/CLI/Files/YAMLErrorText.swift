// SPDX-License-Identifier: Apache-2.0

import Yams

/// What Yams found wrong, as one line of the kind "site.yaml:12:5: what".
enum YAMLErrorText {
    static func line(for error: YamlError, in text: String, file: String) -> String {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let about = context.map { ", \($0.text) that begins in line \($0.mark.line)" } ?? ""
            return "\(file):\(mark.line):\(mark.column): not YAML: \(problem)\(about)\(hint(text, mark.line))"
        case .reader(let problem, let offset, _, _):
            let line = offset.map { text.utf8.prefix($0).count { $0 == 0x0a } + 1 } ?? 1
            return "\(file):\(line): not YAML: \(problem)"
        case .duplicatedKeysInMapping(let keys, let context):
            return duplicate(keys.first ?? "", first: context.mark, in: text, file: file)
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return "\(file): cannot be read as YAML: \(error)"
        }
    }

    /// Tabs are what most often looks right and is not.
    private static func hint(_ text: String, _ line: Int) -> String {
        let lines = text.split(separator: "\n", maxSplits: line, omittingEmptySubsequences: false)
        guard line >= 1, line <= lines.count else { return "" }
        let indentation = lines[line - 1].prefix { $0 == " " || $0 == "\t" }
        return indentation.contains("\t") ? " (the line is indented with a tab; YAML takes blanks only)" : ""
    }

    /// Yams says where the key is first; where it is again has to be looked for.
    private static func duplicate(_ key: String, first: Mark, in text: String, file: String) -> String {
        guard let second = second(key, after: first, in: text) else {
            return "\(file):\(first.line):\(first.column): the key '\(key)' is there twice"
        }
        return "\(file):\(second.line):\(second.column): the key '\(key)' is there twice: "
            + "here and in line \(first.line)"
    }

    /// The next place where the key stands in the same block: in the same column, before a line with less
    /// indentation. Else - in a flow map - the next place behind the first.
    private static func second(_ key: String, after first: Mark, in text: String) -> (line: Int, column: Int)? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard first.line >= 1, first.line <= lines.count else { return nil }
        for index in first.line..<max(first.line, lines.count) {
            let indentation = lines[index].prefix { $0 == " " }.count
            let content = lines[index].dropFirst(indentation)
            if content.isEmpty || content.first == "#" { continue }
            // An element's dash counts as indentation to the map that begins behind it.
            if indentation < first.column - 1 { break }
            if indentation == first.column - 1, isKey(key, content) { return (index + 1, first.column) }
        }
        let rest = lines[first.line - 1].dropFirst(first.column - 1 + key.count)
        var place = rest.startIndex
        while place < rest.endIndex {
            if isKey(key, rest[place...]), isBeforeKey(rest[..<place].last) {
                return (
                    first.line, lines[first.line - 1].distance(from: lines[first.line - 1].startIndex, to: place) + 1
                )
            }
            place = rest.index(after: place)
        }
        return nil
    }

    private static func isKey(_ key: String, _ text: Substring) -> Bool {
        for form in [key, "\"\(key)\"", "'\(key)'"] where text.hasPrefix(form) {
            if text.dropFirst(form.count).drop(while: { $0 == " " }).first == ":" { return true }
        }
        return false
    }

    private static func isBeforeKey(_ letter: Character?) -> Bool { letter == " " || letter == "," || letter == "{" }
}
