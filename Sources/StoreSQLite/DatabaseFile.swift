// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Model
import Ports

/// The database on disk: opened, checked and locked, in the one shape that OnDeck uses.
///
///     record(key, value, revision)    what the port calls records
///     meta(name, value)               'schema': the version of this layout; 'revision': the last commit's
struct DatabaseFile: Sendable {
    let path: String
    let pool: DatabasePool
    let lock: FileLock
    /// The last commit's, when it was opened.
    let revision: Revision

    /// Of new databases. Measured with upserts of leases on a million random keys: 2 KiB take as little CPU as 1 KiB
    /// (11 us a record) and a tenth less than 4 KiB, log half as much as 4 KiB, and the longest lease still fits
    /// without overflow pages.
    static let pageBytes = 2_048
    /// For each connection that reads: it goes through the records once. Who writes comes back to pages anywhere.
    private static let cacheKiB = 4_096
    private static let writerCacheKiB = 24_576
    private static let schema: Int64 = 1
    /// "ondk": tells other programs, `file` and ourselves whose database it is.
    private static let applicationID: Int64 = 0x6f6e_646b

    init(path: String) throws(StoreError) {
        let path = try Self.create(path)
        let lock = try FileLock(database: path)
        do {
            let pool = try DatabasePool(path: path, configuration: Self.configuration)
            revision = try pool.writeWithoutTransaction { db in
                try Self.makeDurable(db, path: path)
                return try Self.prepareSchema(db, path: path)
            }
            self.pool = pool
        } catch { throw StoreError(error, path: path) }
        self.path = path
        self.lock = lock
    }

    /// Makes an empty file that only its owner can read: it will hold the secrets of templates. Returns its real path,
    /// so that two names of one file meet at one lock.
    private static func create(_ path: String) throws(StoreError) -> String {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unavailable("cannot open \(path): \(String(cString: strerror(errno)))") }
        close(descriptor)
        guard let real = realpath(path, nil) else { throw .unavailable("cannot open \(path): it went away") }
        defer { free(real) }
        return String(cString: real)
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "store"
        configuration.maximumReaderCount = Limits.storeReadersMax
        configuration.busyMode = .timeout(Double(Limits.storeBusyMilliseconds) / 1000)
        // Else GRDB stops the process should a transaction ever be left open.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { db in
            let isReader = db.configuration.readonly
            try db.execute(sql: "PRAGMA cache_size = -\(isReader ? cacheKiB : writerCacheKiB)")
            guard !isReader else { return }
            try db.execute(sql: "PRAGMA page_size = \(pageBytes)")
            // What an overgrown log is cut back to once it starts anew.
            try db.execute(sql: "PRAGMA journal_size_limit = \(2 * Limits.storeLogBytes)")
        }
        return configuration
    }

    /// A commit must be on disk when it returns. GRDB sets synchronous = NORMAL while it opens a database, whatever
    /// `prepareDatabase` says, and NORMAL does not sync commits at all: so it is set afterwards, and read back.
    private static func makeDurable(_ db: Database, path: String) throws {
        try db.execute(sql: "PRAGMA synchronous = FULL")
        let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
        let journal = try String.fetchOne(db, sql: "PRAGMA journal_mode")
        guard synchronous == 2, journal == "wal" else {
            throw StoreError.unavailable(
                "\(path): commits would not be durable (synchronous \(synchronous ?? -1), journal \(journal ?? "none"))"
            )
        }
    }

    private static func prepareSchema(_ db: Database, path: String) throws -> Revision {
        let owner = try Int64.fetchOne(db, sql: "PRAGMA application_id")
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
        if owner == 0, tables == 0 {
            try createTables(db)
        } else if owner != applicationID {
            throw StoreError.corrupt("\(path) is another program's database")
        }
        let meta = "SELECT value FROM meta WHERE name = ?"
        let found = try Int64.fetchOne(db, sql: meta, arguments: ["schema"])
        guard found == schema else {
            throw StoreError.corrupt("\(path) has layout \(found ?? 0), and this OnDeck knows \(schema) only")
        }
        guard let revision = try Int64.fetchOne(db, sql: meta, arguments: ["revision"]) else {
            throw StoreError.corrupt("\(path) has lost its revision")
        }
        return Revision(revision)
    }

    private static func createTables(_ db: Database) throws {
        try db.inTransaction(.immediate) {
            try db.execute(
                sql: """
                    PRAGMA application_id = \(applicationID);
                    CREATE TABLE record(
                        key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
                    CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
                    INSERT INTO meta VALUES ('schema', \(schema)), ('revision', 0);
                    """)
            return .commit
        }
    }
}
