// SPDX-License-Identifier: Apache-2.0

import Model

/// How far something is, said beside a command's output: on a terminal in one line that is written over, in a log in a
/// line now and then.
final class ProgressLine {
    private let terminal: Terminal
    private var isShown = false
    private var last: (text: String, at: ContinuousClock.Instant)?

    init(_ terminal: Terminal) { self.terminal = terminal }

    /// In a log `phase`, when it is another one, is said at once.
    private var phase = ""

    func show(_ text: String, phase: String) {
        let text = printable(text)
        if let columns = terminal.columns {
            // The last column stays free: some terminals go on to the next line when it is filled.
            terminal.error("\r" + text.prefix(columns - 1) + "\u{1b}[K")
            isShown = true
            return
        }
        let now = ContinuousClock.now
        if let last, self.phase == phase {
            guard last.text != text, now - last.at >= .seconds(Limits.contentLogSeconds) else { return }
        }
        self.phase = phase
        last = (text, now)
        terminal.errorLine(text)
    }

    /// What stays.
    func say(_ text: String) {
        clear()
        terminal.errorLine(printable(text))
    }

    /// The line goes away, and whatever is written next has it for itself.
    func clear() {
        guard isShown else { return }
        terminal.error("\r\u{1b}[K")
        isShown = false
    }
}

/// Bytes a second over the last few seconds.
struct RateMeter {
    private var marks: [(at: ContinuousClock.Instant, bytes: Int64)] = []

    /// Nil until there is something to tell.
    mutating func rate(_ bytes: Int64, at now: ContinuousClock.Instant = .now) -> Int64? {
        marks.append((now, bytes))
        marks.removeAll { now - $0.at > .seconds(5) }
        guard let first = marks.first, now - first.at >= .milliseconds(200) else { return nil }
        return Int64(Double(bytes - first.bytes) / ((now - first.at) / .seconds(1)))
    }
}

/// Numbers of bytes, and what is said with them, for people.
enum ByteText {
    /// "12 B", "1.5 MiB", "631 MiB"
    static func text(_ bytes: Int64) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
        guard bytes >= 1024 else { return "\(bytes) B" }
        var amount = Double(bytes) / 1024
        var unit = 0
        // 1023.95 would be rounded to "1024.0".
        while amount >= 1023.5, unit < units.count - 1 {
            amount /= 1024
            unit += 1
        }
        let tenths = Int((amount * 10).rounded())
        return tenths >= 100
            ? "\(Int(amount.rounded())) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// Rounded down: it is 100 only when it is done.
    static func percent(_ done: Int64, of total: Int64) -> Int {
        total > 0 ? Int(Double(max(0, min(done, total))) / Double(total) * 100) : 100
    }

    /// "412 MiB of 631 MiB, 65 %, 88 MiB/s, 2 s left"
    static func progress(_ done: Int64, of total: Int64?, rate: Int64?) -> String {
        var parts = [text(done)]
        if let total {
            parts = ["\(text(done)) of \(text(total))", "\(percent(done, of: total)) %"]
        }
        guard let rate, rate > 0 else { return parts.joined(separator: ", ") }
        parts.append("\(text(rate))/s")
        if let total, total > done { parts.append("\(span((total - done) / rate + 1)) left") }
        return parts.joined(separator: ", ")
    }

    /// "45 s", "12 min", "3 h 20 min"
    static func span(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        default: "\(seconds / 3_600) h \(seconds % 3_600 / 60) min"
        }
    }

    /// "1 file", "3 files"
    static func files(_ count: Int) -> String { count == 1 ? "1 file" : "\(count) files" }
}

/// How long a break is waited out, from its first sign: what went before it, however slowly, went well.
struct Patience {
    private var brokenSince: ContinuousClock.Instant?

    mutating func restore() { brokenSince = nil }

    /// Whether to try again.
    mutating func lasts(at now: ContinuousClock.Instant = .now) -> Bool {
        guard let brokenSince else {
            brokenSince = now
            return true
        }
        return now - brokenSince < .seconds(Limits.contentRetrySeconds)
    }
}
