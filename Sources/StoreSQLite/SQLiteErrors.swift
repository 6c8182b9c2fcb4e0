// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GRDBSQLite
import Ports

extension StoreError {
    /// What an SQLite result code means to those who use a store. `systemError` is the errno behind it, or 0.
    package init(code: Int32, message: String, systemError: Int32, path: String) {
        let text = "\(path): \(message) (SQLite \(code))"
        switch code & 0xff {
        case SQLITE_FULL: self = .full(text)
        case SQLITE_IOERR, SQLITE_CANTOPEN:
            // A full disk also shows as a failed write of the shared index, an exceeded quota only so.
            self = systemError == ENOSPC || systemError == EDQUOT ? .full(text) : .unavailable(text)
        case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt(text)
        case SQLITE_BUSY, SQLITE_LOCKED: self = .unavailable("\(path) is locked by another program (SQLite \(code))")
        default: self = .unavailable(text)
        }
    }

    /// The last error of a connection.
    init(connection: OpaquePointer, path: String) {
        self.init(
            code: sqlite3_extended_errcode(connection), message: String(cString: sqlite3_errmsg(connection)),
            systemError: sqlite3_system_errno(connection), path: path)
    }

    /// An error that GRDB threw.
    init(_ error: any Error, path: String) {
        switch error {
        case let error as StoreError: self = error
        case let error as DatabaseError:
            self.init(
                code: error.extendedResultCode.rawValue, message: error.message ?? "no message", systemError: 0,
                path: path)
        default: self = .unavailable("\(path): \(error)")
        }
    }

    static let closed = StoreError.unavailable("the store is closed")
}
