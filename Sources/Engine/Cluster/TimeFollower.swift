// SPDX-License-Identifier: Apache-2.0

import Model

/// Keeps this node's idea of the cluster's time with that of the slowest clock among the nodes: then no lease ends
/// early by anybody's. A message shows its sender's time later than it is by its delay, so the latest of a second's
/// messages counts; a node that was paused reads a backlog of old ones first, and is not misled by them.
struct TimeFollower: Sendable {
    private var windowStart: Uptime?
    private var best: [String: (milliseconds: Int64, count: Int)] = [:]

    private static let windowMilliseconds: Int64 = 1_000
    private static let samplesMin = 5

    /// By how much this node's time has to be set back; nil: not at all, or not yet.
    mutating func sample(_ theirs: Instant, of node: String, ours: Instant, uptime: Uptime) -> Int64? {
        let ahead = theirs.millisecondsSince(ours)
        let seen = best[node]
        best[node] = (max(seen?.milliseconds ?? ahead, ahead), (seen?.count ?? 0) + 1)
        guard let start = windowStart else {
            windowStart = uptime
            return nil
        }
        guard uptime.millisecondsSince(start) >= Self.windowMilliseconds else { return nil }
        windowStart = uptime
        defer { best = [:] }
        let slowest = best.values.filter { $0.count >= Self.samplesMin }.map(\.milliseconds).min()
        guard let slowest, slowest < -Limits.clockStepMilliseconds else { return nil }
        return -slowest
    }
}
