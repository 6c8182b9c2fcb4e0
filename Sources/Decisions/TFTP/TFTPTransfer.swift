// SPDX-License-Identifier: Apache-2.0

import Model
import Wire

/// One read, from the request to the last ACK: which blocks to send when. It sends nothing itself.
///
/// Blocks are numbered from 1 without end; on the wire the number is cut to 16 bits, so it rolls over to 0. Times are
/// microseconds of any steady clock.
///
/// - Until the client's first ACK one packet answers one request: a request may be forged, an ACK hardly.
/// - An ACK that was seen before sends nothing (or every block would go out twice for ever after one duplicate:
///   RFC 1123 4.2.3.1). In a window it may also say that the window's first block is missing (RFC 7440 4): it counts
///   as that when it comes no sooner than an answer to this window can, and not in two windows running.
/// - An ACK inside the window says that the block after it is missing: sent again from there, at once.
/// - After a silence the whole window is sent, after the next one its last block, and so on in turn.
public struct TFTPTransfer: ~Copyable {
    private enum Phase: Hashable {
        /// The OACK is out. Becomes `sending` with ACK 0; `over` with an ERROR or after too long a silence.
        case offered
        /// Blocks are out. Becomes `over` with the last ACK, an ERROR, or after too long a silence.
        case sending
        /// Nothing more is sent. For good.
        case over
    }

    /// What was achieved; for reports.
    public struct Summary: Hashable, Sendable {
        public var acknowledgedBytes: Int
        /// Blocks and OACKs sent more than once.
        public var retransmits: Int

        public init(acknowledgedBytes: Int, retransmits: Int) {
            self.acknowledgedBytes = acknowledgedBytes
            self.retransmits = retransmits
        }
    }

    public enum StartAction: Hashable, Sendable {
        case sendOptionAcknowledgement
        case send(blocks: Range<Int>)
    }

    public enum AcknowledgeAction: Hashable, Sendable {
        case ignore
        case send(blocks: Range<Int>)
        case resend(blocks: Range<Int>)
        case finish(Summary)
    }

    public enum TimerAction: Hashable, Sendable {
        /// It is too early: look again at `deadline`.
        case wait
        case resendOptionAcknowledgement
        case resend(blocks: Range<Int>)
        case giveUp(Summary)
    }

    public enum RepeatAction: Hashable, Sendable {
        case ignore
        case resendOptionAcknowledgement
        case resend(blocks: Range<Int>)
        /// The client has begun anew: this transfer is over, answer the request as a first one.
        case startAnew(Summary)
    }

    public enum FailAction: Hashable, Sendable {
        case ignore
        /// The client had learned the size and wanted no more.
        case sizeProbe
        case finish(Summary)
    }

    private let contentBytes: Int
    private let blockBytes: Int
    private let window: Int
    private let blockCount: Int
    private let offersOptions: Bool
    private let asksSize: Bool

    private var phase: Phase
    /// The client has all blocks up to this one.
    private var acknowledged = 0
    /// Blocks up to this one have been sent.
    private var sent = 0
    /// `sent` as it was when the window was repeated last.
    private var sentBeforeRepeat = 0
    private var retries = 0
    private var retransmits = 0
    private var timing: TFTPTiming
    private var lastSentAt: Int64 = 0
    private var lastHeardAt: Int64 = 0
    /// When the window went out, if none of it was sent twice: only then does its ACK tell the time it took (Karn).
    private var sampleFrom: Int64?
    /// This window was sent again on a duplicate ACK; the next one will not be.
    private var duplicateResent = false
    private var duplicateBarred = false

    /// Call `timerFired` at this time, if it has not moved on by then.
    public private(set) var deadline: Int64 = .max
    /// Nothing from the client yet but its request.
    public private(set) var isHalfOpen = true

    /// Every block is out: nothing but an ACK is missing.
    public var hasSentAll: Bool { sent == blockCount }

    /// A transfer of `contentBytes` octets on the terms negotiated.
    public init(contentBytes: Int, terms: TFTPNegotiation) {
        self.contentBytes = contentBytes
        blockBytes = terms.blockBytes
        window = terms.windowBlocks
        // The last block is shorter than a whole one, if need be empty (RFC 1350 6).
        blockCount = contentBytes / terms.blockBytes + 1
        offersOptions = !terms.accepted.isEmpty
        asksSize = terms.asksSize
        timing = TFTPTiming(askedSeconds: terms.timeoutSeconds)
        phase = .sending
    }

    public var summary: Summary {
        Summary(acknowledgedBytes: min(acknowledged * blockBytes, contentBytes), retransmits: retransmits)
    }

    /// The first packet. Once, before anything else.
    public mutating func started(now: Int64) -> StartAction {
        sampleFrom = now
        lastHeardAt = now
        arm(now)
        if offersOptions {
            phase = .offered
            return .sendOptionAcknowledgement
        }
        sent = 1
        return .send(blocks: 1..<2)
    }

    /// An ACK came. `block` is the number on the wire.
    public mutating func acknowledged(block: UInt16, now: Int64) -> AcknowledgeAction {
        let ahead = Int(block &- UInt16(truncatingIfNeeded: acknowledged))
        guard phase != .over, ahead <= sent - acknowledged else { return .ignore }
        lastHeardAt = now
        if phase == .offered {
            phase = .sending
            return advance(by: 0, now)
        }
        if ahead == 0 { return duplicate(now) }
        if acknowledged + ahead == sent { return advance(by: ahead, now) }
        return gap(after: ahead, now)
    }

    /// Everything sent has arrived.
    private mutating func advance(by blocks: Int, _ now: Int64) -> AcknowledgeAction {
        if let sampleFrom { timing.sampled(now - sampleFrom) }
        progressed(by: blocks)
        if acknowledged == blockCount { return finish() }
        return .send(blocks: extend(now))
    }

    /// The client has some of the window and says so: a block was lost, or it counts its windows otherwise than we.
    private mutating func gap(after blocks: Int, _ now: Int64) -> AcknowledgeAction {
        progressed(by: blocks)
        // Sooner than an answer can come, it answers something older. And the very last block that was out before a
        // window was repeated says that nothing was missing: the repetition reached a client that had it all. What
        // is under way need not be sent again, or each repetition would bring about the next.
        guard couldAnswerLastSend(now), acknowledged != sentBeforeRepeat else {
            let fresh = extend(now)
            sampleFrom = nil
            return fresh.isEmpty ? .ignore : .send(blocks: fresh)
        }
        return .resend(blocks: repeatWindow(now))
    }

    private mutating func duplicate(_ now: Int64) -> AcknowledgeAction {
        guard window > 1, sent > acknowledged, !duplicateBarred, !duplicateResent, couldAnswerLastSend(now) else {
            return .ignore
        }
        duplicateResent = true
        return .resend(blocks: repeatWindow(now))
    }

    /// The deadline may have come.
    public mutating func timerFired(now: Int64) -> TimerAction {
        guard phase != .over, now >= deadline else { return .wait }
        if retries == Limits.tftpRetriesMax {
            end()
            return .giveUp(summary)
        }
        retries += 1
        if phase == .offered {
            repeatOffer(now)
            return .resendOptionAcknowledgement
        }
        return .resend(blocks: retries % 2 == 1 ? repeatWindow(now) : probe(now))
    }

    /// The same request came once more, from the same port.
    public mutating func requestedAgain(now: Int64) -> RepeatAction {
        guard phase != .over else { return .startAnew(summary) }
        if isHalfOpen {
            // Its client has not seen our packet: one more, and the timer stays as it is.
            sampleFrom = nil
            retransmits += 1
            return phase == .offered ? .resendOptionAcknowledgement : .resend(blocks: 1..<2)
        }
        // A late duplicate from the network must not end a running transfer; a client that starts again is silent.
        let silence = now - lastHeardAt
        guard sent == blockCount || silence >= Limits.tftpTimeoutMillisecondsDefault * 1_000 else { return .ignore }
        end()
        return .startAnew(summary)
    }

    /// The client sent an ERROR. UEFI and Intel ROMs ask for the size, read it from the OACK and abort, with code 8 or
    /// (Intel) 0: nothing is wrong then.
    public mutating func failed(code: TFTPErrorCode) -> FailAction {
        guard phase != .over else { return .ignore }
        let probed = phase == .offered && asksSize && (code == .optionsRefused || code == .undefined)
        end()
        return probed ? .sizeProbe : .finish(summary)
    }

    /// Others end it: the file fails, the service stops. Whatever comes now is ignored.
    public mutating func abandon() { end() }

    private mutating func progressed(by blocks: Int) {
        acknowledged += blocks
        isHalfOpen = false
        retries = 0
        duplicateBarred = duplicateResent
        duplicateResent = false
    }

    /// Half the shortest time there was: that may have been the time of a whole window, and a gap is told sooner.
    private func couldAnswerLastSend(_ now: Int64) -> Bool { now - lastSentAt >= (timing.shortest ?? 0) / 2 }

    /// The new blocks that fill the window after the last ACK.
    private mutating func extend(_ now: Int64) -> Range<Int> {
        let last = min(acknowledged + window, blockCount)
        let fresh = (sent + 1)..<(max(last, sent) + 1)
        sent = max(last, sent)
        sampleFrom = now
        if !fresh.isEmpty { lastSentAt = now }
        deadline = now + timing.wait(retries: retries)
        return fresh
    }

    /// The whole window after the last ACK: the client acknowledges when it has that many blocks.
    private mutating func repeatWindow(_ now: Int64) -> Range<Int> {
        let last = min(acknowledged + window, blockCount)
        retransmits += sent - acknowledged
        sentBeforeRepeat = sent
        sent = max(last, sent)
        sampleFrom = nil
        arm(now)
        return (acknowledged + 1)..<(sent + 1)
    }

    /// The last block alone: whatever the client lacks, it must answer that, with the window's ACK or with the gap's,
    /// and no ACK is drawn by blocks that it has. (A client whose buffer is smaller than the window would lose the end
    /// of each repetition as it lost the first one.)
    private mutating func probe(_ now: Int64) -> Range<Int> {
        retransmits += 1
        duplicateResent = false
        duplicateBarred = false
        sampleFrom = nil
        arm(now)
        return sent..<(sent + 1)
    }

    private mutating func repeatOffer(_ now: Int64) {
        retransmits += 1
        sampleFrom = nil
        arm(now)
    }

    private mutating func arm(_ now: Int64) {
        lastSentAt = now
        deadline = now + timing.wait(retries: retries)
    }

    private mutating func finish() -> AcknowledgeAction {
        end()
        return .finish(summary)
    }

    private mutating func end() {
        phase = .over
        deadline = .max
    }
}
