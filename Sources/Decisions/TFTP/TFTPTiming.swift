// SPDX-License-Identifier: Apache-2.0

import Model

/// How long to wait for an ACK, learned from how long ACKs took (RFC 6298's estimate). Times are microseconds of any
/// steady clock.
struct TFTPTiming: Hashable, Sendable {
    /// The wait that the client asked for (RFC 2349), which then always holds.
    let asked: Int64?
    private var smoothed: Int64 = 0
    private var deviation: Int64 = 0
    /// The shortest time seen from a packet to its ACK; nil before the first.
    private(set) var shortest: Int64?

    init(askedSeconds: Int?) { asked = askedSeconds.map { Int64($0) * 1_000_000 } }

    mutating func sampled(_ microseconds: Int64) {
        guard let shortest else {
            (smoothed, deviation, self.shortest) = (microseconds, microseconds / 2, microseconds)
            return
        }
        deviation += (abs(microseconds - smoothed) - deviation) / 4
        smoothed += (microseconds - smoothed) / 8
        self.shortest = min(shortest, microseconds)
    }

    /// The wait before repetition number `retries` + 1. The first one comes early where the path is known to be fast;
    /// then waits grow until a client that is busy (one that erases its flash, say) has had tens of seconds.
    func wait(retries: Int) -> Int64 {
        let longest = Limits.tftpBackoffMillisecondsMax * 1_000
        if let asked { return min(asked << Int64(retries), max(asked, longest)) }
        let first = Limits.tftpTimeoutMillisecondsDefault * 1_000
        guard shortest != nil else { return min(first << Int64(retries), longest) }
        let learned = max(Limits.tftpTimeoutMillisecondsMin * 1_000, min(smoothed + 4 * deviation, first))
        return min(learned << Int64(2 * retries), longest)
    }
}
