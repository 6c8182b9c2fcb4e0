// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Ports
import Synchronization

/// How a node that starts comes to the cluster's time. A machine's own clock may be an hour off; a node that believed
/// it would end other clients' leases early. So it asks those that are there: takes no term, and tells nobody the time,
/// before it has theirs or knows that nobody is there.
extension ClusterNode {
    /// Before the first tick.
    public func beginJoining() {
        guard store.isShared else { return }
        state.withLock { $0.isSettled = false }
    }

    /// Returns when the node has the cluster's time: from the first heartbeat of a peer; else, after a moment in which
    /// none came, the least of what those say that started together with it, and its own.
    public func settle() async {
        let start = clock.uptime()
        while !Task.isCancelled, !settleStep(since: start) { try? await Task.sleep(for: .milliseconds(20)) }
        networksChanged()
    }

    func settle(at theirs: Instant) {
        let isFirst = state.withLock { state in
            defer { state.isSettled = true }
            return !state.isSettled
        }
        guard isFirst else { return }
        let off = clock.now().millisecondsSince(theirs)
        clock.set(to: theirs)
        guard off.magnitude > 1_000 else { return }
        timeline.add(
            Event(
                .system, .warning,
                .text("this machine's clock is \(off) ms off the cluster's time, which counts: is NTP running?")))
    }

    func settleAlone() {
        let (now, uptime) = (clock.now(), clock.uptime())
        let theirs = state.withLock { state in
            state.fresh.values.map { $0.sentAt.adding(milliseconds: uptime.millisecondsSince($0.seen)) }.min()
        }
        if let theirs, theirs < now { clock.set(to: theirs) }
        clock.raise(to: engine.state.withLock { $0.latestSeen })
        state.withLock { $0.isSettled = true }
    }

    /// Ticks until the task is cancelled.
    public func keepTicking() async {
        while !Task.isCancelled {
            tick()
            let wait = nextTick.map { $0.millisecondsSince(clock.uptime()) } ?? Limits.tickMillisecondsMax
            try? await Task.sleep(for: .milliseconds(min(max(wait, 1), Limits.tickMillisecondsMax)))
        }
    }
}
