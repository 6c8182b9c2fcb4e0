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
    /// When the store's feed last showed one, where it does.
    var echoedAt: Uptime?
    /// As it was when last looked at.
    var isValid = false

    init(now: Uptime) {
        nextAt = now
        nextHeartbeatAt = now
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

    /// Whether this node's own beats are taken: without one, others may be about to take its terms.
    public func isCutOff(now: Uptime) -> Bool {
        guard isShared else { return false }
        guard let until = own.validUntil(silence: silence, margin: margin) else { return true }
        return now >= until
    }

    mutating func reviewOwnBeat() {
        let isValid = !isCutOff(now: now)
        guard isValid != own.isValid else { return }
        own.isValid = isValid
        guard isValid else {
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

    mutating func takeOwnBeat(sentAt: Uptime) {
        let hadGap = own.takenAt.map { now.millisecondsSince($0) * 2 > silence } ?? true
        if own.hasFailed || hadGap { own.worksSince = now }
        own.hasFailed = false
        own.takenAt = now
        let sent = min(sentAt, now)
        own.sentAt = max(own.sentAt ?? sent, sent)
        own.pendingSince = nil
        if goodbyeEnded() { return }
        reviewOwnBeat()
        if now >= own.nextAt { beatIfDue() }
    }

    /// The store's feed showed it.
    mutating func takeOwnBeatEcho() {
        if let before = own.echoedAt, now.millisecondsSince(before) * 2 > silence { own.worksSince = now }
        own.echoedAt = now
    }

    mutating func takeOwnBeatFailed() {
        own.hasFailed = true
        own.pendingSince = nil
        if goodbyeEnded() { return }
        if now >= own.nextAt { beatIfDue() }
    }
}
