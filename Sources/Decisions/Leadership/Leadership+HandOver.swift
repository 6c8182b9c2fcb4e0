// SPDX-License-Identifier: Apache-2.0

import Model

/// Giving terms away, and stopping.
extension Leadership {
    /// What a process goes through.
    enum Phase: Hashable, Sendable {
        /// Can become `handingOver`.
        case running
        /// SIGTERM: successors are being named. Can become `sayingGoodbye`, and `stopped` where nobody listens.
        case handingOver(until: Uptime)
        /// The last beat is waited for. Can become `stopped`.
        case sayingGoodbye(until: Uptime, isSent: Bool)
        case stopped

        var deadline: Uptime? {
            switch self {
            case .running, .stopped: nil
            case .handingOver(let until), .sayingGoodbye(let until, _): until
            }
        }
    }

    var isStopping: Bool { phase != .running }

    /// To whom this node wants to give a network that it has, if to anybody.
    mutating func departure(of name: String) -> NodeRun? {
        if let ordered = orders[name], ordered != run.node, let run = fit(ordered, name, orSuspect: true) { return run }
        guard isShared else { return nil }
        if intent != .serving { return successor(name, orSuspect: true) }
        return ownDeaf.contains(name) ? successor(name, orSuspect: false) : nil
    }

    /// The run of a node that can be given a network: it lives beyond doubt, takes terms and hears the clients.
    func fit(_ node: String, _ network: String, orSuspect: Bool) -> NodeRun? {
        guard node != run.node, isLive(node), let evidence = nodes[node], evidence.isProven,
            hears(node, network, orSuspect: orSuspect)
        else { return nil }
        return evidence.run
    }

    mutating func successor(_ name: String, orSuspect: Bool) -> NodeRun? {
        refreshPlan()
        return balance.spread.nodes.filter { fit($0, name, orSuspect: orSuspect) != nil }
            .min { suitability(of: $0, name) < suitability(of: $1, name) }
            .flatMap { fit($0, name, orSuspect: orSuspect) }
    }

    mutating func handOver(_ name: String, to successor: NodeRun) {
        guard let state = networks[name], let record = state.record, let epoch = state.nextEpoch else { return }
        rest(name, .handingOver(to: successor.node))
        let until = now.adding(milliseconds: silence)
        networks[name]?.writing = NetworkState.Writing(successor: successor.node, until: until)
        wake(name, at: until)
        let term = Term(network: name, holder: successor, epoch: epoch, cause: .handedOver, since: clusterNow)
        let isOrdered = orders[name] == successor.node
        effects.append(.write(term, expected: record.revision, deletesOrder: isOrdered))
    }

    // MARK: Orders

    mutating func takeOrder(_ name: String, to node: String?) {
        if let node {
            orders[name] = node
            ordersGone[name] = nil
            let holder = networks[name]?.record?.term.holder.node
            pin(name, to: holder == node ? node : nil)
        } else {
            ordersGone[name] = orders.removeValue(forKey: name)
        }
        look(at: name)
    }

    /// An order that was followed holds until its node leaves.
    mutating func takeWishes(of term: Term) {
        let name = term.network
        let ordered = orders[name] ?? ordersGone.removeValue(forKey: name)
        if let ordered, ordered == term.holder.node {
            pin(name, to: ordered)
        } else if balance.spread.pins[name] != term.holder.node {
            pin(name, to: nil)
        }
    }

    private mutating func pin(_ name: String, to node: String?) {
        guard balance.spread.pins[name] != node else { return }
        balance.spread.pins[name] = node
        if let node { balance.plan[name] = node }
        balance.isUneven = true
    }

    // MARK: Stopping

    mutating func stop() {
        guard phase == .running else { return }
        balance.leaving = held[run.node, default: []].filter { name in
            guard let state = networks[name], state.candidate != nil, !isRestored else { return false }
            return state.record?.term.holder == run && !state.isBehind && state.writing?.isWritten != true
        }
        phase = .handingOver(until: now.adding(milliseconds: Limits.stopHandOverMilliseconds))
        reviewLive()
        if isShared, own.pendingSince == nil { sendBeat() }
        for name in balance.leaving.sorted() { look(at: name) }
    }

    /// What becomes of a network of ours when we stop.
    mutating func leave(_ name: String) {
        guard case .handingOver = phase, own.isValid, let successor = successor(name, orSuspect: true) else {
            rest(name, .stopping)
            return leavingEnded(name)
        }
        balance.leaving.insert(name)
        if let retryAt = networks[name]?.retryAt, now < retryAt {
            if let record = networks[name]?.record { serve(name, record) }
            return wake(name, at: retryAt)
        }
        handOver(name, to: successor)
    }

    mutating func leavingEnded(_ name: String) { balance.leaving.remove(name) }

    mutating func advanceStop() {
        if case .handingOver(let until) = phase, balance.leaving.isEmpty || now >= until {
            for name in held[run.node, default: []].sorted() { rest(name, .stopping) }
            phase = .sayingGoodbye(until: now.adding(milliseconds: Limits.stopBeatMilliseconds), isSent: false)
            if !isShared { end() }
        }
        guard case .sayingGoodbye(let until, let isSent) = phase else { return }
        if now >= until { return end() }
        guard !isSent, own.pendingSince == nil else { return }
        phase = .sayingGoodbye(until: until, isSent: true)
        sendBeat()
        effects.append(.heartbeat)
    }

    /// Whether the beat whose fate has just become known was the last one.
    mutating func goodbyeEnded() -> Bool {
        guard case .sayingGoodbye(_, true) = phase else { return phase == .stopped }
        end()
        return true
    }

    private mutating func end() {
        phase = .stopped
        effects.append(.stopped)
    }
}
