// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// Where a command writes. A value, so that tests can read what an operator would.
public struct Terminal: Sendable {
    /// Each call is written at once: a pipe's reader sees an event when it happens.
    public var out: @Sendable (String) -> Void
    public var error: @Sendable (String) -> Void
    public var hasColors: Bool
    /// How wide a line is that `error` may write over again and again; nil: what is written there stays.
    public var columns: Int?

    public init(
        out: @escaping @Sendable (String) -> Void, error: @escaping @Sendable (String) -> Void, hasColors: Bool = false,
        columns: Int? = nil
    ) {
        self.out = out
        self.error = error
        self.hasColors = hasColors
        self.columns = columns
    }

    /// The process's own. Colours for people only, and not for those who do not want them (no-color.org).
    public static let standard = Terminal(
        out: { write($0, to: STDOUT_FILENO) }, error: { write($0, to: STDERR_FILENO) },
        hasColors: isatty(STDOUT_FILENO) == 1
            && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
            && ProcessInfo.processInfo.environment["TERM"] != "dumb",
        columns: width(of: STDERR_FILENO))

    /// Nil: no terminal, or one that cannot go back in a line.
    private static func width(of descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1, ProcessInfo.processInfo.environment["TERM"] != "dumb" else { return nil }
        var size = winsize()
        let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return isKnown ? Int(size.ws_col) : 80
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            // The reader has gone ("| head"): there is nobody to say anything to.
            guard written > 0 else { exit(1) }
            bytes = bytes.dropFirst(written)
        }
    }

    public func line(_ text: String) { out(text + "\n") }
    public func lines(_ texts: [String]) {
        for text in texts { line(text) }
    }
    public func errorLine(_ text: String) { error(text + "\n") }
    public func errorLines(_ texts: [String]) {
        for text in texts { errorLine(text) }
    }

    enum Color: Int { case red = 31, green = 32, yellow = 33, bold = 1 }

    func colored(_ text: String, _ color: Color?) -> String {
        guard hasColors, let color else { return text }
        return "\u{1b}[\(color.rawValue)m\(text)\u{1b}[0m"
    }
}
