// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// What this node does when it is ordered to rehearse a fault: it says yes or no in the order's own record, and only
/// when that has been written, once, does something happen to it. An order that was left behind, or is for another
/// process of this node's name, or is late, is nobody's.
public struct DrillTarget: Sendable {
    /// What happens to the process, a moment (`Limits.drillDelayMilliseconds`) later.
    public enum Fault: Hashable, Sendable {
        case kill
        case pause(milliseconds: UInt32)
    }

    /// What the target asks of the rest of the process.
    public struct Calls: Sendable {
        /// Whether this node is up to bat for the network.
        public var serves: @Sendable (_ network: String) -> Bool
        /// Has the fault happen, and returns at once.
        public var suffer: @Sendable (Fault) -> Void

        public init(
            serves: @escaping @Sendable (_ network: String) -> Bool, suffer: @escaping @Sendable (Fault) -> Void
        ) {
            self.serves = serves
            self.suffer = suffer
        }
    }

    private let run: NodeRun
    /// Whether its configuration allows kill and silence.
    private let isAllowed: Bool
    private let store: any StateStore
    private let clock: Clock
    private let timeline: Timeline
    private let calls: Calls

    public init(
        run: NodeRun, isAllowed: Bool, store: any StateStore, clock: Clock, timeline: Timeline, calls: Calls
    ) {
        self.run = run
        self.isAllowed = isAllowed
        self.store = store
        self.clock = clock
        self.timeline = timeline
        self.calls = calls
    }

    /// What the store has under `StoreKeys.drill` of this node, as its change feed brings it.
    public func take(_ value: [UInt8], revision: Revision) {
        guard let order = try? DrillRecord.decode(value), order.incarnation == run.incarnation,
            order.state == .asked || order.state == .asking
        else { return }
        let age = clock.now().millisecondsSince(order.at)
        guard age.magnitude <= Limits.drillOrderMillisecondsMax.magnitude else {
            note(.warning, order, "drill: an order to rehearse a \(order.kind.rawValue) came \(age) ms late: not done")
            return
        }
        var answer = order
        let reason = refusal(order)
        (answer.state, answer.reason) = (reason == nil ? .accepted : .refused, reason ?? "")
        let key = StoreKeys.drill(run.node)
        let batch = StoreBatch(
            guards: [StoreGuard(key: key, revision: revision)], writes: [.put(key: key, value: answer.encode())])
        store.commit(batch) { [self] result in
            guard case .success = result else { return }
            if let reason { note(.warning, order, "drill: a \(order.kind.rawValue) was refused: \(reason)") }
            if reason == nil, order.state == .asked { carryOut(order) }
        }
    }

    private func refusal(_ order: DrillRecord) -> String? {
        guard isAllowed else {
            return "node \(run.node) allows no drill that harms it: add the line \"drill: allowed\" to its "
                + "ondeck.yaml, and restart it"
        }
        guard order.kind.isHarmful else { return "a hand-over is not ordered in this way" }
        guard calls.serves(order.network) else { return "node \(run.node) is not up to bat for \(order.network)" }
        let allowed = Limits.drillSilenceMillisecondsMin...Limits.drillSilenceMillisecondsMax
        guard order.kind != .silence || allowed.contains(Int64(clamping: order.milliseconds)) else {
            return "a silence of \(order.milliseconds) ms is not allowed"
        }
        return nil
    }

    private func carryOut(_ order: DrillRecord) {
        switch order.kind {
        case .handover: return
        case .kill:
            note(.warning, order, "drill: this process ends now, as by SIGKILL")
            calls.suffer(.kill)
        case .silence:
            note(.warning, order, "drill: this process stands still now for \(order.milliseconds) ms, as by SIGSTOP")
            calls.suffer(.pause(milliseconds: UInt32(clamping: order.milliseconds)))
        }
    }

    private func note(_ level: Event.Level, _ order: DrillRecord, _ text: String) {
        timeline.add(Event(.admin, level, network: order.network, .text(text)))
    }
}
