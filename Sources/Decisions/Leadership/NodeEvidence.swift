// SPDX-License-Identifier: Apache-2.0

import Model

/// What this node has seen of another, by its own clock.
struct NodeEvidence: Sendable {
    /// Its latest account of itself; before its first beat as much of it as its heartbeats told.
    private(set) var beat: Beat
    /// The store has a beat under its name.
    private(set) var hasRecord = false
    /// It has been seen to change: a first beat may be the last word of a node that died long ago.
    private(set) var isProven = false
    /// When its last sign of life came; at first, when a sign could have been noticed.
    private(set) var lastSign: Uptime
    /// When its beat in the store last changed.
    private(set) var beatChangedAt: Uptime
    /// Since when it is known that this run has followed another; or since when the node is known.
    private(set) var runSince: Uptime
    private(set) var refusedAt: Uptime?
    /// The networks that it says it cannot hear, and since when.
    private(set) var deafSince: [String: Uptime] = [:]
    private(set) var heard = HeardCounts()
    /// Something that others decide by has changed since it was last reviewed.
    var isChanged = true
    var life = Leadership.NodeView.Life.alive
    /// Since when it has this life: for silence, when the silence was long enough.
    var lifeSince: Uptime

    private var endedRuns: [UInt64] = []
    private var beatSequence: UInt64?
    private var heartbeatSequence: UInt64?
    private var latestSequence: UInt64 = 0
    private var latestSentAt: Instant
    private var refusalsDisproved = 0
    private var disprovedAt: Uptime?

    var run: NodeRun { beat.run }
    var intent: NodeIntent { beat.intent }

    init(beat: Beat, now: Uptime) {
        self.init(run: beat.run, sentAt: beat.sentAt, now: now)
        take(beat, now: now)
        isProven = false
    }

    init(heartbeat: Heartbeat, now: Uptime) {
        self.init(run: heartbeat.run, sentAt: heartbeat.sentAt, now: now)
        take(heartbeat, now: now)
    }

    /// Somebody of whom there is no sign but a term in his name.
    init(unseen run: NodeRun, now: Uptime) { self.init(run: run, sentAt: Instant(milliseconds: .min), now: now) }

    private init(run: NodeRun, sentAt: Instant, now: Uptime) {
        beat = Beat(run: run)
        latestSentAt = sentAt
        (lastSign, beatChangedAt, lifeSince, runSince) = (now, now, now, now)
    }

    /// Whether `run` was a process of this node's name that another has followed.
    func hasEnded(_ run: NodeRun) -> Bool { endedRuns.contains(run.incarnation) }

    // MARK: Signs of life

    mutating func take(_ next: Beat, now: Uptime) {
        if next.run != run {
            // The store's order is the truth, but its feed may lag behind what the new process said directly.
            guard !hasEnded(next.run) || next.sentAt > latestSentAt else { return }
            begin(next.run, now: now)
        } else if let beatSequence, next.sequence <= beatSequence {
            return
        }
        isChanged = isChanged || !hasRecord
        (hasRecord, beatSequence, beatChangedAt) = (true, next.sequence, now)
        sign(now: now)
        let (intent, deaf) = (beat.intent, beat.deaf)
        beat = next
        (beat.intent, beat.deaf) = (intent, deaf)
        takeContent(
            next.sequence, intent: next.intent, deaf: next.deaf, heard: next.heard, sentAt: next.sentAt, now: now)
    }

    mutating func take(_ next: Heartbeat, now: Uptime) {
        if next.run != run {
            guard !hasEnded(next.run), next.sentAt > latestSentAt else { return }
            begin(next.run, now: now)
        } else if let heartbeatSequence, next.sequence <= heartbeatSequence {
            return
        }
        heartbeatSequence = next.sequence
        sign(now: now)
        takeContent(
            next.sequence, intent: next.intent, deaf: next.deaf, heard: next.heard, sentAt: next.sentAt, now: now)
    }

    /// The store no longer has its beat.
    mutating func takeBeatGone() {
        isChanged = isChanged || hasRecord
        hasRecord = false
    }

    /// Its machine answers that nobody listens at its port.
    mutating func takeRefusal(now: Uptime) {
        if let disprovedAt, now.millisecondsSince(disprovedAt) > Limits.settleMilliseconds { refusalsDisproved = 0 }
        guard refusedAt == nil, refusalsDisproved < Limits.refusalsDisprovedMax else { return }
        refusedAt = now
    }

    private mutating func sign(now: Uptime) {
        isChanged = isChanged || !isProven
        isProven = true
        lastSign = now
        guard refusedAt != nil else { return }
        refusedAt = nil
        // Its port may be closed to us for ever: a wrong address, a packet filter.
        refusalsDisproved += 1
        disprovedAt = now
    }

    private mutating func begin(_ run: NodeRun, now: Uptime) {
        endedRuns.removeAll { $0 == run.incarnation }
        endedRuns.append(beat.run.incarnation)
        if endedRuns.count > Limits.endedRunsKept { endedRuns.removeFirst() }
        beat = Beat(run: run)
        (beatSequence, heartbeatSequence, latestSequence) = (nil, nil, 0)
        (refusedAt, refusalsDisproved, disprovedAt) = (nil, 0, nil)
        (deafSince, heard) = ([:], HeardCounts())
        (beatChangedAt, runSince) = (now, now)
        isChanged = true
    }

    /// Beats take longer than heartbeats: what was said last counts, not what came last.
    private mutating func takeContent(
        _ sequence: UInt64, intent: NodeIntent, deaf: Set<String>, heard counts: [String: UInt64], sentAt: Instant,
        now: Uptime
    ) {
        guard sequence >= latestSequence else { return }
        latestSequence = sequence
        latestSentAt = sentAt
        heard.take(counts, now: now)
        if intent != beat.intent, beat.intent != .stopped {
            beat.intent = intent
            isChanged = true
        }
        guard deaf != beat.deaf else { return }
        let since = deafSince
        deafSince = Dictionary(uniqueKeysWithValues: deaf.map { ($0, since[$0] ?? now) })
        beat.deaf = deaf
        isChanged = true
    }

    // MARK: Judgement

    /// What this adds up to. `worksSince`: since when this node's own beats have been taken without a gap; nil when
    /// they are not, and then nobody is found silent, because the store may be at fault.
    func judged(silence: Int64, worksSince: Uptime?, now: Uptime) -> (life: Leadership.NodeView.Life, since: Uptime) {
        if intent == .stopped { return (.stopped, life == .stopped ? lifeSince : now) }
        if let refusedAt { return (.processGone, refusedAt) }
        let muteMilliseconds = silence + silence / 2
        if life == .silent {
            let isBack = lastSign >= lifeSince && now < beatChangedAt.adding(milliseconds: muteMilliseconds)
            return isBack ? (.alive, now) : (.silent, lifeSince)
        }
        guard let worksSince else { return (.alive, lifeSince) }
        let quietAt = max(lastSign, worksSince).adding(milliseconds: silence)
        // Who tells us directly that it is there, but cannot reach the store, serves nobody.
        let muteAt = max(beatChangedAt, worksSince).adding(milliseconds: muteMilliseconds)
        let silentAt = min(quietAt, muteAt)
        return now >= silentAt ? (.silent, silentAt) : (.alive, lifeSince)
    }
}

/// Packets that a node says it has received, by network: its latest word, and what it said a little earlier.
struct HeardCounts: Sendable {
    private(set) var latest: [String: UInt64] = [:]
    /// Two words ago: certainly without a packet that this node has only just received itself.
    private(set) var earlier: [String: UInt64] = [:]
    private(set) var latestAt: Uptime?
    private var between: [String: UInt64] = [:]

    mutating func take(_ counts: [String: UInt64], now: Uptime) {
        // A beat and a heartbeat that come together are one word.
        if let latestAt, now.millisecondsSince(latestAt) * 2 < Limits.heartbeatMilliseconds {
            latest = counts
            return
        }
        (earlier, between, latest, latestAt) = (between, latest, counts, now)
    }

    /// Its account had no room for every network: one that is missing may have been heard.
    var isCut: Bool { latest.count >= Limits.heardNetworksMax }
}
