// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import Testing

@Suite struct BootTokensTests {
    private let tokens = BootTokens(secret: Array(repeating: 7, count: 32))
    private let mac = MACAddress("52:54:00:12:34:56")!
    private let start = Instant(seconds: 1_763_800_020)

    private func verdict(
        _ token: String, use: BootTokens.Use = .boot, mac: MACAddress? = nil, intent: String = "install os",
        after seconds: Int64 = 0, tokens: BootTokens? = nil
    ) -> BootTokenVerdict {
        (tokens ?? self.tokens).verdict(
            on: token, use: use, mac: mac ?? self.mac, intent: intent, now: start.adding(seconds: seconds))
    }

    private var token: String { tokens.mint(.boot, mac: mac, intent: "install os", now: start) }

    @Test func itsPathIsReadAgain() throws {
        #expect(token.utf8.count == Limits.bootTokenCharacters)
        #expect(try BootPath("b/\(mac.hyphenated).\(token)") == .script(BootVisitor(mac: mac, token: token)))
    }

    /// Nodes whose answers must be alike make the same one, within the minute.
    @Test func everyNodeMakesTheSame() {
        let other = BootTokens(secret: Array(repeating: 7, count: 32))
        let minute = start.seconds / 60 * 60
        for second in [0, 1, 59] {
            let now = Instant(seconds: minute + Int64(second))
            #expect(other.mint(.boot, mac: mac, intent: "install os", now: now) == token)
        }
        #expect(other.mint(.boot, mac: mac, intent: "install os", now: start.adding(seconds: 60)) != token)
    }

    @Test func itHoldsForItsTime() {
        let minute = ServedAnswers.minute(start)
        let life = Limits.bootTokenMinutes * 60
        #expect(verdict(token) == .valid(minute: minute))
        #expect(verdict(token, after: life) == .valid(minute: minute))
        #expect(verdict(token, after: life + 60) == .expired)
        // The node that checks may be behind the one that made it.
        #expect(verdict(token, after: -60) == .valid(minute: minute))
        #expect(verdict(token, after: -3 * 60) == .wrong)
        // The minute's bits come round again; the hash does not.
        #expect(verdict(token, after: 4_096 * 60) == .wrong)
    }

    @Test func itIsForOneMachineIntentUseAndCluster() {
        #expect(verdict(token, mac: MACAddress("52:54:00:12:34:57")!) == .wrong)
        #expect(verdict(token, intent: "install other") == .wrong)
        #expect(verdict(token, use: .stage) == .wrong)
        #expect(verdict(token, tokens: BootTokens(secret: Array(repeating: 8, count: 32))) == .wrong)
        #expect(tokens.verdict(on: nil, use: .boot, mac: mac, intent: "install os", now: start) == .none)
    }

    @Test func eachCharacterCounts() {
        for place in 0..<Limits.bootTokenCharacters {
            var bytes = Array(token.utf8)
            bytes[place] = bytes[place] == UInt8(ascii: "a") ? UInt8(ascii: "b") : UInt8(ascii: "a")
            #expect(verdict(String(decoding: bytes, as: UTF8.self)) == .wrong)
        }
        for text in ["", "a", token + "a", "000000000000000", "ä".padding(13)] { #expect(verdict(text) == .wrong) }
    }
}

extension String {
    fileprivate func padding(_ count: Int) -> String { self + String(repeating: "a", count: count) }
}
