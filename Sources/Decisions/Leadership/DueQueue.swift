// SPDX-License-Identifier: Apache-2.0

import Model

/// Which network to look at again when, soonest first. Entries are never changed: whoever takes one out checks whether
/// it still means anything.
struct DueQueue: Sendable {
    struct Entry: Sendable {
        var at: Uptime
        var network: String
    }

    /// A binary heap. Equal times go by name, so that equal histories have equal effects.
    private var entries: [Entry] = []

    var soonest: Uptime? { entries.first?.at }

    mutating func add(_ network: String, at time: Uptime) {
        entries.append(Entry(at: time, network: network))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isBefore(child, parent) else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the soonest entry that is due at `now`.
    mutating func popDue(at now: Uptime) -> Entry? {
        guard let first = entries.first, first.at <= now else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        return first
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        (entries[a].at, entries[a].network) < (entries[b].at, entries[b].network)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count && isBefore(child, least) {
                least = child
            }
            guard least != parent else { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
