// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import Synchronization

/// How fast bytes may come in: one for all of a node's replication. Who has read `count` bytes asks how long to wait
/// before reading more.
final class Pace: Sendable {
    private struct State {
        var bytesPerSecond: Int64?
        /// Until when, in steady milliseconds, the bytes claimed so far are paid for.
        var paidUntil: Double = 0
    }

    private let state = Mutex(State())
    private let clock: Clock
    /// What may come at once after a quiet time.
    private static let burstMilliseconds = 50.0

    init(clock: Clock) { self.clock = clock }

    /// Nil: no limit.
    func set(bytesPerSecond: Int64?) { state.withLock { $0.bytesPerSecond = bytesPerSecond } }

    /// Milliseconds to wait, now that so many bytes more have come.
    func claim(_ count: Int) -> Int64 {
        let now = Double(clock.uptime().milliseconds)
        return state.withLock { state in
            guard let rate = state.bytesPerSecond, rate > 0 else { return 0 }
            state.paidUntil = max(state.paidUntil, now - Self.burstMilliseconds) + Double(count) * 1_000 / Double(rate)
            return max(0, Int64(state.paidUntil - now))
        }
    }
}

/// Bytes a second over the last few seconds.
final class Speedometer: Sendable {
    private struct State {
        /// Some time apart, but for the last two.
        var marks: [(at: Int64, bytes: Int64)] = []
    }

    private let state = Mutex(State())
    private static let windowMilliseconds: Int64 = 5_000
    private static let markMilliseconds: Int64 = 200

    /// `total` counts up.
    func note(total: Int64, at now: Uptime) {
        state.withLock { state in
            let previous = state.marks.dropLast().last
            if let previous, now.milliseconds - previous.at < Self.markMilliseconds { state.marks.removeLast() }
            state.marks.append((now.milliseconds, total))
            let from = now.milliseconds - Self.windowMilliseconds
            while state.marks.count > 2, state.marks[1].at < from { state.marks.removeFirst() }
        }
    }

    var bytesPerSecond: Int64 {
        state.withLock { state in
            guard let first = state.marks.first, let last = state.marks.last, last.at > first.at else { return 0 }
            return (last.bytes - first.bytes) * 1_000 / (last.at - first.at)
        }
    }
}
