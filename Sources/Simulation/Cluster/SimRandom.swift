// SPDX-License-Identifier: Apache-2.0

/// SplitMix64: every choice of a history comes from one number.
public struct SimRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// A stream of its own for one purpose, so that one part's choices do not move another's.
    init(seed: UInt64, purpose: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        self.init(seed: seed ^ hash)
        _ = next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    mutating func chance(perMille: Int) -> Bool { next() % 1000 < UInt64(max(perMille, 0)) }

    /// Both ends included.
    mutating func between(_ low: Int64, _ high: Int64) -> Int64 {
        low + Int64(next() % UInt64(max(high - low, 0) + 1))
    }

    mutating func index(_ count: Int) -> Int { Int(next() % UInt64(count)) }

    /// Most are near `low`, few near `high`: durations as faults have them.
    mutating func skewed(_ low: Int64, _ high: Int64) -> Int64 {
        let span = between(0, 1000) * between(0, 1000) * between(0, 1000)
        return low + (high - low) * (span / 1000) / 1_000_000
    }
}
