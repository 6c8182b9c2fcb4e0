// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreSQLite
import Testing

/// What SQLite's result codes (https://www.sqlite.org/rescode.html) mean to an operator.
@Suite struct SQLiteErrorTests {
    @Test(arguments: [
        (13, 0, "full"),  // SQLITE_FULL
        (778, ENOSPC, "full"),  // SQLITE_IOERR_WRITE, as a quota or a full file system shows
        (778, EDQUOT, "full"),
        (4_874, ENOSPC, "full"),  // SQLITE_IOERR_SHMSIZE
        (778, EIO, "unavailable"),
        (1_034, EIO, "unavailable"),  // SQLITE_IOERR_FSYNC
        (8, 0, "unavailable"),  // SQLITE_READONLY
        (776, 0, "unavailable"),  // SQLITE_READONLY_ROLLBACK
        (14, ENOENT, "unavailable"),  // SQLITE_CANTOPEN
        (14, ENOSPC, "full"),
        (5, 0, "unavailable"),  // SQLITE_BUSY
        (6, 0, "unavailable"),  // SQLITE_LOCKED
        (7, 0, "unavailable"),  // SQLITE_NOMEM
        (18, 0, "unavailable"),  // SQLITE_TOOBIG
        (11, 0, "corrupt"),  // SQLITE_CORRUPT
        (779, 0, "corrupt"),  // SQLITE_CORRUPT_INDEX
        (26, 0, "corrupt"),  // SQLITE_NOTADB
    ]) func aResultCodeHasOneMeaning(code: Int, systemError: Int32, kind: String) {
        let error = StoreError(
            code: Int32(code), message: "why", systemError: systemError, path: "/var/lib/ondeck/ondeck.sqlite")
        let (found, text) =
            switch error {
            case .full(let text): ("full", text)
            case .unavailable(let text): ("unavailable", text)
            case .corrupt(let text): ("corrupt", text)
            case .conflict(let key): ("conflict", key)
            }
        #expect(found == kind)
        #expect(text.hasPrefix("/var/lib/ondeck/ondeck.sqlite"))
        #expect(text.hasSuffix("(SQLite \(code))"))
    }
}
