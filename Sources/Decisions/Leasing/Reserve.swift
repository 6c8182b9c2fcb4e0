// SPDX-License-Identifier: Apache-2.0

import Model

/// How much longer an address is kept than it is promised (design, section 6).
enum Reserve {
    /// With so much of the pool free, the reserve is whole; with so little, there is none: a reserve that nobody may
    /// ever need must not turn away a client that is there now. In percent.
    static let wholePercent = 25
    static let nonePercent = 5

    /// What is left of `seconds` when `free` of `total` addresses are free: all, nothing, or linear in between.
    static func seconds(_ seconds: UInt32, free: Int, of total: Int) -> Int64 {
        guard total > 0 else { return 0 }
        let share = min(max(100 * free - nonePercent * total, 0), (wholePercent - nonePercent) * total)
        return Int64(seconds) * Int64(share) / Int64((wholePercent - nonePercent) * total)
    }
}
