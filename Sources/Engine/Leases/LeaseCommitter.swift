// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Ports
import Synchronization

/// One verdict that waits for the store.
struct PendingCommit: Sendable {
    var change: LeaseChange
    /// Sent when the change is durable, and not before.
    var reply: PlannedReply?
    /// The request that it answers; nil for a change that no client asked for.
    var arrived: ArrivedRequest?
    var key: ReplyCache.Key?
    /// Told when it is durable, or that it never will be: an operator's own change.
    var done: (@Sendable (StoreError?) -> Void)?
    /// The record goes away altogether (an operator's delete).
    var isDelete = false
}

/// What is written, and when: takes whatever waits, writes it in one guarded transaction, and then lets the replies
/// leave. While one batch is being synced the next one gathers, so a busy disk makes batches larger, not clients
/// slower. It has no thread of its own: whoever brings the first commit starts it, and the store's answer starts the
/// next one.
public final class LeaseCommitter: Sendable {
    private struct Queue {
        var waiting: [PendingCommit] = []
        var isCommitting = false
    }

    private let queue = Mutex(Queue())
    private let store: any StateStore
    private let operationsMax: Int
    private let engine: DHCPEngine

    init(store: any StateStore, engine: DHCPEngine) {
        self.store = store
        self.engine = engine
        operationsMax = min(Limits.commitBatchMax, store.operationsPerBatchMax)
    }

    /// False when too much waits already: the request is dropped, and its client will ask again.
    func submit(_ pending: PendingCommit) -> Bool {
        let (accepted, batch) = queue.withLock { queue -> (Bool, [PendingCommit]?) in
            guard queue.waiting.count < Limits.commitQueueMax else { return (false, nil) }
            queue.waiting.append(pending)
            return (true, queue.isCommitting ? nil : take(&queue))
        }
        if let batch { commit(batch) }
        return accepted
    }

    /// So much waits that a new client is better off with its next try than with an offer that it cannot take up.
    var isBehind: Bool { queue.withLock { $0.waiting.count >= Limits.commitQueueForNewClientsMax } }

    /// While the store fails, tries it again and again, so that everybody knows when it is back even if no client
    /// asks. Runs until its task is cancelled.
    public func watchStore() async {
        let value = [UInt8](repeating: 0, count: Limits.storeProbeBytes)
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Limits.storeProbeMilliseconds))
            guard case .failing = engine.storeHealth else { continue }
            do throws(StoreError) {
                _ = try await store.commit(StoreBatch(writes: [.put(key: StoreKeys.probe, value: value)]))
                _ = try await store.commit(StoreBatch(writes: [.delete(key: StoreKeys.probe)]))
                engine.storeWorks()
            } catch { continue }
        }
    }

    /// The next batch; nil when there is none, and then nobody commits.
    private func take(_ queue: inout Queue) -> [PendingCommit]? {
        queue.isCommitting = !queue.waiting.isEmpty
        guard queue.isCommitting else { return nil }
        // Each network needs a guard, besides the leases.
        if 2 * queue.waiting.count <= operationsMax {
            defer { queue.waiting = [] }
            return queue.waiting
        }
        var networks: Set<String> = []
        let count = queue.waiting.enumerated().first { index, pending in
            networks.insert(pending.change.network)
            return index + 1 + networks.count > operationsMax
        }?.offset
        let batch = Array(queue.waiting.prefix(count ?? queue.waiting.count))
        queue.waiting.removeFirst(batch.count)
        return batch
    }

    private func commitNext() {
        if let batch = queue.withLock({ take(&$0) }) { commit(batch) }
    }

    private func commit(_ batch: [PendingCommit]) {
        // A term that ended between the decision and now: those of its network are dropped, the others go on.
        let terms = engine.terms(of: Set(batch.map(\.change.network)))
        let lost = batch.filter { terms[$0.change.network] == nil }
        if !lost.isEmpty { engine.refused(lost, because: .conflict(key: "term")) }
        let live = lost.isEmpty ? batch : batch.filter { terms[$0.change.network] != nil }
        guard !live.isEmpty else { return commitNext() }
        let guards = terms.values.map { StoreGuard(key: StoreKeys.term($0.term.network), revision: $0.revision) }
        store.commit(StoreBatch(guards: guards, writes: live.map(Self.write))) { [self] result in
            ended(live, networks: terms.count, result)
        }
    }

    private func ended(_ batch: [PendingCommit], networks: Int, _ result: Result<Revision, StoreError>) {
        switch result {
        case .success(let revision): engine.committed(batch, at: revision)
        case .failure(let error):
            if case .conflict(let key) = error, let network = key.split(separator: "/").last {
                // Fenced: somebody else's turn. Only that network's changes are lost.
                engine.fenced(String(network))
                if networks > 1 { return commit(batch) }
            }
            engine.refused(batch, because: error)
        }
        commitNext()
    }

    private static func write(_ pending: PendingCommit) -> StoreWrite {
        let key = StoreKeys.lease(pending.change.network, pending.change.lease.address)
        if pending.isDelete { return .delete(key: key) }
        return .put(key: key, value: LeaseRecord.encode(pending.change.lease))
    }
}
