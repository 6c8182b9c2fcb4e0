// SPDX-License-Identifier: Apache-2.0

import Ports

/// The latest commits, up to a number of bytes; the oldest are forgotten first.
package struct ChangeHistory {
    private let bytesMax: Int
    private var changes: [StoreChange] = []
    /// Of `changes`, so many at the front are forgotten already.
    private var forgotten = 0
    private var bytes = 0
    /// The changes after this revision are all here.
    private var floor: Revision
    private var latest: Revision

    package init(revision: Revision, bytesMax: Int) {
        self.bytesMax = bytesMax
        floor = revision
        latest = revision
    }

    package mutating func append(_ change: StoreChange) {
        changes.append(change)
        latest = change.revision
        bytes += Self.bytes(change)
        while bytes > bytesMax, forgotten < changes.count {
            floor = changes[forgotten].revision
            bytes -= Self.bytes(changes[forgotten])
            changes[forgotten].writes = []
            forgotten += 1
        }
        guard forgotten > 64, forgotten > changes.count / 2 else { return }
        changes.removeFirst(forgotten)
        forgotten = 0
    }

    /// Nil when some are forgotten, or when `revision` is yet to come: it is another store's.
    package func changes(after revision: Revision) -> ArraySlice<StoreChange>? {
        guard revision >= floor, revision <= latest else { return nil }
        var (low, high) = (forgotten, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].revision > revision { high = middle } else { low = middle + 1 }
        }
        return changes[low...]
    }

    private static func bytes(_ change: StoreChange) -> Int {
        change.writes.reduce(64) { sum, write in
            switch write {
            case .put(let key, let value): sum + 64 + key.utf8.count + value.count
            case .delete(let key): sum + 64 + key.utf8.count
            }
        }
    }
}
