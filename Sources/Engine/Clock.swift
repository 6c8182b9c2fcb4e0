// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model
import Synchronization

/// The only reader of time. Its instants are the cluster's time: they start from the machine's clock, or from what the
/// other nodes say, and then count steadily, suspends included: a step of the machine's clock neither ends a lease
/// early nor makes one last.
public final class Clock: Sendable {
    /// What a machine's clocks say, in milliseconds.
    public struct Reading: Sendable {
        /// Since 1970: anybody may step it.
        public var wall: Int64
        /// Since the machine's start, suspends included.
        public var steady: Int64
        public init(wall: Int64, steady: Int64) { self.wall = wall; self.steady = steady }
    }

    private let read: @Sendable () -> Reading
    /// What is added to the time since the machine's start, milliseconds.
    private let offset: Atomic<Int64>

    public convenience init() {
        self.init { Reading(wall: Self.milliseconds(CLOCK_REALTIME), steady: Self.milliseconds(CLOCK_BOOTTIME)) }
    }

    /// A clock that somebody else winds: a simulation.
    public init(_ read: @escaping @Sendable () -> Reading) {
        self.read = read
        let first = read()
        offset = Atomic(first.wall - first.steady)
    }

    public func now() -> Instant { Instant(milliseconds: offset.load(ordering: .relaxed) + read().steady) }

    public func uptime() -> Uptime { Uptime(milliseconds: read().steady) }

    /// It is at least `instant` now: the store has seen it. A machine whose clock lost its battery must not believe
    /// that it is 1970 when its own leases say otherwise.
    func raise(to instant: Instant) {
        let behind = instant.milliseconds - now().milliseconds
        if behind > 0 { offset.wrappingAdd(behind, ordering: .relaxed) }
    }

    /// It is `instant` now: the other nodes say so.
    public func set(to instant: Instant) {
        offset.store(instant.milliseconds - read().steady, ordering: .relaxed)
    }

    /// How far the machine's clock has moved away from ours.
    public func driftMilliseconds() -> Int64 {
        let reading = read()
        return reading.wall - (offset.load(ordering: .relaxed) + reading.steady)
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
