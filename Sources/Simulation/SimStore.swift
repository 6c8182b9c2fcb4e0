// SPDX-License-Identifier: Apache-2.0

import Model
import Ports
import Synchronization

/// A store in memory that does what a test tells it to: the slow, obvious twin of the real ones. Everything happens in
/// the caller's turn, so the same calls always end the same way.
public final class SimStore: StateStore {
    /// What becomes of a commit.
    public enum Fault: Sendable {
        /// Not written, and refused with this error.
        case fail(StoreError)
        /// Written, but its answer is lost on the way: the caller is told this error. Networked stores do that.
        case loseAnswer(StoreError)
        /// Waits, with every commit after it, until `release()`.
        case hold
    }

    private struct Waiting {
        var batch: StoreBatch
        var fault: Fault?
        var done: @Sendable (Result<Revision, StoreError>) -> Void
    }

    private struct State {
        var faults: [Fault] = []
        var waiting: [Waiting] = []
        var isHolding = false
        var down: StoreError?
        var isClosed = false
    }

    private let disk: SimDisk
    private let state = Mutex(State())

    /// Throws `.unavailable` when another store has the disk open.
    public init(disk: SimDisk = SimDisk()) throws(StoreError) {
        guard disk.open() else { throw .unavailable("the disk is in use by another store") }
        self.disk = disk
    }

    // MARK: What a test tells it

    /// Each of the next commits takes one fault, in the order given.
    public func inject(_ fault: Fault, commits count: Int = 1) {
        state.withLock { $0.faults += Array(repeating: fault, count: count) }
    }

    /// Every operation fails with `error` from now on; nil: works again.
    public func setDown(_ error: StoreError?) { state.withLock { $0.down = error } }

    /// How many commits wait since a `.hold`.
    public var heldCount: Int { state.withLock { $0.waiting.count } }

    /// Lets the held commits happen, in the order in which they came. A `.hold` among them holds the rest again.
    public func release() {
        state.withLock { $0.isHolding = false }
        while let next = state.withLock({ $0.isHolding || $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }) {
            next.done(perform(next.batch, next.fault))
        }
    }

    /// The process dies: held commits were never made, and the disk can be opened again.
    public func crash() { end(.unavailable("crashed")) }

    /// All streams of changes end, as a reader's does who is too slow.
    public func cutReaders() { disk.endReaders() }

    // MARK: StateStore

    public func read(prefix: String) async throws(StoreError) -> StoreSnapshot {
        try refuseIfUnable()
        return disk.read(prefix: Array(prefix.utf8))
    }

    public func commit(_ batch: StoreBatch, then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void) {
        guard !batch.writes.isEmpty else { return done(.failure(.withoutWrites)) }
        do throws(StoreError) { try refuseIfUnable() } catch { return done(.failure(error)) }
        let now = state.withLock { state -> Waiting? in
            var fault = state.faults.isEmpty ? nil : state.faults.removeFirst()
            if case .hold = fault {
                state.isHolding = true
                fault = nil
            }
            let commit = Waiting(batch: batch, fault: fault, done: done)
            guard state.isHolding else { return commit }
            state.waiting.append(commit)
            return nil
        }
        if let now { now.done(perform(now.batch, now.fault)) }
    }

    public func status() async -> StoreStatus { StoreStatus(engine: "simulation") }
    public var operationsPerBatchMax: Int { Limits.storeBatchOperationsMax }
    public var isShared: Bool { false }

    public func changes(
        prefix: String, after revision: Revision
    ) async throws(StoreError) -> AsyncStream<StoreChange> {
        try refuseIfUnable()
        return disk.changes(prefix: Array(prefix.utf8), after: revision)
    }

    public func close() async { end(.unavailable("the store is closed")) }

    // MARK: Parts

    private func refuseIfUnable() throws(StoreError) {
        let error = state.withLock { $0.isClosed ? .unavailable("the store is closed") : $0.down }
        if let error { throw error }
    }

    private func perform(_ batch: StoreBatch, _ fault: Fault?) -> Result<Revision, StoreError> {
        if case .fail(let error) = fault { return .failure(error) }
        let result = disk.commit(batch)
        if case .loseAnswer(let error) = fault { return .failure(error) }
        return result
    }

    private func end(_ error: StoreError) {
        let waiting = state.withLock { state -> [Waiting]? in
            guard !state.isClosed else { return nil }
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        guard let waiting else { return }
        for commit in waiting { commit.done(.failure(error)) }
        disk.endReaders()
        disk.close()
    }
}
