// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing
import Wire

/// A transfer and a clock. (`#expect` takes no noncopyable values, so the machine lives in a class.)
final class TransferScript {
    private var transfer: TFTPTransfer
    /// Microseconds.
    var now: Int64 = 0

    /// A file of so many whole blocks and a rest of one octet; options as "name=value ...".
    init(wholeBlocks: Int, _ options: String = "blksize=512") {
        let asked = options.split(separator: " ").map { option in
            let parts = option.split(separator: "=")
            return TFTPOption(name: String(parts[0]), value: String(parts[1]))
        }
        let probe = TFTPNegotiation(asked: asked, contentBytes: 0, mtuBytes: 1_500)
        let bytes = wholeBlocks * probe.blockBytes + 1
        transfer = TFTPTransfer(
            contentBytes: bytes, terms: TFTPNegotiation(asked: asked, contentBytes: bytes, mtuBytes: 1_500))
    }

    init(bytes: Int, _ asked: [TFTPOption] = []) {
        transfer = TFTPTransfer(
            contentBytes: bytes, terms: TFTPNegotiation(asked: asked, contentBytes: bytes, mtuBytes: 1_500))
    }

    var deadlineMilliseconds: Int64 { (transfer.deadline - now) / 1_000 }
    var isHalfOpen: Bool { transfer.isHalfOpen }

    func wait(milliseconds: Int64) { now += milliseconds * 1_000 }
    func wait(microseconds: Int64) { now += microseconds }

    func start() -> TFTPTransfer.StartAction { transfer.started(now: now) }
    func ack(_ block: UInt16) -> TFTPTransfer.AcknowledgeAction { transfer.acknowledged(block: block, now: now) }
    func timer() -> TFTPTransfer.TimerAction { transfer.timerFired(now: now) }
    func requestAgain() -> TFTPTransfer.RepeatAction { transfer.requestedAgain(now: now) }
    func error(_ code: TFTPErrorCode) -> TFTPTransfer.FailAction { transfer.failed(code: code) }

    /// Waits until the deadline and lets it fire.
    func waitForTimer() -> (milliseconds: Int64, action: TFTPTransfer.TimerAction) {
        let milliseconds = deadlineMilliseconds
        now = transfer.deadline
        return (milliseconds, timer())
    }
}

@Suite struct TFTPTransferTests {
    @Test func withoutOptionsTheFirstPacketIsBlockOne() {
        let script = TransferScript(bytes: 600)
        #expect(script.start() == .send(blocks: 1..<2))
        #expect(script.isHalfOpen)
        #expect(script.ack(1) == .send(blocks: 2..<3))
        #expect(!script.isHalfOpen)
        #expect(script.ack(2) == .finish(.init(acknowledgedBytes: 600, retransmits: 0)))
        #expect(script.ack(2) == .ignore)
    }

    @Test func aFileOfWholeBlocksEndsWithAnEmptyOne() {
        let script = TransferScript(bytes: 512)
        #expect(script.start() == .send(blocks: 1..<2))
        #expect(script.ack(1) == .send(blocks: 2..<3))
        #expect(script.ack(2) == .finish(.init(acknowledgedBytes: 512, retransmits: 0)))
    }

    @Test func anEmptyFileIsOneEmptyBlock() {
        let script = TransferScript(bytes: 0)
        #expect(script.start() == .send(blocks: 1..<2))
        #expect(script.ack(1) == .finish(.init(acknowledgedBytes: 0, retransmits: 0)))
    }

    @Test func oneRequestGetsOnePacketUntilTheClientHasAnswered() {
        let script = TransferScript(wholeBlocks: 100, "windowsize=16")
        #expect(script.start() == .sendOptionAcknowledgement)
        #expect(script.isHalfOpen)
        // Not an answer to an OACK.
        #expect(script.ack(1) == .ignore)
        #expect(script.ack(16) == .ignore)
        #expect(script.isHalfOpen)
        // The request again: one packet again.
        #expect(script.requestAgain() == .resendOptionAcknowledgement)
        #expect(script.ack(0) == .send(blocks: 1..<17))
        #expect(!script.isHalfOpen)
    }

    @Test func withoutOptionsARepeatedRequestGetsBlockOneAgain() {
        let script = TransferScript(bytes: 5_000)
        #expect(script.start() == .send(blocks: 1..<2))
        #expect(script.requestAgain() == .resend(blocks: 1..<2))
        #expect(script.ack(1) == .send(blocks: 2..<3))
    }

    @Test func windowsFollowEachOther() {
        let script = TransferScript(wholeBlocks: 9, "windowsize=4")
        #expect(script.start() == .sendOptionAcknowledgement)
        #expect(script.ack(0) == .send(blocks: 1..<5))
        #expect(script.ack(4) == .send(blocks: 5..<9))
        #expect(script.ack(8) == .send(blocks: 9..<11))
        #expect(script.ack(10) == .finish(.init(acknowledgedBytes: 9 * 512 + 1, retransmits: 0)))
    }

    @Test func blockNumbersRollOverToZero() {
        let script = TransferScript(wholeBlocks: 140_000, "blksize=8")
        #expect(script.start() == .sendOptionAcknowledgement)
        #expect(script.ack(0) == .send(blocks: 1..<2))
        for block in 1...140_000 {
            #expect(script.ack(UInt16(truncatingIfNeeded: block)) == .send(blocks: (block + 1)..<(block + 2)))
        }
        #expect(script.ack(UInt16(140_001 % 65_536)) == .finish(.init(acknowledgedBytes: 1_120_001, retransmits: 0)))
    }

    @Test func windowsRollOverToo() {
        let script = TransferScript(wholeBlocks: 65_600, "blksize=8 windowsize=64")
        _ = script.start()
        #expect(script.ack(0) == .send(blocks: 1..<65))
        for block in stride(from: 64, to: 65_472, by: 64) {
            #expect(script.ack(UInt16(block)) == .send(blocks: (block + 1)..<(block + 65)))
        }
        #expect(script.ack(65_472) == .send(blocks: 65_473..<65_537))
        // 65536 is 0 on the wire, and not the ACK of the OACK.
        #expect(script.ack(0) == .send(blocks: 65_537..<65_601))
        script.wait(milliseconds: 1)
        // A gap after block 65538, which is 2 on the wire.
        #expect(script.ack(2) == .resend(blocks: 65_539..<65_602))
    }

    @Test func aDuplicateAckSendsNothing() {
        let script = TransferScript(bytes: 10_000)
        _ = script.start()
        script.wait(milliseconds: 1)
        #expect(script.ack(1) == .send(blocks: 2..<3))
        for _ in 0..<100 {
            script.wait(milliseconds: 1)
            #expect(script.ack(1) == .ignore)
            #expect(script.ack(0) == .ignore)
        }
        #expect(script.ack(2) == .send(blocks: 3..<4))
        #expect(script.ack(1) == .ignore)
        // Neither does one for what was never sent.
        #expect(script.ack(4) == .ignore)
        #expect(script.ack(65_535) == .ignore)
    }

    @Test func aGapIsSentAgainAtOnceFromWhereItIs() {
        let script = TransferScript(wholeBlocks: 100, "windowsize=8")
        _ = script.start()
        script.wait(microseconds: 200)
        #expect(script.ack(0) == .send(blocks: 1..<9))
        script.wait(microseconds: 300)
        #expect(script.ack(3) == .resend(blocks: 4..<12))
        script.wait(microseconds: 300)
        #expect(script.ack(11) == .send(blocks: 12..<20))
    }

    @Test func aClientThatHadItAllGetsNothingTwice() {
        let script = TransferScript(wholeBlocks: 100, "windowsize=8")
        _ = script.start()
        script.wait(microseconds: 200)
        _ = script.ack(0)
        // The network has doubled block 3, and the client acknowledges whatever it does not expect.
        script.wait(microseconds: 300)
        #expect(script.ack(3) == .resend(blocks: 4..<12))
        // It had 4 to 8 as well, and says so when 4 comes again. Its next window ends at 16.
        script.wait(microseconds: 250)
        #expect(script.ack(8) == .send(blocks: 12..<17))
        #expect(script.ack(8) == .ignore)
        #expect(script.ack(16) == .send(blocks: 17..<25))
    }

    @Test func anAckInsideTheWindowThatComesTooSoonOnlyMovesTheWindow() {
        let script = TransferScript(wholeBlocks: 100, "windowsize=8")
        _ = script.start()
        script.wait(microseconds: 200)
        _ = script.ack(0)
        script.wait(microseconds: 300)
        #expect(script.ack(3) == .resend(blocks: 4..<12))
        // No answer to the repetition can be here yet.
        script.wait(microseconds: 50)
        #expect(script.ack(5) == .send(blocks: 12..<14))
        #expect(script.ack(13) == .send(blocks: 14..<22))
    }

    @Test func aDuplicateAckMayMeanThatTheFirstBlockOfTheWindowIsMissing() {
        let script = TransferScript(wholeBlocks: 100, "windowsize=8")
        _ = script.start()
        script.wait(microseconds: 200)
        #expect(script.ack(0) == .send(blocks: 1..<9))
        script.wait(microseconds: 300)
        #expect(script.ack(8) == .send(blocks: 9..<17))
        // Sooner than any answer to 9..16 can come: the network has doubled the ACK.
        script.wait(microseconds: 90)
        #expect(script.ack(8) == .ignore)
        // Late enough to be an answer: 9 is missing. Once.
        script.wait(microseconds: 200)
        #expect(script.ack(8) == .resend(blocks: 9..<17))
        script.wait(microseconds: 400)
        #expect(script.ack(8) == .ignore)
        // Not in the next window: what that resend caused must not cause another.
        #expect(script.ack(16) == .send(blocks: 17..<25))
        script.wait(microseconds: 400)
        #expect(script.ack(16) == .ignore)
        #expect(script.ack(24) == .send(blocks: 25..<33))
        script.wait(microseconds: 400)
        #expect(script.ack(24) == .resend(blocks: 25..<33))
    }

    @Test func aSizeProbeIsNotAFailure() {
        for code in [TFTPErrorCode.optionsRefused, .undefined] {
            let script = TransferScript(wholeBlocks: 10, "tsize=0 blksize=1468")
            #expect(script.start() == .sendOptionAcknowledgement)
            #expect(script.error(code) == .sizeProbe)
            #expect(script.ack(0) == .ignore)
            script.wait(milliseconds: 60_000)
            #expect(script.timer() == .wait)
        }
    }

    @Test func anErrorIsAFailureWhenNobodyAskedForTheSizeOrBlocksAreOut() {
        let withoutSize = TransferScript(wholeBlocks: 10, "blksize=1468")
        _ = withoutSize.start()
        #expect(withoutSize.error(.optionsRefused) == .finish(.init(acknowledgedBytes: 0, retransmits: 0)))
        let running = TransferScript(wholeBlocks: 10, "tsize=0 blksize=512")
        _ = running.start()
        _ = running.ack(0)
        _ = running.ack(1)
        #expect(running.error(.optionsRefused) == .finish(.init(acknowledgedBytes: 512, retransmits: 0)))
        #expect(running.error(.optionsRefused) == .ignore)
        let full = TransferScript(wholeBlocks: 10, "tsize=0")
        _ = full.start()
        #expect(full.error(TFTPErrorCode(rawValue: 3)) == .finish(.init(acknowledgedBytes: 0, retransmits: 0)))
    }

    @Test func aSilentClientIsAskedFiveTimesWithGrowingPauses() {
        let script = TransferScript(wholeBlocks: 10, "tsize=0")
        _ = script.start()
        #expect(script.timer() == .wait)
        for pause: Int64 in [1_000, 2_000, 4_000, 8_000, 8_000] {
            #expect(script.waitForTimer() == (pause, .resendOptionAcknowledgement))
        }
        let end = script.waitForTimer()
        #expect(end == (8_000, .giveUp(.init(acknowledgedBytes: 0, retransmits: 5))))
        #expect(script.timer() == .wait)
    }

    @Test func onAFastPathTheFirstRepetitionComesSoon() {
        let script = TransferScript(wholeBlocks: 100, "windowsize=4")
        _ = script.start()
        script.wait(microseconds: 150)
        #expect(script.ack(0) == .send(blocks: 1..<5))
        // The window, then its last block, in turn.
        #expect(script.waitForTimer() == (50, .resend(blocks: 1..<5)))
        #expect(script.waitForTimer() == (200, .resend(blocks: 4..<5)))
        #expect(script.waitForTimer() == (800, .resend(blocks: 1..<5)))
        #expect(script.waitForTimer() == (3_200, .resend(blocks: 4..<5)))
        #expect(script.waitForTimer() == (8_000, .resend(blocks: 1..<5)))
        #expect(script.waitForTimer() == (8_000, .giveUp(.init(acknowledgedBytes: 0, retransmits: 14))))
    }

    @Test func theLastBlockDrawsAnAnswerWhateverIsMissing() {
        for (answer, blocks) in [(UInt16(0), 1..<9), (5, 6..<14), (8, 9..<17)] {
            let script = TransferScript(wholeBlocks: 100, "windowsize=8")
            _ = script.start()
            script.wait(microseconds: 200)
            #expect(script.ack(0) == .send(blocks: 1..<9))
            #expect(script.waitForTimer().action == .resend(blocks: 1..<9))
            #expect(script.waitForTimer().action == .resend(blocks: 8..<9))
            script.wait(microseconds: 250)
            #expect(script.ack(answer) == (answer == 8 ? .send(blocks: blocks) : .resend(blocks: blocks)))
        }
    }

    @Test func anAckStartsThePausesAnew() {
        let script = TransferScript(wholeBlocks: 100, "blksize=512")
        _ = script.start()
        script.wait(microseconds: 150)
        _ = script.ack(0)
        for _ in 0..<Limits.tftpRetriesMax { #expect(script.waitForTimer().action == .resend(blocks: 1..<2)) }
        #expect(script.ack(1) == .send(blocks: 2..<3))
        #expect(script.deadlineMilliseconds == 50)
    }

    @Test func onASlowPathRepetitionsWaitForWhatThePathTakes() {
        let script = TransferScript(wholeBlocks: 100, "blksize=512")
        _ = script.start()
        for block: UInt16 in 0..<20 {
            script.wait(milliseconds: 200)
            #expect(script.timer() == .wait)
            _ = script.ack(block)
        }
        #expect((200...1_000).contains(script.deadlineMilliseconds))
    }

    @Test func aRepeatedBlocksAckTellsNothingOfThePath() {
        let script = TransferScript(wholeBlocks: 100, "blksize=512")
        _ = script.start()
        script.wait(microseconds: 150)
        _ = script.ack(0)
        #expect(script.waitForTimer().action == .resend(blocks: 1..<2))
        script.wait(milliseconds: 190)
        _ = script.ack(1)
        #expect(script.deadlineMilliseconds == 50)
    }

    @Test func theClientsTimeoutIsObeyed() {
        let script = TransferScript(wholeBlocks: 10, "timeout=3")
        _ = script.start()
        script.wait(microseconds: 150)
        _ = script.ack(0)
        for pause: Int64 in [3_000, 6_000, 8_000, 8_000, 8_000] {
            #expect(script.waitForTimer() == (pause, .resend(blocks: 1..<2)))
        }
        let patient = TransferScript(wholeBlocks: 10, "timeout=30")
        _ = patient.start()
        for pause: Int64 in [30_000, 30_000] { #expect(patient.waitForTimer().milliseconds == pause) }
    }

    @Test func aLateDuplicateOfTheRequestDoesNotEndTheTransfer() {
        let script = TransferScript(wholeBlocks: 100, "blksize=512")
        _ = script.start()
        _ = script.ack(0)
        script.wait(milliseconds: 10)
        #expect(script.requestAgain() == .ignore)
        #expect(script.ack(1) == .send(blocks: 2..<3))
        // A client that has begun anew says nothing else.
        script.wait(milliseconds: 1_500)
        #expect(script.requestAgain() == .startAnew(.init(acknowledgedBytes: 512, retransmits: 0)))
        #expect(script.ack(2) == .ignore)
    }

    @Test func afterTheLastBlockARequestIsANewOne() {
        let script = TransferScript(bytes: 600)
        _ = script.start()
        #expect(script.ack(1) == .send(blocks: 2..<3))
        #expect(script.requestAgain() == .startAnew(.init(acknowledgedBytes: 512, retransmits: 0)))
    }
}
