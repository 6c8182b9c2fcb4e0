// SPDX-License-Identifier: Apache-2.0

/// Virtual time: milliseconds since a history's beginning. Nobody inside the history can read it; machines and clients
/// have clocks of their own.
public typealias SimTime = Int64

/// What happens next: by time, and in the order of scheduling where times are equal.
struct SimQueue {
    private struct Entry {
        var at: SimTime
        var sequence: UInt64
        var slot: Int

        func isBefore(_ other: Entry) -> Bool { at != other.at ? at < other.at : sequence < other.sequence }
    }

    /// A binary heap of plain values; the closures stay where they are while it is put in order.
    private var entries: [Entry] = []
    private var bodies: [(() -> Void)?] = []
    private var freeSlots: [Int] = []
    private var scheduled: UInt64 = 0

    var nextAt: SimTime? { entries.first?.at }

    mutating func add(at: SimTime, _ body: @escaping () -> Void) {
        scheduled += 1
        let slot = freeSlots.popLast() ?? bodies.count
        if slot == bodies.count { bodies.append(body) } else { bodies[slot] = body }
        entries.append(Entry(at: at, sequence: scheduled, slot: slot))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].isBefore(entries[parent]) else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> (at: SimTime, body: () -> Void)? {
        guard let first = entries.first else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        defer { bodies[first.slot] = nil }
        freeSlots.append(first.slot)
        return bodies[first.slot].map { (first.at, $0) }
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].isBefore(entries[least]) {
                least = child
            }
            guard least != parent else { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
