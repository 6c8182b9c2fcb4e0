// SPDX-License-Identifier: Apache-2.0

import GRDBSQLite
import Ports

/// The statements of commits, prepared once and bound by hand: no copies, and SQLite's own codes and errno when they
/// fail. (GRDB's statements take 0 to 20 % more CPU a record.) Belongs to the commit thread.
final class RecordTables {
    private let connection: OpaquePointer
    private let path: String
    private let begin, commit, rollback, dataVersion, storedRevision: OpaquePointer
    private let guarded, upsert, remove, advance: OpaquePointer
    /// SQLite's count of what other connections have committed.
    private var versionSeen: Int64?
    /// How many frames the write-ahead log has; SQLite reports it after each commit.
    private let logFrames: UnsafeMutablePointer<Int>

    init(connection: OpaquePointer, path: String) throws(StoreError) {
        self.connection = connection
        self.path = path
        var prepared: [OpaquePointer] = []
        func prepare(_ sql: String) throws(StoreError) -> OpaquePointer {
            do throws(StoreError) { prepared.append(try Self.prepare(sql, connection, path: path)) } catch {
                // There is no `deinit` yet that would.
                for statement in prepared { sqlite3_finalize(statement) }
                throw error
            }
            return prepared[prepared.count - 1]
        }
        begin = try prepare("BEGIN IMMEDIATE")
        commit = try prepare("COMMIT")
        rollback = try prepare("ROLLBACK")
        dataVersion = try prepare("PRAGMA data_version")
        storedRevision = try prepare("SELECT value FROM meta WHERE name = 'revision'")
        guarded = try prepare("SELECT revision FROM record WHERE key = ?1")
        upsert = try prepare(
            """
            INSERT INTO record VALUES (?1, ?2, ?3)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision
            """)
        remove = try prepare("DELETE FROM record WHERE key = ?1")
        advance = try prepare("UPDATE meta SET value = ?1 WHERE name = 'revision'")
        logFrames = .allocate(capacity: 1)
        logFrames.initialize(to: 0)
        versionSeen = nil
        // Takes the place of SQLite's own checkpoints, which would run inside of commits.
        sqlite3_wal_hook(
            connection,
            { context, _, _, frames in
                context?.assumingMemoryBound(to: Int.self).pointee = Int(frames)
                return SQLITE_OK
            }, logFrames)
        versionSeen = try number(dataVersion)
    }

    /// Before the connection is closed, and on the commit thread.
    deinit {
        sqlite3_wal_hook(connection, nil, nil)
        logFrames.deallocate()
        let others = [begin, commit, rollback, dataVersion, storedRevision, advance]
        for statement in [guarded, upsert, remove] + others { sqlite3_finalize(statement) }
    }

    static func prepare(_ sql: String, _ connection: OpaquePointer, path: String) throws(StoreError) -> OpaquePointer {
        var statement: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        guard sqlite3_prepare_v3(connection, sql, -1, flags, &statement, nil) == SQLITE_OK, let statement else {
            throw StoreError(connection: connection, path: path)
        }
        return statement
    }

    var framesInLog: Int { logFrames.pointee }

    struct Written {
        /// One a batch.
        var results: [Result<Revision, StoreError>] = []
        /// The store's.
        var revision: Revision
        /// Another program has written before: what anybody read up to this revision is no longer the present.
        var restartedAt: Revision?
    }

    /// Writes batches in one transaction, each if its own guards hold, numbered from `last` on. When it throws, none
    /// is written.
    func write(_ batches: [StoreBatch], after last: Revision) throws(StoreError) -> Written {
        try run(begin)
        do throws(StoreError) {
            let version = try number(dataVersion)
            var written = Written(revision: last)
            if let versionSeen, version != versionSeen { try restart(&written) }
            for batch in batches { written.results.append(try write(batch, &written.revision)) }
            if written.revision > last { try advance(to: written.revision) }
            try run(written.revision > last ? commit : rollback)
            versionSeen = version
            return written
        } catch {
            // SQLite has rolled back by itself after some errors, a full disk among them.
            if sqlite3_get_autocommit(connection) == 0 { try run(rollback) }
            throw error
        }
    }

    /// Copies the log into the database as far as readers allow; never waits for them. True: as a whole, so that the
    /// log starts anew. After a failure the log still has everything.
    func checkpoint() -> Bool {
        var inLog: Int32 = -1
        var copied: Int32 = -1
        let result = sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_PASSIVE, &inLog, &copied)
        return result == SQLITE_OK && inLog == copied
    }

    // MARK: Statements

    private func write(
        _ batch: StoreBatch, _ revision: inout Revision
    ) throws(StoreError) -> Result<Revision, StoreError> {
        if let key = try brokenGuard(batch) { return .failure(.conflict(key: key)) }
        revision.value += 1
        for write in batch.writes { try apply(write, revision) }
        return .success(revision)
    }

    /// Goes on from a revision that nobody has seen.
    private func restart(_ written: inout Written) throws(StoreError) {
        written.revision.value = max(written.revision.value, try number(storedRevision) ?? 0) + 1
        written.restartedAt = written.revision
    }

    private func brokenGuard(_ batch: StoreBatch) throws(StoreError) -> String? {
        for expected in batch.guards where try revision(of: expected.key) != expected.revision { return expected.key }
        return nil
    }

    private func revision(of key: String) throws(StoreError) -> Revision {
        defer { sqlite3_reset(guarded) }
        let isThere = try stepWithKey(guarded, key) { sqlite3_step(guarded) }
        return isThere ? Revision(sqlite3_column_int64(guarded, 0)) : .none
    }

    private func apply(_ write: StoreWrite, _ revision: Revision) throws(StoreError) {
        switch write {
        case .put(let key, let value):
            defer { sqlite3_reset(upsert) }
            _ = try stepWithKey(upsert, key) { stepUpsert(value, revision) }
        case .delete(let key):
            defer { sqlite3_reset(remove) }
            _ = try stepWithKey(remove, key) { sqlite3_step(remove) }
        }
    }

    private func stepUpsert(_ value: [UInt8], _ revision: Revision) -> Int32 {
        value.withUnsafeBytes { bytes in
            // An empty array may have no address, and a blob without one is NULL. A value that could not be bound
            // would leave the one before it.
            var code =
                bytes.isEmpty
                ? sqlite3_bind_zeroblob(upsert, 2, 0)
                : sqlite3_bind_blob64(upsert, 2, bytes.baseAddress, UInt64(bytes.count), nil)
            if code == SQLITE_OK { code = sqlite3_bind_int64(upsert, 3, revision.value) }
            return code == SQLITE_OK ? sqlite3_step(upsert) : code
        }
    }

    private func advance(to revision: Revision) throws(StoreError) {
        defer { sqlite3_reset(advance) }
        _ = try outcome(sqlite3_bind_int64(advance, 1, revision.value))
        _ = try outcome(sqlite3_step(advance))
        guard sqlite3_changes(connection) == 1 else { throw .corrupt("\(path) has lost its revision") }
    }

    private func number(_ statement: OpaquePointer) throws(StoreError) -> Int64? {
        defer { sqlite3_reset(statement) }
        return try outcome(sqlite3_step(statement)) ? sqlite3_column_int64(statement, 0) : nil
    }

    /// Binds the key without a copy: it lives as long as `step` runs. True: there is a row.
    private func stepWithKey(
        _ statement: OpaquePointer, _ key: String, _ step: () -> Int32
    ) throws(StoreError) -> Bool {
        var key = key
        let code = key.withUTF8 { bytes in
            // Empty text without an address would be NULL.
            let text = UnsafeRawPointer(bytes.baseAddress ?? Self.emptyText).assumingMemoryBound(to: CChar.self)
            let code = sqlite3_bind_text(statement, 1, text, Int32(bytes.count), nil)
            return code == SQLITE_OK ? step() : code
        }
        return try outcome(code)
    }

    private static var emptyText: UnsafePointer<UInt8> { ("" as StaticString).utf8Start }

    private func run(_ statement: OpaquePointer) throws(StoreError) {
        defer { sqlite3_reset(statement) }
        _ = try outcome(sqlite3_step(statement))
    }

    /// True: there is a row.
    private func outcome(_ code: Int32) throws(StoreError) -> Bool {
        switch code {
        case SQLITE_ROW: true
        case SQLITE_DONE, SQLITE_OK: false
        default: throw StoreError(connection: connection, path: path)
        }
    }
}
