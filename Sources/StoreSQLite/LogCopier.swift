// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GRDB
import GRDBSQLite
import Ports
import Synchronization

/// Copies the write-ahead log into the database on a thread and a connection of its own, as far as readers allow,
/// while commits go on: SQLite lets one connection do that beside the one that writes.
final class LogCopier: Sendable {
    private struct State {
        var isWanted = false
        var isClosing = false
        /// Of the last copy, until it is taken.
        var framesCopied: Int?
    }

    private let queue: DatabaseQueue
    private let state = Mutex(State())
    private let wakeup = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    init(path: String) throws(StoreError) {
        do {
            var configuration = Configuration()
            configuration.label = "store log"
            queue = try DatabaseQueue(path: path, configuration: configuration)
        } catch { throw StoreError(error, path: path) }
    }

    func start() {
        let thread = Thread { [self] in
            // From within: what is set before the start does not reach the system.
            Thread.current.name = "store log"
            run()
        }
        thread.start()
    }

    func request() {
        state.withLock { $0.isWanted = true }
        wakeup.signal()
    }

    /// How many frames of the log the last copy has found in the database; nil when nothing has ended since this was
    /// last asked.
    func takeFramesCopied() -> Int? {
        state.withLock { state in
            defer { state.framesCopied = nil }
            return state.framesCopied
        }
    }

    /// Returns when the thread has ended and the connection is closed.
    func close() {
        state.withLock { $0.isClosing = true }
        wakeup.signal()
        ended.wait()
    }

    private func run() {
        while true {
            wakeup.wait()
            let (isWanted, isClosing) = state.withLock { state in
                defer { state.isWanted = false }
                return (state.isWanted, state.isClosing)
            }
            if isClosing { break }
            guard isWanted else { continue }
            let frames = queue.writeWithoutTransaction(Self.copy)
            state.withLock { $0.framesCopied = frames }
        }
        try? queue.close()
        ended.signal()
    }

    private static func copy(_ db: Database) -> Int {
        var inLog: Int32 = -1
        var copied: Int32 = -1
        let result = sqlite3_wal_checkpoint_v2(db.sqliteConnection, nil, SQLITE_CHECKPOINT_PASSIVE, &inLog, &copied)
        return result == SQLITE_OK ? Int(copied) : 0
    }
}
