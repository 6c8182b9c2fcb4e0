// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model
import Synchronization

/// The only reader of time. Its instants start from the machine's clock and then count steadily, suspends included:
/// a step of the machine's clock neither ends a lease early nor makes one last.
public final class Clock: Sendable {
    /// What is added to the time since the machine's start, milliseconds.
    private let offset: Atomic<Int64>

    public init() {
        offset = Atomic(Self.milliseconds(CLOCK_REALTIME) - Self.milliseconds(CLOCK_BOOTTIME))
    }

    public func now() -> Instant {
        Instant(milliseconds: offset.load(ordering: .relaxed) + Self.milliseconds(CLOCK_BOOTTIME))
    }

    /// It is at least `instant` now: the store has seen it. A machine whose clock lost its battery must not believe
    /// that it is 1970 when its own leases say otherwise.
    func raise(to instant: Instant) {
        let behind = instant.milliseconds - now().milliseconds
        if behind > 0 { offset.wrappingAdd(behind, ordering: .relaxed) }
    }

    /// How far the machine's clock has moved away from ours.
    public func driftMilliseconds() -> Int64 {
        Self.milliseconds(CLOCK_REALTIME) - now().milliseconds
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
