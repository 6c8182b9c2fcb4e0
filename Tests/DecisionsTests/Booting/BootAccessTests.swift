// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct BootAccessTests {
    private func refusal(
        _ purpose: BootAccess.Purpose, _ token: BootTokenVerdict, address: Bool = false, anybodys: Bool = false,
        burntBefore: Int64 = 0
    ) -> BootAccess.Refusal? {
        BootAccess(
            token: token, isFromMachinesAddress: address, isAnybodys: anybodys, burntBefore: burntBefore
        ).refusal(purpose)
    }

    @Test(arguments: [BootAccess.Purpose.script, .answer, .report])
    func tokenOrAddress(purpose: BootAccess.Purpose) {
        #expect(refusal(purpose, .valid(minute: 7)) == nil)
        #expect(refusal(purpose, .none, address: true) == nil)
        #expect(refusal(purpose, .wrong, address: true) == nil)
        #expect(refusal(purpose, .none) == .noToken)
        #expect(refusal(purpose, .expired) == .expired)
        #expect(refusal(purpose, .wrong) == .wrongToken)
    }

    @Test func aBurntTokenIsWorthNothing() {
        #expect(refusal(.answer, .valid(minute: 7), burntBefore: 8) == .burnt)
        #expect(refusal(.script, .valid(minute: 7), burntBefore: 8) == .burnt)
        #expect(refusal(.answer, .valid(minute: 8), burntBefore: 8) == nil)
        #expect(refusal(.answer, .valid(minute: 7), address: true, burntBefore: 8) == nil)
    }

    @Test func whatIsAnybodysIsOnlyTheScript() {
        #expect(refusal(.script, .none, anybodys: true) == nil)
        #expect(refusal(.script, .wrong, anybodys: true) == nil)
        #expect(refusal(.answer, .none, anybodys: true) == .noToken)
        #expect(refusal(.report, .none, anybodys: true) == .noToken)
    }
}

@Suite struct ServedAnswersTests {
    private let web = IPv4Address(10, 77, 0, 20)
    private let other = IPv4Address(10, 77, 0, 21)
    private let start = Instant(seconds: 600 * 60)

    /// The record once it was given; fails the test when it is not.
    private func given(
        _ served: ServedAnswers, _ name: String, minute: Int64?, at now: Instant,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> ServedAnswers {
        guard case .first(let next) = served.asked(for: name, minute: minute, from: web, at: now) else {
            Issue.record("it should have been the first time", sourceLocation: sourceLocation)
            return served
        }
        return next
    }

    private func verdict(
        _ served: ServedAnswers, minute: Int64?, from address: IPv4Address, after seconds: Int64
    ) -> String {
        switch served.asked(for: "a", minute: minute, from: address, at: start.adding(seconds: seconds)) {
        case .first: "first"
        case .again: "again"
        case .gone(let entry): "gone to \(entry.address)"
        case .burnt: "burnt"
        }
    }

    @Test func onceForEachToken() {
        let served = given(ServedAnswers(), "a", minute: 600, at: start)
        #expect(verdict(served, minute: 600, from: web, after: 0) == "again")
        #expect(verdict(served, minute: 600, from: web, after: 600) == "again")
        #expect(verdict(served, minute: 600, from: web, after: 601) == "gone to 10.77.0.20")
        #expect(verdict(served, minute: 600, from: other, after: 1) == "gone to 10.77.0.20")
        // A new boot, or another file.
        #expect(verdict(served, minute: 601, from: web, after: 1) == "first")
        _ = given(served, "b", minute: 600, at: start)
    }

    @Test func byAddressOnceForEachBoot() throws {
        let served = given(ServedAnswers(), "a", minute: nil, at: start)
        #expect(verdict(served, minute: nil, from: web, after: 601) == "gone to 10.77.0.20")
        let next = try #require(served.onNewBoot)
        #expect(verdict(next, minute: nil, from: web, after: 601) == "first")
        #expect(next.onNewBoot == nil)
    }

    @Test func doneBurnsWhatWasMadeBefore() throws {
        let served = given(ServedAnswers(), "a", minute: 600, at: start)
        let burnt = try #require(served.burnt(at: start.adding(seconds: 120)))
        #expect(burnt.burntBefore == 602)
        #expect(burnt.entries.isEmpty)
        #expect(verdict(burnt, minute: 600, from: web, after: 130) == "burnt")
        #expect(verdict(burnt, minute: 602, from: web, after: 130) == "first")
        #expect(burnt.burnt(at: start.adding(seconds: 150)) == nil)
        // One of the very minute stays remembered, for its token still holds.
        let same = try #require(
            given(ServedAnswers(), "a", minute: 602, at: start).burnt(at: start.adding(seconds: 120)))
        #expect(verdict(same, minute: 602, from: other, after: 121) == "gone to 10.77.0.20")
    }

    /// The record stays small, and what is forgotten cannot be had again.
    @Test func theRecordIsBounded() {
        var served = ServedAnswers()
        for minute in 600..<900 {
            served = given(served, "a", minute: Int64(minute), at: Instant(seconds: Int64(minute) * 60))
        }
        #expect(served.entries.count == Limits.answersServedKept)
        #expect(verdict(served, minute: 700, from: web, after: 300 * 60) == "burnt")
        // A day later the old ones are gone by themselves.
        let later = Int64(900 + 2 * 24 * 60)
        served = given(served, "a", minute: later, at: Instant(seconds: later * 60))
        #expect(served.entries.map(\.minute) == [later])
    }
}

@Suite struct CentralContentTests {
    private let central = CentralContent([
        {
            var policy = ImagePolicy(name: "debian")
            policy.placement = .central(url: "http://origin.example/debian")
            return policy
        }(), ImagePolicy(name: "other"),
    ])

    @Test func names() {
        #expect(central.place("debian/install/linux") == "http://origin.example/debian/install/linux")
        #expect(central.place("debian-12/linux") == "debian-12/linux")
        #expect(central.place("other/linux") == "other/linux")
        #expect(central.place("http://x/debian/linux") == "http://x/debian/linux")
    }

    @Test func texts() {
        let bases = ["http://10.0.0.1", "${base}"]
        #expect(
            central.place(in: "a=http://10.0.0.1/debian/x b=${base}/debian c=${base}/debian-12/x", bases: bases)
                == "a=http://origin.example/debian/x b=http://origin.example/debian c=${base}/debian-12/x")
        #expect(central.place(in: "http://10.0.0.2/debian/x", bases: bases) == "http://10.0.0.2/debian/x")
    }
}
