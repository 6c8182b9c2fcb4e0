// SPDX-License-Identifier: Apache-2.0

import Model

/// This node's own beats: when they are due, and how long the last one that was taken covers its terms.
struct OwnBeat: Sendable {
    var nextAt: Uptime
    var nextHeartbeatAt: Uptime
    /// When the one was sent whose fate is open.
    var pendingSince: Uptime?
    /// When the last one that was taken had been sent, and when that became known.
    var sentAt: Uptime?
    var takenAt: Uptime?
    var hasFailed = false
    /// Since when one after the other has been taken.
    var worksSince: Uptime?
    /// When the store's feed last showed one, where it does, and the latest that it has shown.
    var echoedAt: Uptime?
    var echoedSequence: UInt64 = 0
    /// Beats have lapsed: others may have taken terms that the feed has not shown yet. Ends with the echo of the first
    /// beat that was taken after the lapse, because the feed is in the order of commits.
    var isBehind = false
    /// That beat; nil: none has been taken yet.
    var awaitedSequence: UInt64?
    /// As it was when last looked at.
    var isValid = false

    init(now: Uptime) {
        nextAt = now
        nextHeartbeatAt = now
    }

    mutating func lapse() {
        isBehind = true
        awaitedSequence = nil
    }

    func validUntil(silence: Int64, margin: Int64) -> Uptime? { sentAt?.adding(milliseconds: silence - margin) }

    func nextTick(silence: Int64, margin: Int64, isLast: Bool) -> Uptime {
        if isLast { return nextHeartbeatAt }
        // A beat that is still under way is not followed by another before it counts as lost.
        let beatAt = pendingSince.map { max(nextAt, $0.adding(milliseconds: silence)) } ?? nextAt
        let endsAt = isValid ? validUntil(silence: silence, margin: margin) : nil
        return min(beatAt, nextHeartbeatAt, endsAt ?? nextHeartbeatAt)
    }
}

extension Leadership {
    /// D, within what makes sense.
    var silence: Int64 { min(max(settings.silenceMilliseconds, 4), Limits.silenceMillisecondsMax) }
    var margin: Int64 { min(Limits.silenceMarginMilliseconds, silence / 2) }
    private var beatMilliseconds: Int64 { min(Limits.beatMilliseconds, silence / 4) }

    var intent: NodeIntent {
        switch phase {
        case .running: draining.contains(run.node) ? .draining : .serving
        case .handingOver: .draining
        case .sayingGoodbye, .stopped: .stopped
        }
    }

    /// Whether this node takes terms.
    var isTaking: Bool { phase == .running && (!isShared || (own.isValid && !draining.contains(run.node))) }

    /// Since when this node's beats have been taken without a gap; nil when they are not now. A gap of half the
    /// silence time is one: then the store, or the way to it, is as likely at fault as a peer that seems silent.
    var worksSince: Uptime? {
        guard !own.hasFailed, let takenAt = own.takenAt, let since = own.worksSince,
            now.millisecondsSince(takenAt) * 2 <= silence
        else { return nil }
        guard let echoedAt = own.echoedAt else { return since }
        // Our writes arrive, and the feed that would show the others' is late.
        return now.millisecondsSince(echoedAt) > silence ? nil : since
    }

    /// Whether others may have taken this node's terms, or be about to, without its knowledge: its own beats are not
    /// taken; or they are again, and the store's feed has not shown yet what happened in between.
    public func isCutOff(now: Uptime) -> Bool { isShared && (own.isBehind || !isCovered(now: now)) }

    /// Whether a beat that was taken still keeps others from finding this node silent.
    private func isCovered(now: Uptime) -> Bool {
        own.validUntil(silence: silence, margin: margin).map { now < $0 } ?? false
    }

    mutating func reviewOwnBeat() {
        let isValid = !isCutOff(now: now)
        guard isValid != own.isValid else { return }
        own.isValid = isValid
        guard isValid else {
            own.lapse()
            // What was counted meanwhile cannot be compared with what others count.
            for name in hearings.keys { forgetHearing(of: name) }
            for name in held[run.node, default: []].sorted() { rest(name, .cutOff) }
            return reviewLive()
        }
        reviewLive()
        for candidate in candidates { look(at: candidate.network) }
    }

    mutating func beatIfDue() {
        guard isShared, phase != .stopped else { return }
        if now >= own.nextHeartbeatAt {
            own.nextHeartbeatAt = now.adding(milliseconds: Limits.heartbeatMilliseconds)
            effects.append(.heartbeat)
        }
        guard now >= own.nextAt, intent != .stopped else { return }
        if let since = own.pendingSince, now < since.adding(milliseconds: silence) { return }
        sendBeat()
    }

    mutating func sendBeat() {
        own.pendingSince = now
        own.nextAt = now.adding(milliseconds: beatMilliseconds)
        effects.append(.beat(intent: intent))
    }

    mutating func takeOwnBeat(_ sequence: UInt64, sentAt: Uptime) {
        let wasCovered = isCovered(now: now)
        let hadGap = own.takenAt.map { now.millisecondsSince($0) * 2 > silence } ?? true
        if own.hasFailed || hadGap { own.worksSince = now }
        own.hasFailed = false
        own.takenAt = now
        let sent = min(sentAt, now)
        own.sentAt = max(own.sentAt ?? sent, sent)
        own.pendingSince = nil
        // An older one's echo may be from before somebody took our terms.
        if own.isBehind, !wasCovered, isCovered(now: now) { own.awaitedSequence = sequence }
        catchUp()
        if goodbyeEnded() { return }
        reviewOwnBeat()
        if now >= own.nextAt { beatIfDue() }
    }

    private mutating func catchUp() {
        guard own.isBehind, let awaited = own.awaitedSequence, own.echoedSequence >= awaited, isCovered(now: now) else {
            return
        }
        own.isBehind = false
        own.awaitedSequence = nil
    }

    /// The store's feed showed it, and before it everything that was committed before it.
    mutating func takeOwnBeatEcho(_ sequence: UInt64) {
        own.echoedSequence = max(own.echoedSequence, sequence)
        catchUp()
        if let before = own.echoedAt, now.millisecondsSince(before) * 2 > silence { own.worksSince = now }
        own.echoedAt = now
        reviewOwnBeat()
    }

    mutating func takeOwnBeatFailed() {
        own.hasFailed = true
        own.pendingSince = nil
        if goodbyeEnded() { return }
        if now >= own.nextAt { beatIfDue() }
    }
}
