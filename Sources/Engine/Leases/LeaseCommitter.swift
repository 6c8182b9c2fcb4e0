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
/// slower.
public final class LeaseCommitter: Sendable {
    private let queue = Mutex<[PendingCommit]>([])
    private let wakeups: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let store: any StateStore
    private let engine: DHCPEngine

    init(store: any StateStore, engine: DHCPEngine) {
        self.store = store
        self.engine = engine
        (wakeups, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// False when too much waits already: the request is dropped, and its client will ask again.
    func submit(_ pending: PendingCommit) -> Bool {
        let (accepted, wasEmpty) = queue.withLock { queue in
            guard queue.count < Limits.commitQueueMax else { return (false, false) }
            queue.append(pending)
            return (true, queue.count == 1)
        }
        if wasEmpty { wake.yield() }
        return accepted
    }

    /// Runs until its task is cancelled.
    public func run() async {
        for await _ in wakeups {
            while let batch = take(), !Task.isCancelled {
                await commit(batch)
                // Under load a moment's patience makes one commit of many; a lone client never meets it.
                guard waiting < Limits.commitBatchMax else { continue }
                try? await Task.sleep(for: .microseconds(Limits.commitGatherMicroseconds))
            }
        }
    }

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

    private var waiting: Int { queue.withLock { $0.count } }

    private func take() -> [PendingCommit]? {
        queue.withLock { queue in
            guard !queue.isEmpty else { return nil }
            if queue.count <= Limits.commitBatchMax {
                defer { queue = [] }
                return queue
            }
            let batch = Array(queue.prefix(Limits.commitBatchMax))
            queue.removeFirst(batch.count)
            return batch
        }
    }

    private func commit(_ batch: [PendingCommit]) async {
        // A term that ended between the decision and now: those of its network are dropped, the others go on.
        let terms = engine.terms(of: Set(batch.map(\.change.network)))
        let lost = batch.filter { terms[$0.change.network] == nil }
        if !lost.isEmpty { engine.refused(lost, because: .conflict(key: "term")) }
        let live = batch.filter { terms[$0.change.network] != nil }
        guard !live.isEmpty else { return }
        let guards = terms.values.map { StoreGuard(key: StoreKeys.term($0.term.network), revision: $0.revision) }
        do throws(StoreError) {
            _ = try await store.commit(StoreBatch(guards: guards, writes: live.map(Self.write)))
            engine.committed(live)
        } catch {
            if case .conflict(let key) = error, let network = key.split(separator: "/").last {
                // Fenced: somebody else's turn. Only that network's changes are lost.
                engine.fenced(String(network))
                if terms.count > 1 { return await commit(live) }
            }
            engine.refused(live, because: error)
        }
    }

    private static func write(_ pending: PendingCommit) -> StoreWrite {
        let key = StoreKeys.lease(pending.change.network, pending.change.lease.address)
        if pending.isDelete { return .delete(key: key) }
        return .put(key: key, value: LeaseRecord.encode(pending.change.lease))
    }
}
