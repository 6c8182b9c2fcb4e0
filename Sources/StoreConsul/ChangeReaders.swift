// SPDX-License-Identifier: Apache-2.0

import Model
import Ports
import Synchronization

/// How far into the feeds a follower has come: everything up to `revision` is known.
struct FeedPosition: Hashable, Sendable {
    /// Of every head there is, its last sequence.
    var sequences: [String: Int64]
    /// The largest ModifyIndex of all heads: the last batch of all.
    var revision: Revision

    init(_ heads: [FeedHead]) {
        sequences = Dictionary(heads.map { ($0.run, $0.sequence) }, uniquingKeysWith: max)
        revision = Revision(heads.map(\.index).max() ?? 0)
    }
}

/// This process's streams of changes, and the latest changes for streams that begin a little in the past. A stream that
/// asks for more than is remembered, or is read too slowly, ends: its reader must read again.
final class ChangeReaders: Sendable {
    private struct Reader {
        var prefix: [UInt8]
        var after: Revision
        var stream: AsyncStream<StoreChange>.Continuation
    }

    private struct State {
        /// Nil until the first look at the heads.
        var position: FeedPosition?
        /// Changes after this revision are all in `history`.
        var floor = Revision.none
        var history: [StoreChange] = []
        var historyBytes = 0
        var readers: [Int: Reader] = [:]
        var nextReader = 0
        var isFinished = false
    }

    private let state = Mutex(State())

    var position: FeedPosition? { state.withLock { $0.position } }

    /// The first look counts; whoever looked at the same time saw as much or less.
    func start(at position: FeedPosition) {
        state.withLock { state in
            guard state.position == nil else { return }
            state.position = position
            state.floor = position.revision
        }
    }

    /// In the order of revisions, and all that there is up to `position`.
    func publish(_ changes: [StoreChange], position: FeedPosition) {
        let tooSlow = state.withLock { state in
            state.position = position
            var tooSlow: [AsyncStream<StoreChange>.Continuation] = []
            for change in changes {
                state.history.append(change)
                state.historyBytes += change.bytes
                for (number, reader) in state.readers where change.revision > reader.after {
                    guard let part = change.part(withPrefix: reader.prefix) else { continue }
                    if case .enqueued = reader.stream.yield(part) { continue }
                    state.readers[number] = nil
                    tooSlow.append(reader.stream)
                }
            }
            Self.forget(&state)
            return tooSlow
        }
        // Outside of the lock: finishing calls back.
        for stream in tooSlow { stream.finish() }
    }

    /// Nil for a revision that is yet to come as far as is known here.
    func changes(
        prefix: String, after revision: Revision, isKnownToExist: Bool
    ) throws(StoreError) -> AsyncStream<StoreChange>? {
        let prefix = Array(prefix.utf8)
        let outcome = state.withLock { state -> Result<AsyncStream<StoreChange>?, StoreError> in
            guard !state.isFinished, let position = state.position else { return .failure(.closed) }
            guard revision >= state.floor else { return .success(Self.ended) }
            guard isKnownToExist || revision <= position.revision else { return .success(nil) }
            let missed = state.history.filter { $0.revision > revision }.compactMap { $0.part(withPrefix: prefix) }
            let (stream, continuation) = AsyncStream<StoreChange>.makeStream(
                bufferingPolicy: .bufferingOldest(missed.count + Limits.storeChangesBufferedPerReader))
            for change in missed { continuation.yield(change) }
            let number = state.nextReader
            state.nextReader += 1
            state.readers[number] = Reader(prefix: prefix, after: revision, stream: continuation)
            continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.readers[number] = nil } }
            return .success(stream)
        }
        return try outcome.get()
    }

    /// Everybody must read again, and go on from there or later.
    func restart(at position: FeedPosition) {
        finishReaders { state in
            state.position = position
            state.floor = position.revision
            state.history = []
            state.historyBytes = 0
        }
    }

    func finish() { finishReaders { $0.isFinished = true } }

    static var ended: AsyncStream<StoreChange> { AsyncStream { $0.finish() } }

    private func finishReaders(_ change: (inout State) -> Void) {
        let readers = state.withLock { state in
            change(&state)
            defer { state.readers = [:] }
            return state.readers.values.map(\.stream)
        }
        for stream in readers { stream.finish() }
    }

    /// The older half at once: taking single changes from the front of an array would move all the others.
    private static func forget(_ state: inout State) {
        guard state.historyBytes > Limits.storeHistoryBytesMax else { return }
        var count = 0
        while count < state.history.count, state.historyBytes > Limits.storeHistoryBytesMax / 2 {
            state.historyBytes -= state.history[count].bytes
            state.floor = state.history[count].revision
            count += 1
        }
        state.history.removeFirst(count)
    }
}

extension StoreError {
    static let closed = StoreError.unavailable("the store is closed")
}

extension StoreChange {
    /// The writes whose keys begin with `prefix`; nil when there is none.
    fileprivate func part(withPrefix prefix: [UInt8]) -> StoreChange? {
        let matches = writes.filter { $0.key.utf8.starts(with: prefix) }
        guard !matches.isEmpty else { return nil }
        return matches.count == writes.count ? self : StoreChange(revision: revision, writes: matches)
    }

    /// What it takes in memory, about.
    fileprivate var bytes: Int {
        writes.reduce(64) { sum, write in
            switch write {
            case .put(let key, let value): sum + 64 + key.utf8.count + value.count
            case .delete(let key): sum + 64 + key.utf8.count
            }
        }
    }
}
