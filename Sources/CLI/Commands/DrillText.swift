// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Model

/// What a drill has shown, for people.
struct DrillText {
    let report: DrillReport
    let terminal: Terminal

    /// What the operator is asked.
    static func question(_ order: DrillOrderReport) -> String {
        switch order.kind {
        case .handover:
            "\(order.node) will hand \(order.network) over to \(order.successor ?? "another node"), and get it back. "
                + "Go on?"
        case .kill: "\(order.node), up to bat for \(order.network), will be KILLED. Go on?"
        case .silence:
            "\(order.node), up to bat for \(order.network), will STAND STILL for "
                + "\((order.milliseconds ?? Limits.drillSilenceMillisecondsDefault) / 1_000) s. Go on?"
        }
    }

    var lines: [String] {
        let before = report.before
        var rows = [
            (
                "Before",
                "\(Self.number(before.leasesPerSecond)) leases a second; "
                    + "OFFER \(Self.spread(before.offer)), ACK \(Self.spread(before.ack)); "
                    + "longest time without an ACK \(Self.number(before.longestGap)) ms"
            )
        ]
        rows += report.gaps.map { ("Gap", Self.text($0)) }
        rows.append(("Slowest", report.slowest.map { "a client waited \(Self.number($0)) ms for its lease" } ?? "-"))
        rows.append(("Sent again", Self.count(report.sentAgain, "time", "times") + " a client had to repeat itself"))
        rows.append(("No address", Self.count(report.neverAnswered, "client", "clients")))
        rows.append(
            ("Twice", report.duplicates.isEmpty ? "no address" : report.duplicates.prefix(8).joined(separator: "; ")))
        if report.refused > 0 { rows.append(("Refused", Self.count(report.refused, "NAK", "NAKs"))) }
        rows.append(("Given back", "\(report.released) of \(report.leases) leases"))
        if report.stall >= 20 { rows.append(("This machine", "was late by \(Self.number(report.stall)) ms once")) }
        let head =
            "\(report.kind.rawValue.capitalized) drill of network \(report.network), seen from \(report.interface) by "
            + "\(report.clients) clients"
        return [printable(head)]
            + rows.flatMap { name, text in
                wrapped(
                    printable(text), first: name.padding(toLength: 14, withPad: " ", startingAt: 0),
                    rest: String(repeating: " ", count: 14))
            } + verdict
    }

    private var verdict: [String] {
        let promise = "\(report.promiseMilliseconds) ms"
        switch report.outcome {
        case .kept:
            let gap = report.gapMilliseconds.map(Self.number) ?? "-"
            return [terminal.colored("KEPT: \(gap) ms without an ACK; promised: \(promise) at most.", .green)]
        case .broken: return sentences("BROKEN", .red)
        case .unclear: return sentences("UNCLEAR", .yellow)
        }
    }

    private func sentences(_ word: String, _ color: Terminal.Color) -> [String] {
        let text = report.reasons.joined(separator: "; ") + "."
        return wrapped(printable("\(word): \(text)"), first: "", rest: "  ").map { terminal.colored($0, color) }
    }

    private static func text(_ gap: DrillReport.Gap) -> String {
        guard let milliseconds = gap.milliseconds else { return "\(gap.fault): nobody got an address any more" }
        let servers = gap.lastFrom.flatMap { last in
            gap.firstFrom.map { "; the leases came from \(last), then from \($0)" }
        }
        return "\(gap.fault): \(number(milliseconds)) ms without an ACK\(servers ?? "")"
    }

    private static func spread(_ spread: DrillReport.Spread?) -> String {
        spread.map { "p50 \(number($0.p50)) ms, p99 \(number($0.p99)) ms" } ?? "never"
    }

    private static func number(_ value: Double) -> String { String(format: value < 100 ? "%.1f" : "%.0f", value) }

    private static func count(_ count: Int, _ one: String, _ many: String) -> String {
        "\(count) \(count == 1 ? one : many)"
    }
}
