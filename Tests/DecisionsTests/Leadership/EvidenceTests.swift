// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

/// One machine, event by event.
@Suite struct EvidenceTests {
    /// A node "me" whose beats are taken, and "peer" (run 7) that holds "n".
    private struct Script {
        var machine: Leadership
        var now: Int64 = 0
        let me = NodeRun(node: "me", incarnation: 1)
        let peer = NodeRun(node: "peer", incarnation: 7)
        var sequence: UInt64 = 0
        var ownSequence: UInt64 = 0

        init() {
            machine = Leadership(Leadership.Settings(run: me, isShared: true), now: Uptime(milliseconds: 0))
            send(
                .term(
                    Term(network: "n", holder: peer, epoch: Epoch(4), cause: .start, since: Instant(milliseconds: 0)),
                    revision: 9))
            beat(peer)
            send(.networks([Leadership.Candidate(network: "n")]))
            covered()
        }

        @discardableResult mutating func send(_ event: Leadership.Event) -> [Leadership.Effect] {
            machine.handle(event, now: Uptime(milliseconds: now))
        }
        /// The store took a beat that was sent now, or at `sentAt`.
        @discardableResult mutating func covered(sentAt: Int64? = nil) -> [Leadership.Effect] {
            ownSequence += 1
            return send(.ownBeatWritten(sequence: ownSequence, sentAt: Uptime(milliseconds: sentAt ?? now)))
        }
        /// The store's feed shows this node's latest beat, or an older one.
        @discardableResult mutating func echoed(_ number: UInt64? = nil) -> [Leadership.Effect] {
            var beat = Beat(run: me)
            (beat.sequence, beat.sentAt) = (number ?? ownSequence, Instant(milliseconds: now))
            return send(.beat(beat))
        }
        @discardableResult mutating func beat(_ run: NodeRun, intent: NodeIntent = .serving) -> [Leadership.Effect] {
            sequence += 1
            var beat = Beat(run: run)
            (beat.sequence, beat.sentAt, beat.intent) = (sequence, Instant(milliseconds: now), intent)
            return send(.beat(beat))
        }
        @discardableResult mutating func heartbeat(_ run: NodeRun, sentAt: Int64? = nil) -> [Leadership.Effect] {
            sequence += 1
            return send(
                .heartbeat(
                    Heartbeat(
                        run: run, sequence: sequence, sentAt: Instant(milliseconds: sentAt ?? now), intent: .serving)))
        }
        /// Ticks and own beats for so long; what was written.
        mutating func pass(_ milliseconds: Int64) -> [Term] {
            var written: [Term] = []
            for _ in 0..<milliseconds / 10 {
                now += 10
                var effects = now % 250 == 0 ? covered() : []
                effects += send(.tick)
                for case .write(let term, _, _) in effects { written.append(term) }
            }
            return written
        }
        var life: Leadership.NodeView.Life? {
            machine.nodes(now: Uptime(milliseconds: now)).first { $0.beat.run.node == "peer" }?.life
        }
    }

    private func terms(_ effects: [Leadership.Effect]) -> [Term] {
        effects.compactMap { if case .write(let term, _, _) = $0 { term } else { nil } }
    }

    @Test func aBeatAtOnceAndThenAtItsIntervalsHeartbeatsBetween() {
        var machine = Leadership(
            Leadership.Settings(run: NodeRun(node: "me", incarnation: 1), isShared: true), now: Uptime(milliseconds: 5))
        #expect(machine.nextTick == Uptime(milliseconds: 5))
        #expect(machine.handle(.tick, now: Uptime(milliseconds: 5)) == [.heartbeat, .beat(intent: .serving)])
        #expect(machine.isCutOff(now: Uptime(milliseconds: 5)))
        let first = Leadership.Event.ownBeatWritten(sequence: 1, sentAt: Uptime(milliseconds: 5))
        _ = machine.handle(first, now: Uptime(milliseconds: 9))
        var beats: [Int64] = []
        var heartbeats = 0
        while let next = machine.nextTick, next.milliseconds < 1_005 {
            for effect in machine.handle(.tick, now: next) {
                if effect == .heartbeat { heartbeats += 1 }
                if case .beat = effect {
                    beats.append(next.milliseconds)
                    let written = Leadership.Event.ownBeatWritten(sequence: UInt64(beats.count + 1), sentAt: next)
                    _ = machine.handle(written, now: next.adding(milliseconds: 3))
                }
            }
        }
        #expect(beats == [255, 505, 755])
        #expect(heartbeats == 19)
        // A clock that goes back stands still, and one at its end traps nobody.
        #expect(machine.handle(.tick, now: Uptime(milliseconds: 0)) == [])
        #expect(!machine.isCutOff(now: Uptime(milliseconds: 755 + 799)))
        #expect(machine.isCutOff(now: Uptime(milliseconds: 755 + 800)))
    }

    @Test func aNodeSeenForTheFirstTimeIsNotSilentBeforeD() {
        var script = Script()
        #expect(script.pass(990) == [])
        #expect(script.life == .alive)
        let taken = script.pass(20)
        #expect(taken.map(\.cause) == [.silent])
        #expect(taken.first?.epoch == Epoch(5))
        #expect(script.life == .silent)
    }

    @Test func theSameBeatAgainIsNoSignOfLife() {
        var script = Script()
        #expect(script.pass(600) == [])
        script.sequence = 0
        script.beat(script.peer)
        #expect(script.pass(390) == [])
        #expect(script.pass(20).map(\.cause) == [.silent])
    }

    @Test func aFollowerOfTheSameNameEndsItsTermsAtOnce() {
        var script = Script()
        script.covered()
        _ = script.pass(200)
        let next = NodeRun(node: "peer", incarnation: 8)
        #expect(terms(script.heartbeat(next)) == [])
        // It goes first; when it does not, the next one goes.
        #expect(script.pass(Limits.takeoverRankMilliseconds - 10) == [])
        #expect(script.pass(20).map(\.cause) == [.processGone])
        // What the old process had still under way changes nothing.
        script.heartbeat(script.peer, sentAt: 0)
        #expect(script.machine.nodes(now: Uptime(milliseconds: script.now)).map(\.beat.run) == [next])
    }

    @Test func aTermOfAnUnknownRunEndsWhenAnotherRunOfThatNameSpeaks() {
        var script = Script()
        let older = NodeRun(node: "peer", incarnation: 3)
        script.send(
            .term(
                Term(network: "n", holder: older, epoch: Epoch(5), cause: .start, since: Instant(milliseconds: 0)),
                revision: 12))
        #expect(script.pass(100) == [])
        script.heartbeat(script.peer)
        #expect(script.pass(200).map(\.epoch) == [Epoch(6)])
    }

    @Test func aRefusalIsTakenBackByALaterSign() {
        var script = Script()
        script.now = 100
        #expect(terms(script.send(.refused(node: "peer"))).map(\.cause) == [.processGone])
        #expect(script.life == .processGone)
        script.heartbeat(script.peer)
        #expect(script.life == .alive)
        script.send(.refused(node: "nobody"))
    }

    @Test func aNodeThatSaidItStoppedIsFollowedAtOnce() {
        var script = Script()
        #expect(terms(script.beat(script.peer, intent: .stopped)).map(\.cause) == [.processGone])
        #expect(script.life == .stopped)
        script.heartbeat(script.peer)
        #expect(script.life == .stopped)
    }

    @Test func oneClaimAtATimeAndAPauseAfterAConflict() {
        var script = Script()
        #expect(terms(script.send(.refused(node: "peer"))).count == 1)
        #expect(script.pass(100) == [])
        script.send(.wrote(network: "n", .conflict))
        #expect(script.pass(Limits.termRetryMilliseconds - 10) == [])
        #expect(script.pass(20).count == 1)
        // Written is not yet served: only its record says that everything before it has been taken in.
        #expect(
            !script.send(.wrote(network: "n", .written(revision: 20))).contains {
                if case .serve = $0 { true } else { false }
            })
        let term = Term(
            network: "n", holder: script.me, epoch: Epoch(5), cause: .processGone, since: Instant(milliseconds: 0))
        #expect(script.send(.term(term, revision: 20)) == [.serve(term, revision: 20)])
        let other = Term(
            network: "n", holder: script.peer, epoch: Epoch(6), cause: .silent, since: Instant(milliseconds: 0))
        #expect(script.send(.term(other, revision: 21)).first == .rest(network: "n", .lost(to: "peer")))
    }

    @Test func whoIsCutOffServesNotEvenWhatItIsGiven() {
        var script = Script()
        script.now = 800
        let term = Term(
            network: "n", holder: script.me, epoch: Epoch(5), cause: .handedOver, since: Instant(milliseconds: 0))
        #expect(script.send(.term(term, revision: 20)) == [])
        #expect(!serves(script.covered()))
        #expect(script.echoed().contains(.serve(term, revision: 20)))
        script.now = 1_600
        #expect(script.send(.tick).contains(.rest(network: "n", .cutOff)))
    }

    // MARK: After a lapse

    /// Serving "n" in epoch 5, at 500 ms, the last beat sent at 500.
    private func servingScript() -> Script {
        var script = Script()
        script.now = 500
        script.covered()
        let term = Term(
            network: "n", holder: script.me, epoch: Epoch(5), cause: .silent, since: Instant(milliseconds: 0))
        #expect(script.send(.term(term, revision: 20)).contains(.serve(term, revision: 20)))
        return script
    }

    private func serves(_ effects: [Leadership.Effect]) -> Bool {
        effects.contains { if case .serve = $0 { true } else { false } }
    }

    @Test func noEchoIsNeededBeforeTheFirstLapse() {
        var script = servingScript()
        for _ in 0..<8 {
            script.now += 250
            #expect(!script.covered().contains(.rest(network: "n", .cutOff)))
        }
    }

    @Test func afterALapseTheFeedMustHaveShownABeatThatWasTakenSince() {
        var script = servingScript()
        script.now = 1_300
        #expect(script.send(.tick).contains(.rest(network: "n", .cutOff)))
        script.now = 3_000
        #expect(!serves(script.covered()))
        #expect(script.machine.isCutOff(now: Uptime(milliseconds: 3_000)))
        // What was committed before the lapse, or without an answer during it, proves nothing.
        #expect(!serves(script.echoed(script.ownSequence - 1)))
        script.now = 3_100
        #expect(!serves(script.covered()))
        #expect(serves(script.echoed(script.ownSequence - 1)))
        #expect(!script.machine.isCutOff(now: Uptime(milliseconds: 3_100)))
    }

    @Test func anEchoMayComeBeforeItsAnswer() {
        var script = servingScript()
        script.now = 1_300
        script.send(.tick)
        script.now = 1_500
        #expect(!serves(script.echoed(script.ownSequence + 1)))
        #expect(serves(script.covered()))
    }

    @Test func theTermThatWasLostMeanwhileIsNeverServedAgain() {
        var script = servingScript()
        script.now = 1_300
        script.send(.tick)
        script.now = 3_000
        var effects = script.covered()
        let other = Term(
            network: "n", holder: script.peer, epoch: Epoch(6), cause: .silent, since: Instant(milliseconds: 0))
        effects += script.send(.term(other, revision: 30))
        effects += script.echoed()
        #expect(!serves(effects))
    }

    @Test func anEchoThatComesAfterTheNextLapseIsTooLate() {
        var script = servingScript()
        script.now = 1_300
        script.send(.tick)
        script.now = 2_000
        script.covered()
        script.now = 2_900
        #expect(!serves(script.echoed()))
        #expect(!serves(script.covered()))
        #expect(serves(script.echoed()))
    }

    @Test func aBeatThatWasUnderWayForTooLongEndsNoLapse() {
        var script = servingScript()
        script.now = 1_300
        script.send(.tick)
        script.now = 3_000
        #expect(!serves(script.covered(sentAt: 1_200)))
        #expect(!serves(script.echoed()))
        #expect(!serves(script.covered()))
        #expect(serves(script.echoed()))
    }

    @Test func whoIsBehindClaimsNothing() {
        var script = Script()
        script.now = 900
        script.send(.tick)
        script.now = 3_000
        script.covered()
        #expect(terms(script.send(.termGone(network: "n"))).isEmpty)
        #expect(terms(script.send(.tick)).isEmpty)
    }

    @Test func nothingSaidByStrangersTraps() {
        var script = Script()
        for event: Leadership.Event in [
            .termGone(network: "x"), .beatGone(node: "x"), .order(network: "x", to: "y"), .order(network: "x", to: nil),
            .draining(["x", "me"]), .wrote(network: "x", .failed), .wrote(network: "n", .written(revision: .max)),
            .ownBeatWritten(sequence: .max, sentAt: Uptime(milliseconds: 1 << 40)), .heard(["x": .max, "n": .max]),
            .deaf(["x"]),
            .restoreAccepted,
            .epochsKnown(["x": .max]), .networks([]),
            .networks([Leadership.Candidate(network: "x"), Leadership.Candidate(network: "x")]),
            .term(
                Term(network: "y", holder: script.me, epoch: Epoch(.max), cause: .deaf, since: .distantFuture),
                revision: .min), .stopping, .tick,
        ] { script.send(event) }
        #expect(script.machine.networks(now: Uptime(milliseconds: 0)).map(\.network) == ["x"])
    }
}
