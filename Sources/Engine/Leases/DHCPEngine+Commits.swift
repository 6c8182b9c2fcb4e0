// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Ports
import Synchronization

/// Whether the store took the last commit.
public enum StoreHealth: Hashable, Sendable {
    /// Nothing has been written yet.
    case unknown
    case working
    case failing(reason: String)
}

/// What the committer reports back.
extension DHCPEngine {
    var allTerms: [String: HeldTerm] { state.withLock { $0.terms } }

    func terms(of networks: Set<String>) -> [String: HeldTerm] {
        state.withLock { state in state.terms.filter { networks.contains($0.key) } }
    }

    /// The changes are durable: the books take them in, and only now the replies leave.
    func committed(_ batch: [PendingCommit], at revision: Revision) {
        let now = clock.now()
        state.withLock { state in
            for pending in batch {
                let (network, lease) = (pending.change.network, pending.change.lease)
                if pending.isDelete {
                    state.books[network]?.forget(lease.address, revision: revision.value, now: now)
                } else {
                    state.books[network]?.record(lease, revision: revision.value, now: now)
                }
                if !state.uncertain.isEmpty { state.uncertain[network]?.remove(lease.address) }
                if let key = pending.key, let reply = pending.reply {
                    state.cache.set(key, .answered(reply), now: now)
                }
            }
        }
        deliver(batch)
        counters.committed.add(batch.count)
        for pending in batch { noteCommit(pending) }
        storeWorks()
    }

    /// A commit has succeeded.
    func storeWorks() {
        let hasFailed = state.withLock { state in
            defer { state.health = .working }
            if case .failing = state.health { return true }
            return false
        }
        guard hasFailed else { return }
        timeline.add(Event(.system, .info, .text("the store takes writes again: normal service")))
        for network in state.withLock({ Array($0.terms.keys) }) { answerHeld(network) }
    }

    private func deliver(_ batch: [PendingCommit]) {
        var byInterface: [Int32: (port: ReplyPort, replies: [OutgoingReply])] = [:]
        for pending in batch {
            if let arrived = pending.arrived, let reply = pending.reply {
                byInterface[arrived.interface.index, default: (arrived.replyPort, [])].replies
                    .append(OutgoingReply(reply, port: arrived.datagram.port))
            }
            pending.done?(nil)
        }
        for (port, replies) in byInterface.values { port.send(replies) }
    }

    /// The changes will never be durable: silence, and one loud reason for the first of a series.
    func refused(_ batch: [PendingCommit], because error: StoreError) {
        let isNew = state.withLock { state in
            for key in batch.compactMap(\.key) { state.cache.remove(key) }
            if case .conflict = error { return false }
            if state.isShared, case .unavailable = error {
                // Perhaps written all the same: then the store's own word counts.
                for pending in batch {
                    state.uncertain[pending.change.network, default: []].insert(pending.change.lease.address)
                }
            }
            return state.fail(error)
        }
        counters.refusedCommits.add(batch.count)
        for pending in batch { pending.done?(error) }
        if isNew { noteFailure(error) }
    }

    /// The store refused something else than a lease.
    func storeFails(_ error: StoreError) {
        if state.withLock({ $0.fail(error) }) { noteFailure(error) }
    }

    /// From now on nobody here is waited for: what the store does not take any longer, the others make good.
    func beginStopping() { isStopping.store(true, ordering: .relaxed) }

    private func noteFailure(_ error: StoreError) {
        guard !isStopping.load(ordering: .relaxed) else {
            timeline.add(
                Event(.system, .info, .text("the store takes no writes while this node stops: \(error.sentence)")))
            return
        }
        timeline.add(
            Event(
                .system, .error,
                .text(
                    "the store takes no writes: \(error.sentence). No new leases until it does; reservations are "
                        + "answered, and renewals inside their reserved window")))
    }

    /// Another node has the network's term now: stop writing for it.
    func fenced(_ network: String) {
        rest(network)
        timeline.add(
            Event(
                .system, .error, network: network,
                .text("another node took over this network: this one stops handing out its addresses")))
    }
}

extension StoreError {
    public var sentence: String {
        switch self {
        case .conflict(let key): "somebody else changed \(key) first"
        case .full(let why): "no space is left (\(why))"
        case .unavailable(let why): "it cannot be written (\(why))"
        case .corrupt(let why): "it cannot be read (\(why))"
        }
    }
}

extension DHCPEngine.State {
    /// True: that is new.
    mutating func fail(_ error: StoreError) -> Bool {
        let failing = StoreHealth.failing(reason: error.sentence)
        defer { health = failing }
        if case .failing = health { return false }
        return true
    }
}
