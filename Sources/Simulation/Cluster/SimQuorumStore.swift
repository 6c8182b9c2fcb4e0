// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// The store that all nodes share: linearizable, and as seen from inside. What lies between it and a node - delay,
/// loss, silence - is the business of `SimStoreHandle` and of the feeds.
final class SimQuorumStore {
    /// What a backup holds.
    struct Backup {
        var records: [String: StoreRecord]
        var revision: Int64
    }

    private(set) var records: [String: StoreRecord] = [:]
    private(set) var revision: Int64 = 0
    /// The latest changes, oldest first; older ones are compacted away.
    private(set) var changes: [StoreChange] = []
    /// What it had before it was restored from a backup: written once, and promised then.
    private(set) var forgotten: [String: StoreRecord] = [:]
    private static let changesMax = 4_000

    /// How many faults hold it in each condition.
    var down = 0
    var full = 0
    var slow = 0

    func commit(_ batch: StoreBatch) -> Result<Revision, StoreError> {
        guard !batch.writes.isEmpty else { return .failure(.withoutWrites) }
        for expected in batch.guards.sorted(by: { $0.key < $1.key }) {
            guard (records[expected.key]?.revision ?? .none) == expected.revision else {
                return .failure(.conflict(key: expected.key))
            }
        }
        if full > 0 { return .failure(.full("the quota is used up")) }
        revision += 1
        for write in batch.writes {
            switch write {
            case .put(let key, let value):
                records[key] = StoreRecord(key: key, value: value, revision: Revision(revision))
            case .delete(let key): records[key] = nil
            }
        }
        changes.append(StoreChange(revision: Revision(revision), writes: batch.writes))
        if changes.count > 2 * Self.changesMax { changes.removeFirst(changes.count - Self.changesMax) }
        return .success(Revision(revision))
    }

    func snapshot() -> StoreSnapshot {
        let sorted = records.values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return StoreSnapshot(records: sorted, revision: Revision(revision))
    }

    /// Nil when the store has forgotten some of them, or when that point lies ahead of it.
    func changes(after point: Revision) -> ArraySlice<StoreChange>? {
        guard point.value <= revision else { return nil }
        if point.value == revision { return [] }
        guard let first = changes.first, first.revision.value <= point.value + 1 else { return nil }
        return changes[changes.index(changes.startIndex, offsetBy: Int(point.value + 1 - first.revision.value))...]
    }

    func backup() -> Backup { Backup(records: records, revision: revision) }

    /// As etcd does it: records and revision are those of the backup, and the past is gone.
    func restore(_ backup: Backup) {
        forgotten = records
        records = backup.records
        revision = backup.revision
        changes = []
    }

    func term(_ network: String) -> StoreRecord? { records[StoreKeys.term(network)] }
}
