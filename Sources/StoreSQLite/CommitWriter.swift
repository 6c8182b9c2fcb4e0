// SPDX-License-Identifier: Apache-2.0

import GRDB
import Model
import Ports

/// What the commit thread does with the database. It is not shared.
struct CommitWriter {
    private let file: DatabaseFile
    private var tables: RecordTables?
    /// Few: what is in the database needs no further room when the disk is full.
    private static let framesWhenIdle = 64
    private var revision: Revision
    private var schedule: CheckpointSchedule
    private let copier: LogCopier

    init(file: DatabaseFile, copier: LogCopier) {
        self.file = file
        self.copier = copier
        revision = file.revision
        schedule = CheckpointSchedule(
            framesWhenIdle: Self.framesWhenIdle, framesBeside: Limits.storeLogBytes / DatabaseFile.pageBytes,
            framesMax: Limits.storeLogBytesMax / DatabaseFile.pageBytes)
    }

    /// From here on it is noticed when another program writes.
    mutating func prepare() {
        file.pool.writeWithoutTransaction { db in _ = try? readyTables(db) }
    }

    /// On a full disk nothing is lost and nothing is stuck: the next batches are tried like the first.
    mutating func write(_ batches: [StoreBatch]) -> [RecordTables.Written] {
        do throws(StoreError) { return [try transaction(batches)] } catch {
            guard case .full = error else { return [refused(batches, error)] }
            // Copied into the database the log starts anew, in space that it has already: where records are only
            // overwritten, as renewals do, commits go on with no space left at all.
            if checkpoint(), let written = try? transaction(batches) { return [written] }
            guard batches.count > 1 else { return [refused(batches, error)] }
            // Some of them may be small enough.
            return batches.map { batch in
                do throws(StoreError) { return try transaction([batch]) } catch { return refused([batch], error) }
            }
        }
    }

    private func refused(_ batches: [StoreBatch], _ error: StoreError) -> RecordTables.Written {
        RecordTables.Written(results: batches.map { _ in .failure(error) }, revision: revision)
    }

    /// Keeps the log short, between two commits. True: there may be more to do when nobody commits.
    mutating func tidy(isIdle: Bool) -> Bool {
        if let frames = copier.takeFramesCopied() { schedule.copied(frames: frames) }
        switch isIdle ? schedule.stepWhenIdle : schedule.step {
        case .none: break
        case .copyBeside:
            schedule.copying()
            copier.request()
        case .finish: checkpoint()
        }
        return schedule.isUnfinished
    }

    /// True when the log is now in the database as a whole.
    @discardableResult
    private mutating func checkpoint() -> Bool {
        guard let tables else { return false }
        let isComplete = file.pool.writeWithoutTransaction { _ in tables.checkpoint() }
        schedule.finished(isComplete: isComplete)
        return isComplete
    }

    mutating func close() {
        copier.close()
        // Statements first: SQLite does not close under them.
        file.pool.writeWithoutTransaction { _ in tables = nil }
        try? file.pool.close()
    }

    private mutating func transaction(_ batches: [StoreBatch]) throws(StoreError) -> RecordTables.Written {
        let last = revision
        let written = try file.pool.writeWithoutTransaction { db in
            Result { () throws(StoreError) in try readyTables(db).write(batches, after: last) }
        }.get()
        revision = written.revision
        if let tables { schedule.committed(framesInLog: tables.framesInLog) }
        return written
    }

    private mutating func readyTables(_ db: Database) throws(StoreError) -> RecordTables {
        if let tables { return tables }
        guard let connection = db.sqliteConnection else { throw .closed }
        let made = try RecordTables(connection: connection, path: file.path)
        tables = made
        return made
    }
}
