// SPDX-License-Identifier: Apache-2.0

import Engine
import Model

/// What a node still has to bring in, and what it has found out trying: a value, kept by `Replicator` alone.
struct ReplicaWork {
    /// One file of one image.
    struct Want: Hashable, Sendable {
        var image: String
        var file: ContentFile
        /// It was here and was damaged: neither hours nor limits hold it up.
        var isRepair = false
    }

    /// Why something did not come, and when it is tried again.
    struct Failure: Hashable {
        var reason: String
        var count = 0
        var retryAt = Uptime(milliseconds: 0)

        mutating func happen(_ reason: String, at now: Uptime) {
            self.reason = reason
            count += 1
            let delay = min(Limits.contentRetryMilliseconds << min(count - 1, 10), Limits.contentRetryMillisecondsMax)
            retryAt = now.adding(milliseconds: delay)
        }
    }

    struct Running {
        var want: Want
        var flight: Flight
    }

    /// In the order in which they are to come.
    private(set) var queue: [Want] = []
    private var next = 0
    var running: [Digest: Running] = [:]
    private var failures: [Digest: Failure] = [:]
    /// By image: why the list of its files could not be had.
    var lists: [String: Failure] = [:]
    /// Damaged and not whole again yet: for the timeline.
    var damaged: [Digest: String] = [:]

    /// Replaces what is waiting; what runs goes on.
    mutating func plan(_ wants: [Want]) {
        queue = wants
        next = 0
        let known = Set(wants.map(\.file.digest)).union(running.keys)
        failures = failures.filter { known.contains($0.key) }
    }

    /// The next that may be started now; nil: none.
    mutating func take(at now: Uptime, onlyRepairs: Bool) -> Want? {
        var index = next
        while index < queue.count {
            let want = queue[index]
            if isReady(want, now), want.isRepair || !onlyRepairs {
                if index == next { next += 1 } else { queue.remove(at: index) }
                return want
            }
            index += 1
            // The rest is looked at when the queue is made anew: an image of 100 000 files must not cost a walk a file.
            if index - next > 64 { return nil }
        }
        return nil
    }

    private func isReady(_ want: Want, _ now: Uptime) -> Bool {
        guard running[want.file.digest] == nil else { return false }
        return failures[want.file.digest].map { $0.retryAt <= now } ?? true
    }

    var waiting: ArraySlice<Want> { queue[next...] }

    mutating func note(failure reason: String, of digest: Digest, at now: Uptime) {
        failures[digest, default: Failure(reason: reason)].happen(reason, at: now)
    }

    mutating func noteSuccess(_ digest: Digest) { failures[digest] = nil }

    func failure(_ digest: Digest) -> Failure? { failures[digest] }
}
