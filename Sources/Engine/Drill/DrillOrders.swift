// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Model
import Ports

/// An operator's orders to rehearse a fault, at whichever node they arrive: they go through the store to the node up to
/// bat, which decides for itself (`DrillTarget`).
public struct DrillOrders: Sendable {
    private let node: ClusterNode
    private let store: any StateStore
    private let engine: DHCPEngine
    private let clock: Clock
    private let timeline: Timeline
    private let cluster: ClusterService

    public init(
        node: ClusterNode, store: any StateStore, engine: DHCPEngine, clock: Clock, timeline: Timeline,
        cluster: ClusterService
    ) {
        self.node = node
        self.store = store
        self.engine = engine
        self.clock = clock
        self.timeline = timeline
        self.cluster = cluster
    }

    /// Returns when the hand-over is done, or when the node has said that the fault is about to happen to it.
    public func order(_ network: String, _ request: DrillRequest) async throws(Problem) -> DrillOrderReport {
        let holder = try holder(of: network)
        let dryRun = request.dryRun == true
        guard request.kind.isHarmful else { return try await handOver(network, holder, request, dryRun) }
        _ = try successor(network, instead: holder.node)
        let milliseconds = request.milliseconds ?? Limits.drillSilenceMillisecondsDefault
        let allowed = Limits.drillSilenceMillisecondsMin...Limits.drillSilenceMillisecondsMax
        guard allowed.contains(milliseconds) else {
            throw .invalid([
                FieldError(
                    field: "milliseconds", message: "is \(milliseconds)",
                    hint: "from \(allowed.lowerBound) to \(allowed.upperBound)")
            ])
        }
        let record = DrillRecord(
            at: clock.now(), number: .random(in: 0 ... .max), incarnation: holder.incarnation, kind: request.kind,
            network: network, milliseconds: UInt64(milliseconds), state: dryRun ? .asking : .asked)
        if !dryRun {
            note(network, "drill: \(holder.node) is to \(request.kind == .kill ? "be killed" : "fall silent")")
        }
        try await ask(holder.node, record)
        return DrillOrderReport(
            network: network, kind: request.kind, node: holder.node,
            milliseconds: request.kind == .silence ? milliseconds : nil)
    }

    /// What the made-up clients saw.
    public func ended(_ network: String, _ outcome: DrillOutcome) throws(Problem) {
        guard engine.networks.contains(where: { $0.name == network }) else { throw .notFound("network \(network)") }
        let level = outcome.outcome == .kept ? Event.Level.info : .warning
        timeline.add(Event(.admin, level, network: network, .text("drill: \(outcome.sentence)")))
    }

    // MARK: Who

    private func holder(of network: String) throws(Problem) -> NodeRun {
        guard let found = engine.networks.first(where: { $0.name == network }) else {
            throw .notFound("network \(network)")
        }
        guard found.mode == .dynamic else {
            throw Problem(
                title: "nothing to rehearse", status: 422,
                detail: "network \(network) is \(found.mode.rawValue): every node answers there")
        }
        guard store.isShared else {
            throw Problem(
                title: "nothing to rehearse", status: 422,
                detail: "the store is this machine's own (sqlite), so no other node could take over; see "
                    + "`ondeck node join --help`")
        }
        guard let term = node.networkViews.first(where: { $0.network == network })?.term else {
            throw Problem(title: "not now", status: 409, detail: "nobody is up to bat for \(network)")
        }
        return term.holder
    }

    /// Another node that would take over, preferred ones first.
    private func successor(_ network: String, instead holder: String) throws(Problem) -> String {
        let preferred = engine.networks.first { $0.name == network }?.preferredNodes ?? []
        let names = node.nodeViews.filter {
            $0.life == .alive && $0.beat.intent == .serving && !$0.beat.deaf.contains(network)
        }.map(\.beat.run.node).filter { $0 != holder }.sorted()
        guard let name = preferred.first(where: names.contains) ?? names.first else {
            throw Problem(
                title: "nobody could take over", status: 409,
                detail: "no other node is alive, takes networks and hears \(network)")
        }
        return name
    }

    private func handOver(
        _ network: String, _ holder: NodeRun, _ request: DrillRequest, _ dryRun: Bool
    ) async throws(Problem) -> DrillOrderReport {
        let successor = if let to = request.to { to } else { try successor(network, instead: holder.node) }
        var report = DrillOrderReport(network: network, kind: .handover, node: holder.node, successor: successor)
        guard !dryRun else { return report }
        note(network, "drill: \(holder.node) is to hand over to \(successor)")
        report.milliseconds = try await cluster.handOver(network, to: successor).milliseconds
        return report
    }

    // MARK: Asking

    /// Returns when the node has accepted.
    private func ask(_ name: String, _ order: DrillRecord) async throws(Problem) {
        let key = StoreKeys.drill(name)
        let start = clock.uptime()
        _ = try await write(StoreBatch(writes: [.put(key: key, value: order.encode())]))
        while true {
            guard let (found, revision) = try await answer(key), found.number == order.number else {
                throw Problem(title: "changed meanwhile", status: 409, detail: "another drill of \(name) was ordered")
            }
            let isLate = clock.uptime().millisecondsSince(start) >= Limits.drillAnswerMillisecondsMax
            if found.state == .asked || found.state == .asking, !isLate {
                try? await Task.sleep(for: .milliseconds(Limits.drillAnswerLookMilliseconds))
                continue
            }
            // Guarded: if the node answers just now, then what it says counts.
            let isGone = try await write(
                StoreBatch(guards: [StoreGuard(key: key, revision: revision)], writes: [.delete(key: key)]))
            guard isGone else { continue }
            switch found.state {
            case .accepted: return
            case .refused: throw Problem(title: "refused", status: 403, detail: found.reason)
            case .asked, .asking:
                throw Problem(
                    title: "no answer", status: 409,
                    detail: "node \(name) does not answer the order: does it run, and this version of OnDeck?")
            }
        }
    }

    private func answer(_ key: String) async throws(Problem) -> (DrillRecord, Revision)? {
        do throws(StoreError) {
            guard let record = try await store.read(prefix: key).records.first(where: { $0.key == key }),
                let order = try? DrillRecord.decode(record.value)
            else { return nil }
            return (order, record.revision)
        } catch { throw Problem(error) }
    }

    /// False: the guard did not hold.
    private func write(_ batch: StoreBatch) async throws(Problem) -> Bool {
        do throws(StoreError) {
            _ = try await store.commit(batch)
            return true
        } catch {
            if case .conflict = error { return false }
            throw Problem(error)
        }
    }

    private func note(_ network: String, _ text: String) {
        timeline.add(Event(.admin, .warning, network: network, .text(text)))
    }
}
