// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// When to look at which address again, soonest first. Entries are never changed: an address that was renewed simply
/// has a later entry too, and whoever takes an entry out checks whether it still means anything.
struct ExpiryQueue: Sendable {
    struct Entry: Sendable {
        var at: Instant
        var address: IPv4Address
    }

    /// A binary heap.
    private var entries: [Entry] = []

    var count: Int { entries.count }

    mutating func add(_ address: IPv4Address, at: Instant) {
        guard at != .distantFuture else { return }
        entries.append(Entry(at: at, address: address))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].at < entries[parent].at else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the soonest entry that is due at `now`.
    mutating func popDue(at now: Instant) -> IPv4Address? {
        guard let first = entries.first, first.at <= now else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink(0)
        }
        return first.address
    }

    mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].at < entries[least].at {
                least = child
            }
            guard least != parent else { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
