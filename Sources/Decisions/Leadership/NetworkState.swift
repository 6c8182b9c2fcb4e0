// SPDX-License-Identifier: Apache-2.0

import Model

/// What is known of one network's turns.
struct NetworkState: Sendable {
    struct Record: Sendable {
        var term: Term
        var revision: Int64
        var seenAt: Uptime
    }

    /// A compare-and-set of ours.
    struct Writing: Sendable {
        /// Nil: a claim for ourselves.
        var successor: String?
        /// It is in the store, but its record has not come back yet.
        var isWritten = false
        /// When it counts as failed without an answer.
        var until: Uptime
    }

    /// Nil: not, or no longer, a dynamic network of the site.
    var candidate: Leadership.Candidate?
    var record: Record?
    /// Since when it is known to have no record, or one that does not count.
    var vacantSince: Uptime
    /// The highest epoch that this node has ever seen of it.
    var highestEpoch: UInt64 = 0
    /// The operator knows that its epoch went back.
    var isForgiven = false
    var isServing = false
    /// It was this node's, and another has taken it.
    var wasLost = false
    var writing: Writing?
    /// Answers to come that are no longer waited for.
    var answersToSkip = 0
    /// Not before this time another write.
    var retryAt: Uptime?
    /// Since when its holder is known not to hear its clients.
    var unheardSince: Uptime?
    var wakeAt: Uptime?

    init(now: Uptime) { vacantSince = now }

    /// The record is from before the store was restored: its epoch was another's already.
    var isBehind: Bool {
        guard let record else { return false }
        return record.term.epoch.value < highestEpoch
    }

    /// Nil when there is none above: somebody has written nonsense.
    var nextEpoch: Epoch? {
        let (next, overflow) = max(record?.term.epoch.value ?? 0, highestEpoch).addingReportingOverflow(1)
        return overflow ? nil : Epoch(next)
    }
}
