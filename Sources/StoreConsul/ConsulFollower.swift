// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// Follows every writer's feed and tells the readers.
///
/// One look at the heads is one point of Consul's history: it shows all batches up to there, and every later batch has
/// a larger ModifyIndex. So what is new since the last look, put into the order of ModifyIndex, continues the history
/// without a gap, however many writers there are. What does not fit (heads that went back, entries that are missing or
/// overwritten) is looked at once more, with Consul's `consistent`, because a server that fell behind may have
/// answered; if it still does not fit, the readers must read again.
struct ConsulFollower: Sendable {
    let reading: ConsulReading
    let readers: ChangeReaders
    let writer: ConsulWriter
    let headIdleMilliseconds: Int64

    /// The first look; everything that is read after it can be followed.
    func start() async throws(StoreError) {
        guard readers.position == nil else { return }
        try await reading.establishIdentity()
        readers.start(at: FeedPosition(try await reading.heads()))
    }

    /// Until its task is cancelled.
    func run() async {
        var idle = IdleHeads()
        var index: Int64 = 0
        var pause = Limits.consulRetryMilliseconds
        while !Task.isCancelled {
            do throws(StoreError) {
                try await start()
                let (heads, next) = try await reading.heads(after: index)
                // As Consul's documentation asks: an index that goes back begins anew.
                index = next < index ? 0 : max(next, 1)
                try await take(heads)
                for head in idle.look(heads, idleMilliseconds: headIdleMilliseconds) where writer.currentRun != nil {
                    writer.remove(head)
                }
                pause = Limits.consulRetryMilliseconds
            } catch {
                // Those who follow must learn why nothing comes: reading says it.
                if case .corrupt = error, let position = readers.position { readers.restart(at: position) }
                try? await Task.sleep(for: .milliseconds(pause))
                pause = min(2 * pause, Limits.consulRetryMillisecondsMax)
            }
        }
    }

    /// What was committed until now; at the end.
    func takeRest() async throws(StoreError) {
        guard readers.position != nil else { return }
        try await take(try await reading.heads())
    }

    private func take(_ heads: [FeedHead]) async throws(StoreError) {
        if try await advance(to: heads, query: "") { return }
        let sure = try await reading.heads()
        if try await advance(to: sure, query: ConsulReading.consistent) { return }
        readers.restart(at: FeedPosition(sure))
    }

    /// False when these heads do not continue what is known.
    private func advance(to heads: [FeedHead], query: String) async throws(StoreError) -> Bool {
        guard let position = readers.position, let wanted = Self.wanted(position, heads) else { return false }
        let next = FeedPosition(heads)
        if next == position { return true }
        guard var found = try await reading.entries(wanted, query: query) else { return false }
        found.sort { $0.revision < $1.revision }
        if let first = found.first, first.revision <= position.revision { return false }
        guard Self.accountsForRemovals(found, from: position, to: next) else { return false }
        var changes: [StoreChange] = []
        for (revision, entry) in found.map({ ($0.revision, $0.entry) }) {
            guard let writes = entry.writes else {
                // More than an entry holds: all must read again.
                readers.restart(at: next)
                return true
            }
            if !writes.isEmpty { changes.append(StoreChange(revision: revision, writes: writes)) }
        }
        readers.publish(changes, position: next)
        return true
    }

    /// What these heads have that is not known yet; nil when they are older than what is known, or the ring has gone
    /// round since.
    private static func wanted(
        _ position: FeedPosition, _ heads: [FeedHead]
    ) -> [(head: FeedHead, sequence: Int64)]? {
        var wanted: [(head: FeedHead, sequence: Int64)] = []
        for head in heads {
            let known = position.sequences[head.run] ?? 0
            guard head.sequence >= known, head.sequence - known <= head.slots else { return nil }
            guard head.sequence > known else { continue }
            wanted += (known + 1...head.sequence).map { (head, $0) }
        }
        return wanted
    }

    /// Whether every head that has gone was removed by a batch that was followed, after its last entry was.
    private static func accountsForRemovals(
        _ found: [ConsulReading.FoundEntry], from position: FeedPosition, to next: FeedPosition
    ) -> Bool {
        var removed: [String: Int64] = [:]
        for entry in found { removed.merge(entry.entry.removed, uniquingKeysWith: max) }
        let gone = position.sequences.filter { next.sequences[$0.key] == nil }
        return gone.allSatisfy { removed[$0.key] == $0.value }
            && removed.allSatisfy { position.sequences[$0.key] == $0.value }
    }
}

/// Heads that do not move, by this node's own clock.
private struct IdleHeads {
    private var since: [String: (index: Int64, time: ContinuousClock.Instant)] = [:]

    /// Those that have not moved for so long; each is told again only after as much time.
    mutating func look(_ heads: [FeedHead], idleMilliseconds: Int64) -> [FeedHead] {
        let now = ContinuousClock.now
        var next = since
        next.removeAll()
        var idle: [FeedHead] = []
        for head in heads {
            guard let seen = since[head.run], seen.index == head.index else {
                next[head.run] = (head.index, now)
                continue
            }
            let isIdle = now - seen.time > .milliseconds(idleMilliseconds)
            if isIdle { idle.append(head) }
            next[head.run] = (head.index, isIdle ? now : seen.time)
        }
        since = next
        return idle
    }
}
