// SPDX-License-Identifier: Apache-2.0

import Model
import Testing

@testable import CLI

struct ProgressTests {
    @Test func `on a terminal one line is written over and leaves nothing`() {
        let screen = Screen()
        var terminal = screen.terminal()
        terminal.columns = 12
        let line = ProgressLine(terminal)
        line.show("0123456789abcdef", phase: "x")
        line.show("\u{1b}[2Jshort", phase: "x")
        line.clear()
        line.clear()
        #expect(screen.error == "\r0123456789a\u{1b}[K\r [2Jshort\u{1b}[K\r\u{1b}[K")
        #expect(screen.out == "")
    }

    @Test func `in a log a line comes now and then, and with each phase`() {
        let screen = Screen()
        let line = ProgressLine(screen.terminal())
        for text in ["10 %", "20 %", "30 %"] { line.show(text, phase: "sending") }
        line.show("unpacking", phase: "unpacking")
        line.clear()
        #expect(screen.error == "10 %\nunpacking\n")
    }

    static let amounts: [(Int64, String)] = [
        (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_536, "1.5 KiB"), (10_239, "10 KiB"), (10_240, "10 KiB"),
        (1_048_575, "1.0 MiB"), (631 << 20, "631 MiB"), (1 << 30, "1.0 GiB"), (5 << 50, "5.0 PiB"), (.max, "8192 PiB"),
    ]

    @Test(arguments: amounts)
    func `bytes for people`(bytes: Int64, text: String) { #expect(ByteText.text(bytes) == text) }

    @Test func `how far it is`() {
        #expect(ByteText.progress(5, of: nil, rate: nil) == "5 B")
        #expect(ByteText.progress(50, of: 100, rate: nil) == "50 B of 100 B, 50 %")
        #expect(ByteText.progress(50, of: 100, rate: 10) == "50 B of 100 B, 50 %, 10 B/s, 6 s left")
        #expect(ByteText.progress(100, of: 100, rate: 10) == "100 B of 100 B, 100 %, 10 B/s")
        #expect(ByteText.percent(.max - 1, of: .max) <= 100)
        #expect(ByteText.percent(999, of: 1_000) == 99)
        #expect(
            [119, 120, 7_199, 7_200, 12_000].map(ByteText.span) == [
                "119 s", "2 min", "119 min", "2 h 0 min", "3 h 20 min",
            ])
    }

    @Test func `a break is waited out from its first sign`() {
        let start = ContinuousClock.now
        var patience = Patience()
        let seconds = [0, Limits.contentRetrySeconds - 1, Limits.contentRetrySeconds]
        let lasted = seconds.map { patience.lasts(at: start + .seconds($0)) }
        #expect(lasted == [true, true, false])
        patience.restore()
        let lastsAgain = patience.lasts(at: start + .seconds(10_000))
        #expect(lastsAgain)
    }

    @Test func `a rate is that of the last seconds`() {
        let start = ContinuousClock.now
        var meter = RateMeter()
        #expect(meter.rate(0, at: start) == nil)
        #expect(meter.rate(1_000, at: start + .seconds(1)) == 1_000)
        // A long stall is forgotten.
        #expect(meter.rate(1_000, at: start + .seconds(100)) == nil)
        #expect(meter.rate(5_000, at: start + .seconds(102)) == 2_000)
    }
}
