// SPDX-License-Identifier: Apache-2.0

import Ports
import Simulation
import Synchronization

/// A simulated store with a limit, that counts its batches and fails at one of them, or from one of them on.
final class NarrowStore: StateStore {
    private struct State {
        var batches: [Int] = []
        var failure: (batch: Int, fault: SimStore.Fault)?
        var afterBatch: (@Sendable () -> Void)?
        var downFrom: Int?
    }

    let inner: SimStore
    let operationsPerBatchMax: Int
    let isShared: Bool
    private let state = Mutex(State())

    init(_ inner: SimStore, operationsPerBatchMax: Int = 128, isShared: Bool = false) {
        self.inner = inner
        self.operationsPerBatchMax = operationsPerBatchMax
        self.isShared = isShared
    }

    /// Writes in each batch so far.
    var batches: [Int] { state.withLock { $0.batches } }
    var failure: (batch: Int, fault: SimStore.Fault)? {
        get { state.withLock { $0.failure } }
        set { state.withLock { $0.failure = newValue } }
    }
    /// Happens after the first batch.
    var afterBatch: (@Sendable () -> Void)? {
        get { state.withLock { $0.afterBatch } }
        set { state.withLock { $0.afterBatch = newValue } }
    }

    /// From the batch after so many more on it answers nobody: its client has died.
    func goDown(afterBatches count: Int) { state.withLock { $0.downFrom = $0.batches.count + count } }

    func read(prefix: String) async throws(StoreError) -> StoreSnapshot {
        try await inner.read(prefix: prefix)
    }

    func commit(_ batch: StoreBatch, then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void) {
        guard batch.guards.count + batch.writes.count <= operationsPerBatchMax else {
            return done(.failure(.unavailable("refused: too many operations")))
        }
        if state.withLock({ $0.batches.count == $0.downFrom }) { inner.setDown(.unavailable("gone")) }
        let fault = state.withLock { state in
            defer { state.batches.append(batch.writes.count) }
            return state.failure?.batch == state.batches.count ? state.failure?.fault : nil
        }
        if let fault { inner.inject(fault) }
        inner.commit(batch, then: done)
        let after = state.withLock { state in
            defer { state.afterBatch = nil }
            return state.afterBatch
        }
        after?()
    }

    func changes(prefix: String, after revision: Revision) async throws(StoreError) -> AsyncStream<StoreChange> {
        try await inner.changes(prefix: prefix, after: revision)
    }

    func close() async { await inner.close() }
    func status() async -> StoreStatus { await inner.status() }
}
