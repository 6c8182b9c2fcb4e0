// SPDX-License-Identifier: Apache-2.0

import Model

/// Whose each network should be, and the moves that it takes.
struct Balance: Sendable {
    var spread = Spread(nodes: [])
    var plan: [String: String] = [:]
    var isPlanStale = true
    /// When the nodes, or what they hear, last changed.
    var changedAt: Uptime
    /// Terms may be where they should not.
    var isUneven = true
    var lookedAt: Uptime
    var movedAt: Uptime
    /// Networks to hand over, last first.
    var moves: [String] = []
    /// Networks whose successors are being named because this process stops.
    var leaving: Set<String> = []

    init(now: Uptime) { (changedAt, lookedAt, movedAt) = (now, now, now) }
}

extension Leadership {
    mutating func planChanged() {
        balance.isUneven = true
        balance.isPlanStale = true
    }

    /// Costs a pass over all networks: only after changes, when somebody asks; never for a packet or a tick.
    mutating func refreshPlan() {
        guard balance.isPlanStale else { return }
        balance.isPlanStale = false
        balance.plan = freshPlan()
    }

    func freshPlan() -> [String: String] {
        guard isShared else { return [:] }
        return balance.spread.plan(
            candidates, holder: { networks[$0]?.record?.term.holder.node }, hears: { hears($0, $1) })
    }

    /// What decides between two nodes; the lesser comes first.
    struct Suitability: Comparable {
        var isSuspect: Bool
        var isDesired: Bool
        var preference: Int
        var score: UInt64

        static func < (a: Self, b: Self) -> Bool {
            if a.isSuspect != b.isSuspect { return b.isSuspect }
            if a.isDesired != b.isDesired { return a.isDesired }
            return a.preference != b.preference ? a.preference < b.preference : a.score > b.score
        }
    }

    /// As the plan stands: `refreshPlan` before.
    func suitability(of node: String, _ name: String) -> Suitability {
        Suitability(
            isSuspect: isSuspect(node, name), isDesired: balance.plan[name] == node,
            preference: networks[name]?.candidate?.preferred.firstIndex(of: node) ?? .max,
            score: Spread.score(network: name, node: node))
    }

    /// Hands over one network at a time, when the same nodes have been there for a while.
    mutating func rebalance() {
        guard isTaking, !isRestored, now.millisecondsSince(balance.changedAt) >= Limits.settleMilliseconds else {
            return
        }
        if balance.moves.isEmpty {
            guard balance.isUneven, now.millisecondsSince(balance.lookedAt) >= Limits.settleMilliseconds else { return }
            balance.lookedAt = now
            // A suspect may have been cleared by what it hears; nothing else says so.
            forgetSuspects()
            balance.isUneven = !suspects.isEmpty
            balance.isPlanStale = true
            refreshPlan()
            balance.moves = held[run.node, default: []].filter { (balance.plan[$0] ?? run.node) != run.node }
                .sorted(by: >)
        }
        guard now.millisecondsSince(balance.movedAt) >= Limits.rebalancePaceMilliseconds else { return }
        while let name = balance.moves.popLast() {
            guard move(name) else { continue }
            balance.movedAt = now
            return
        }
    }

    private mutating func move(_ name: String) -> Bool {
        guard let state = networks[name], state.isServing, state.writing == nil, let record = state.record,
            let desired = balance.plan[name], desired != run.node
        else { return false }
        // What has just been handed to us is not handed on before it has settled; and a hand-over that failed waits.
        let isFresh =
            record.term.cause == .handedOver && now.millisecondsSince(record.seenAt) < Limits.settleMilliseconds
        guard !isFresh, state.retryAt.map({ now >= $0 }) ?? true,
            let successor = fit(desired, name, orSuspect: false)
        else {
            balance.isUneven = true
            return false
        }
        handOver(name, to: successor)
        return true
    }
}
