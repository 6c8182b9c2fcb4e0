// SPDX-License-Identifier: Apache-2.0

import Decisions

/// The sessions that have a deadline, the earliest first: a binary heap.
///
/// A session's deadline moves with each ACK; its entry stays. When the entry comes up too early, the session is put
/// back with the deadline it has then. Only a deadline that moves forward makes a new entry; the old one is then
/// known by its time, which is no longer the session's `wakesAt`.
struct TFTPDeadlines {
    private struct Entry {
        var time: Int64
        var session: TFTPSession
    }

    private var heap: [Entry] = []

    /// The time of the earliest entry.
    var next: Int64? { heap.first?.time }

    mutating func watch(_ session: TFTPSession) {
        let time = session.transfer.deadline
        guard time < session.wakesAt else { return }
        session.wakesAt = time
        insert(Entry(time: time, session: session))
    }

    /// Takes a session out whose deadline has come.
    mutating func due(now: Int64) -> TFTPSession? {
        while let first = heap.first, first.time <= now {
            removeFirst()
            guard first.time == first.session.wakesAt else { continue }
            first.session.wakesAt = .max
            if first.session.transfer.deadline <= now { return first.session }
            watch(first.session)
        }
        return nil
    }

    private mutating func insert(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].time < heap[(child - 1) / 2].time {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while 2 * parent + 1 < heap.count {
            var child = 2 * parent + 1
            if child + 1 < heap.count, heap[child + 1].time < heap[child].time { child += 1 }
            guard heap[child].time < heap[parent].time else { break }
            heap.swapAt(child, parent)
            parent = child
        }
    }
}
