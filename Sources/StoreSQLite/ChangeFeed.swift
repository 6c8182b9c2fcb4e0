// SPDX-License-Identifier: Apache-2.0

import Model
import Ports
import Synchronization

/// Tells this process's readers what was committed, in order and without a gap. It remembers the latest commits, up
/// to `Limits.storeHistoryBytesMax`, for readers that begin a little in the past. A reader who asks for more than it
/// remembers, or follows too slowly, has its stream ended: it must read again.
final class ChangeFeed: Sendable {
    private struct Reader {
        var prefix: [UInt8]
        var stream: AsyncStream<StoreChange>.Continuation
    }

    private struct State {
        var history: ChangeHistory
        var readers: [Int: Reader] = [:]
        var nextReader = 0
        var isFinished = false
    }

    private let state: Mutex<State>
    private let historyBytesMax: Int
    private let bufferedMax: Int

    /// Remembers nothing before `revision`.
    init(
        revision: Revision, historyBytesMax: Int = Limits.storeHistoryBytesMax,
        bufferedMax: Int = Limits.storeChangesBufferedPerReader
    ) {
        self.historyBytesMax = historyBytesMax
        state = Mutex(State(history: ChangeHistory(revision: revision, bytesMax: historyBytesMax)))
        self.bufferedMax = bufferedMax
    }

    /// By the commit thread only, in the order of revisions.
    func publish(_ changes: [StoreChange]) {
        let tooSlow = state.withLock { state in
            var tooSlow: [AsyncStream<StoreChange>.Continuation] = []
            for change in changes {
                state.history.append(change)
                for (number, reader) in state.readers {
                    guard let part = change.part(withPrefix: reader.prefix) else { continue }
                    if case .enqueued = reader.stream.yield(part) { continue }
                    state.readers[number] = nil
                    tooSlow.append(reader.stream)
                }
            }
            return tooSlow
        }
        // Outside of the lock: finishing calls back.
        for stream in tooSlow { stream.finish() }
    }

    func changes(prefix: String, after revision: Revision) throws(StoreError) -> AsyncStream<StoreChange> {
        let prefix = Array(prefix.utf8)
        let outcome = state.withLock { state -> Result<AsyncStream<StoreChange>, StoreError> in
            guard !state.isFinished else { return .failure(.closed) }
            guard let missed = state.history.changes(after: revision) else { return .success(Self.ended) }
            let (stream, continuation) = AsyncStream<StoreChange>.makeStream(
                bufferingPolicy: .bufferingOldest(missed.count + bufferedMax))
            for change in missed {
                if let part = change.part(withPrefix: prefix) { continuation.yield(part) }
            }
            let number = state.nextReader
            state.nextReader += 1
            state.readers[number] = Reader(prefix: prefix, stream: continuation)
            continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.readers[number] = nil } }
            return .success(stream)
        }
        return try outcome.get()
    }

    /// Everybody must read again, and go on from `revision` or later.
    func restart(at revision: Revision) {
        finishReaders { $0.history = ChangeHistory(revision: revision, bytesMax: historyBytesMax) }
    }

    func finish() { finishReaders { $0.isFinished = true } }

    private func finishReaders(_ change: (inout State) -> Void) {
        let readers = state.withLock { state in
            change(&state)
            defer { state.readers = [:] }
            return state.readers.values.map(\.stream)
        }
        for stream in readers { stream.finish() }
    }

    private static var ended: AsyncStream<StoreChange> { AsyncStream { $0.finish() } }
}

extension StoreChange {
    /// The writes whose keys begin with `prefix`; nil when there is none.
    func part(withPrefix prefix: [UInt8]) -> StoreChange? {
        let matches = writes.filter { $0.key.utf8.starts(with: prefix) }
        guard !matches.isEmpty else { return nil }
        return matches.count == writes.count ? self : StoreChange(revision: revision, writes: matches)
    }
}
