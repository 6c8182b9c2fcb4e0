// SPDX-License-Identifier: Apache-2.0

import GRDB
import GRDBSQLite
import Ports

/// Reads records from a connection in a transaction of its own, column by column: 100,000 leases take 40 ms, with
/// GRDB's rows 80 to 180.
enum RecordReading {
    static func read(
        _ prefix: String, _ db: Result<Database, any Error>, path: String
    ) -> Result<StoreSnapshot, StoreError> {
        switch db {
        case .failure(let error): .failure(StoreError(error, path: path))
        case .success(let db):
            Result { () throws(StoreError) in
                guard let connection = db.sqliteConnection else { throw .closed }
                let revision = try revision(connection, path)
                return StoreSnapshot(records: try records(prefix, connection, path), revision: revision)
            }
        }
    }

    private static func revision(_ connection: OpaquePointer, _ path: String) throws(StoreError) -> Revision {
        let sql = "SELECT value FROM meta WHERE name = 'revision'"
        let statement = try RecordTables.prepare(sql, connection, path: path)
        defer { sqlite3_finalize(statement) }
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return Revision(sqlite3_column_int64(statement, 0))
        case SQLITE_DONE: throw .corrupt("\(path) has lost its revision")
        default: throw StoreError(connection: connection, path: path)
        }
    }

    private static func records(
        _ prefix: String, _ connection: OpaquePointer, _ path: String
    ) throws(StoreError) -> [StoreRecord] {
        let range = "SELECT key, value, revision FROM record WHERE key >= ?1 AND key < ?2 ORDER BY key"
        let all = "SELECT key, value, revision FROM record ORDER BY key"
        let statement = try RecordTables.prepare(prefix.isEmpty ? all : range, connection, path: path)
        defer { sqlite3_finalize(statement) }
        let bound = bind(Array(prefix.utf8), to: statement)
        guard bound else { throw StoreError(connection: connection, path: path) }
        var records: [StoreRecord] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: records.append(record(statement))
            case SQLITE_DONE: return records
            default: throw StoreError(connection: connection, path: path)
            }
        }
    }

    /// The keys from the prefix itself to the first text after all that begin with it. Its last byte can be raised
    /// by one: no byte of UTF-8 is 0xff.
    private static func bind(_ prefix: [UInt8], to statement: OpaquePointer) -> Bool {
        guard let last = prefix.last else { return true }
        return bindText(prefix, 1, statement) && bindText(prefix.dropLast() + [last + 1], 2, statement)
    }

    private static func bindText(_ text: [UInt8], _ index: Int32, _ statement: OpaquePointer) -> Bool {
        text.withUnsafeBytes { bytes in
            let characters = bytes.assumingMemoryBound(to: CChar.self).baseAddress
            return sqlite3_bind_text(statement, index, characters, Int32(bytes.count), transient) == SQLITE_OK
        }
    }

    /// SQLITE_TRANSIENT, a cast that Swift does not import: SQLite makes its own copy.
    private static var transient: sqlite3_destructor_type? {
        unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    private static func record(_ statement: OpaquePointer) -> StoreRecord {
        let key = UnsafeRawBufferPointer(
            start: sqlite3_column_text(statement, 0), count: Int(sqlite3_column_bytes(statement, 0)))
        let value = UnsafeRawBufferPointer(
            start: sqlite3_column_blob(statement, 1), count: Int(sqlite3_column_bytes(statement, 1)))
        return StoreRecord(
            key: String(decoding: key, as: UTF8.self), value: Array(value),
            revision: Revision(sqlite3_column_int64(statement, 2)))
    }
}
