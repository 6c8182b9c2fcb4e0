// SPDX-License-Identifier: Apache-2.0

/// Whether to look for the next packet a little before going to sleep.
///
/// One client with a window of one block waits for us as we for it; on a short path the ACK is back in less time than
/// it takes to put a thread to sleep and wake it (64 MiB over a veth pair: 33 MiB/s sleeping, 50 looking, and less
/// processor time in all). Where the path is longer, looking is in vain: then it is tried ever more seldom.
struct TFTPPolling {
    /// How long to look.
    static let microseconds: Int64 = 50
    private static let passesMax = 1_023

    private var passes = 0
    private var passesLeft = 0

    mutating func isDue() -> Bool {
        if passesLeft > 0 {
            passesLeft -= 1
            return false
        }
        return true
    }

    mutating func paid() { passes /= 2 }

    mutating func failed() {
        passes = min(2 * passes + 1, Self.passesMax)
        passesLeft = passes
    }
}
