// SPDX-License-Identifier: Apache-2.0

/// A set of small integers that finds its next member in a handful of steps, however full or empty it is: one bit a
/// member, and above every 64 words one word that says which of them are not zero. A full pool of a million addresses
/// costs the same look-up as an empty one.
struct AddressSet: Sendable {
    let capacity: Int
    private(set) var count = 0
    /// `levels[0]` holds the members; `levels[n + 1]` has one bit for each word of `levels[n]`.
    private var levels: [[UInt64]] = []

    /// A set for the numbers 0..<capacity; full when `filled`, else empty.
    init(capacity: Int, filled: Bool) {
        self.capacity = capacity
        var bits = capacity
        repeat {
            let words = (bits + 63) / 64
            levels.append([UInt64](repeating: 0, count: words))
            bits = words
        } while bits > 1
        guard filled, capacity > 0 else { return }
        count = capacity
        bits = capacity
        for level in levels.indices {
            for word in levels[level].indices {
                let left = bits - word * 64
                levels[level][word] = left >= 64 ? .max : (UInt64(1) << UInt64(left)) - 1
            }
            bits = levels[level].count
        }
    }

    func contains(_ member: Int) -> Bool { levels[0][member >> 6] >> UInt64(member & 63) & 1 == 1 }

    mutating func insert(_ member: Int) {
        guard !contains(member) else { return }
        count += 1
        var index = member
        for level in levels.indices {
            let wasEmpty = levels[level][index >> 6] == 0
            levels[level][index >> 6] |= 1 << UInt64(index & 63)
            guard wasEmpty else { return }
            index >>= 6
        }
    }

    mutating func remove(_ member: Int) {
        guard contains(member) else { return }
        count -= 1
        var index = member
        for level in levels.indices {
            levels[level][index >> 6] &= ~(1 << UInt64(index & 63))
            guard levels[level][index >> 6] == 0 else { return }
            index >>= 6
        }
    }

    /// The first member at or after `start`, going round to the beginning; nil when the set is empty.
    func next(from start: Int) -> Int? {
        guard count > 0 else { return nil }
        return firstMember(atOrAfter: start) ?? firstMember(atOrAfter: 0)
    }

    private func firstMember(atOrAfter start: Int) -> Int? {
        var index = start
        var level = 0
        // Climb until a word has a bit at or after the index...
        while true {
            guard level < levels.count, index >> 6 < levels[level].count else { return nil }
            let rest = levels[level][index >> 6] & (~UInt64(0) << UInt64(index & 63))
            if rest != 0 {
                index = ((index >> 6) << 6) | rest.trailingZeroBitCount
                break
            }
            index = (index >> 6) + 1
            level += 1
        }
        // ...and then down along the lowest bits.
        while level > 0 {
            level -= 1
            index = (index << 6) | levels[level][index].trailingZeroBitCount
        }
        return index
    }
}
