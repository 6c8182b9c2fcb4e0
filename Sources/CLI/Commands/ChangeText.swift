// SPDX-License-Identifier: Apache-2.0

import APITypes

/// A change report in words: "created network rack1", "changed machine web1: intent: local -> install debian-12".
struct ChangeText {
    let terminal: Terminal

    /// The report of a change to one object, and its warnings.
    func show(_ report: ChangeReport) {
        terminal.lines(lines(report))
        terminal.errorLines(Self.warnings(report))
    }

    static func warnings(_ report: ChangeReport) -> [String] { report.warnings.map { printable("warning: \($0)") } }

    /// `file`: where the objects came from, for those it does not name.
    func lines(_ report: ChangeReport, file: String? = nil) -> [String] {
        var lines = report.changes.flatMap { change($0, isDryRun: report.dryRun) }
        if report.changes.isEmpty { lines.append("nothing to change") }
        if report.unchanged > 0 { lines.append("unchanged \(report.unchanged)") }
        if let file, !report.unnamed.isEmpty {
            let names = report.unnamed.prefix(10).map { "\($0.kind) \($0.name)" }.joined(separator: ", ")
            let more = report.unnamed.count > 10 ? " and \(report.unnamed.count - 10) more" : ""
            lines.append(printable("not in \(file), left alone: \(names)\(more)  (--prune deletes them)"))
        }
        return lines
    }

    private func change(_ object: ChangeReport.Object, isDryRun: Bool) -> [String] {
        let (past, future, color): (String, String, Terminal.Color) =
            switch object.action {
            case .created: ("created", "would create", .green)
            case .changed: ("changed", "would change", .yellow)
            case .deleted: ("deleted", "would delete", .red)
            }
        let head = "\(isDryRun ? future : past) \(object.kind) \(object.name)"
        let fields = object.fields.map { "\($0.field): \(Self.value($0.old)) -> \(Self.value($0.new))" }
        let texts = fields.count == 1 ? ["\(head): \(fields[0])"] : [head] + fields.map { "  \($0)" }
        let lines = texts.map(printable)
        return [terminal.colored(lines[0], color)] + lines.dropFirst()
    }

    /// On one line, and not a long one.
    private static func value(_ value: FieldValue?) -> String {
        guard let value else { return "unset" }
        if let text = value.asString {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count
            if lines > 1 { return "(\(lines) lines)" }
            return text.isEmpty ? "\"\"" : text
        }
        let text = compact(value)
        return text.count > 120 ? text.prefix(117) + "..." : text
    }

    private static func compact(_ value: FieldValue) -> String {
        switch value.content {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let text): text
        case .list(let values): "[" + values.map(compact).joined(separator: ", ") + "]"
        case .map(let map): "{" + map.entries.map { "\($0.key): \(compact($0.value))" }.joined(separator: ", ") + "}"
        }
    }
}
