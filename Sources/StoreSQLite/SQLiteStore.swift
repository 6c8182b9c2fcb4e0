// SPDX-License-Identifier: Apache-2.0

import GRDB
import GRDBSQLite
import Model
import Ports
import Synchronization

/// Records in one SQLite database, for one process at a time: the store of a single machine.
///
/// Commits run one after the other on a thread of their own, each synced before it returns (write-ahead log,
/// synchronous = FULL); those that wait together share a transaction and its sync. Reads run beside them, each on one
/// snapshot. An operator may look into the database while OnDeck runs (`sqlite3 -readonly`). If he writes to it all the
/// same, the next commit notices, and every stream of changes ends, so that its reader reads again.
public final class SQLiteStore: StateStore {
    private let file: DatabaseFile
    private let feed: ChangeFeed
    private let thread: CommitThread
    /// Keeps reads from starting while the pool closes.
    private let isClosing = Mutex(false)

    /// Opens the database, or creates it; its folder must exist. Throws `.unavailable` where the file cannot be used,
    /// another ondeck uses it, or its commits would not be durable; `.corrupt` where it is not OnDeck's or is damaged;
    /// `.full`. Every message names the file. Blocks for a few syncs.
    public init(path: String) throws(StoreError) {
        file = try DatabaseFile(path: path)
        feed = ChangeFeed(revision: file.revision)
        thread = try CommitThread(file: file, feed: feed)
        thread.start()
    }

    deinit { thread.requestClose() }

    /// In the order of the keys' bytes.
    public func read(prefix: String) async throws(StoreError) -> StoreSnapshot {
        let path = file.path
        return try await withCheckedContinuation { done in
            let isRefused = isClosing.withLock { isClosing in
                if !isClosing {
                    file.pool.asyncRead { db in done.resume(returning: RecordReading.read(prefix, db, path: path)) }
                }
                return isClosing
            }
            if isRefused { done.resume(returning: .failure(.closed)) }
        }.get()
    }

    /// A key written twice in one batch ends as the last write says. If a sync itself fails (a broken disk), the batch
    /// is `.unavailable` and taken back; but should the machine die before another commit, the next start may find it.
    public func commit(_ batch: StoreBatch, then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void) {
        guard !batch.writes.isEmpty else { return done(.failure(.withoutWrites)) }
        thread.commit(batch, then: done)
    }

    public func status() async -> StoreStatus { StoreStatus(engine: "sqlite") }
    public var operationsPerBatchMax: Int { Limits.storeBatchOperationsMax }
    /// Its file is locked.
    public var isShared: Bool { false }

    /// A change has only the writes whose keys begin with `prefix`. When `revision` is so old that the changes since
    /// are forgotten (a few thousand commits, none from before the start), the stream ends at once.
    public func changes(
        prefix: String, after revision: Revision
    ) async throws(StoreError) -> AsyncStream<StoreChange> {
        try feed.changes(prefix: prefix, after: revision)
    }

    /// Finishes what was accepted, ends the streams and frees the file. What comes later is `.unavailable`.
    public func close() async {
        isClosing.withLock { $0 = true }
        await thread.close()
    }
}
