// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// Changes of the site that are too large for one batch of the store, made as a whole all the same.
///
/// Their writes are laid down in parts first, under keys that mean nothing yet. One small commit then decides: from it
/// on every node goes by the whole change, each in one step, whatever happens to who wrote it. At last the writes are
/// carried out, and the journal goes. Every other write of the site is guarded by there being no journal, and whoever
/// finds one carries it out first.
struct SiteJournal: Sendable {
    let store: any StateStore
    private let lookMilliseconds: Int64

    init(store: any StateStore, lookMilliseconds: Int64 = Limits.siteJournalLookMilliseconds) {
        self.store = store
        self.lookMilliseconds = lookMilliseconds
    }

    /// What every other write of the site is guarded by.
    static let absent = StoreGuard(key: StoreKeys.siteJournal, revision: .none)

    /// Whether the store takes it, and the guard besides, as one batch.
    func isNeeded(for batch: StoreBatch) -> Bool {
        let operations = batch.guards.count + batch.writes.count + 1
        return operations > store.operationsPerBatchMax
            || (store.isShared && batch.byteCount > Limits.siteBatchBytesMax)
    }

    // MARK: Making a change

    /// The revision from which on every node goes by the batch. After an error nothing has changed; after
    /// `.unavailable` that may be unknown, as with any commit.
    func commit(_ batch: StoreBatch) async throws(StoreError) -> Revision {
        let number = UInt64.random(in: 0 ... .max)
        let claim = try await claim(number)
        do throws(StoreError) {
            // Left by somebody who died at the very end.
            try await remove(StoreKeys.siteJournal + "/")
            let parts = try await layDown(batch.writes, number, claim)
            try await verify(batch.guards)
            let head = SiteJournalHead(state: .decided, number: number, parts: parts)
            let revision = try await decide(head, claim)
            // Decided is decided: what the store does not take any longer, the next who writes carries out.
            try? await carryOut(batch.writes, Decided(head: head, revision: revision))
            return revision
        } catch {
            try? await withdraw(number, claim)
            throw error
        }
    }

    private func claim(_ number: UInt64) async throws(StoreError) -> Revision {
        let head = SiteJournalHead(state: .claimed, number: number, parts: 0).encode()
        let batch = StoreBatch(guards: [Self.absent], writes: [.put(key: StoreKeys.siteJournal, value: head)])
        for _ in 0..<Limits.siteJournalTriesMax {
            do throws(StoreError) { return try await store.commit(batch) } catch {
                guard case .conflict = error else { throw error }
            }
            try await settle()
        }
        throw Self.busy
    }

    private func layDown(_ writes: [StoreWrite], _ number: UInt64, _ claim: Revision) async throws(StoreError) -> Int {
        let groups = StoreBatch.groups(writes, writesMax: writes.count, bytesMax: Limits.siteBatchBytesMax)
        for (index, group) in groups.enumerated() {
            let key = StoreKeys.siteJournalPart(number, index)
            _ = try await store.commit(
                StoreBatch(
                    guards: [StoreGuard(key: StoreKeys.siteJournal, revision: claim)],
                    writes: [.put(key: key, value: SiteJournalPart.encode(group))]))
        }
        return groups.count
    }

    /// Nobody else writes while the claim stands: what holds now holds when it is decided.
    private func verify(_ guards: [StoreGuard]) async throws(StoreError) {
        let records = try await store.read(prefix: StoreKeys.sitePrefix).records
        let revisions = Dictionary(records.map { ($0.key, $0.revision) }, uniquingKeysWith: { a, _ in a })
        for expected in guards where revisions[expected.key, default: .none] != expected.revision {
            throw .conflict(key: expected.key)
        }
    }

    private func decide(_ head: SiteJournalHead, _ claim: Revision) async throws(StoreError) -> Revision {
        do throws(StoreError) {
            return try await store.commit(
                StoreBatch(
                    guards: [StoreGuard(key: StoreKeys.siteJournal, revision: claim)],
                    writes: [.put(key: StoreKeys.siteJournal, value: head.encode())]))
        } catch {
            guard case .unavailable = error else { throw error }
            // Perhaps decided all the same; the store knows.
            let found = try? await store.read(prefix: StoreKeys.siteJournal).records
            if let record = found?.first(where: { $0.key == StoreKeys.siteJournal }), record.value == head.encode() {
                return record.revision
            }
            throw error
        }
    }

    /// Takes an undecided change away. Fails where it is decided.
    private func withdraw(_ number: UInt64, _ claim: Revision) async throws(StoreError) {
        _ = try await store.commit(
            StoreBatch(
                guards: [StoreGuard(key: StoreKeys.siteJournal, revision: claim)],
                writes: [.delete(key: StoreKeys.siteJournal)]))
        try await remove(StoreKeys.siteJournalParts(number))
    }

    // MARK: Finishing one

    /// Returns when no journal is left: carries out what somebody has decided, and withdraws what somebody has begun
    /// and not gone on with.
    func settle() async throws(StoreError) {
        var seen: [StoreRecord] = []
        var isStandingStillFor = 0
        for _ in 0..<Limits.siteJournalLooksMax {
            let records = try await store.read(prefix: StoreKeys.siteJournal).records
            guard let record = records.first(where: { $0.key == StoreKeys.siteJournal }) else { return }
            let head = try Self.head(record)
            if head.state == .decided {
                try await carryOut(try Self.writes(head, records), Decided(head: head, revision: record.revision))
                continue
            }
            isStandingStillFor = records == seen ? isStandingStillFor + 1 : 0
            seen = records
            if isStandingStillFor >= Limits.siteJournalPatienceLooks {
                try? await withdraw(head.number, record.revision)
            } else {
                try? await Task.sleep(for: .milliseconds(lookMilliseconds))
            }
        }
        throw Self.busy
    }

    private static let busy = StoreError.unavailable("another large change of the site is being written")

    private struct Decided {
        var head: SiteJournalHead
        var revision: Revision
        var guards: [StoreGuard] { [StoreGuard(key: StoreKeys.siteJournal, revision: revision)] }
    }

    /// Anybody may, and several at once: each writes the same, and only as long as the journal stands.
    private func carryOut(_ writes: [StoreWrite], _ decided: Decided) async throws(StoreError) {
        do throws(StoreError) {
            let writesMax = max(1, store.operationsPerBatchMax - 1)
            for group in StoreBatch.groups(writes, writesMax: writesMax, bytesMax: Limits.siteBatchBytesMax) {
                _ = try await store.commit(StoreBatch(guards: decided.guards, writes: group))
            }
            // The head goes before its parts: who starts now must never find it without them.
            _ = try await store.commit(
                StoreBatch(guards: decided.guards, writes: [.delete(key: StoreKeys.siteJournal)]))
        } catch {
            // Somebody else was faster.
            guard case .conflict = error else { throw error }
        }
        try await remove(StoreKeys.siteJournalParts(decided.head.number))
    }

    private func remove(_ prefix: String) async throws(StoreError) {
        let writes = try await store.read(prefix: prefix).records.map { StoreWrite.delete(key: $0.key) }
        let groups = StoreBatch.groups(
            writes, writesMax: store.operationsPerBatchMax, bytesMax: Limits.siteBatchBytesMax)
        for group in groups { _ = try await store.commit(StoreBatch(writes: group)) }
    }

    // MARK: Reading

    /// The writes of a change that is decided and not carried out yet; empty when there is none. `records`: all whose
    /// keys begin with `StoreKeys.siteJournal`.
    static func decidedWrites(_ records: some Sequence<StoreRecord>) throws(StoreError) -> [StoreWrite] {
        let records = Array(records)
        guard let record = records.first(where: { $0.key == StoreKeys.siteJournal }) else { return [] }
        let head = try head(record)
        return head.state == .decided ? try writes(head, records) : []
    }

    private static func head(_ record: StoreRecord) throws(StoreError) -> SiteJournalHead {
        do throws(RecordError) { return try SiteJournalHead.decode(record.value) } catch {
            throw .corrupt("\(record.key): \(error)")
        }
    }

    private static func writes(_ head: SiteJournalHead, _ records: [StoreRecord]) throws(StoreError) -> [StoreWrite] {
        let prefix = StoreKeys.siteJournalParts(head.number)
        let parts = records.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
        guard parts.count == head.parts else {
            throw .corrupt("\(StoreKeys.siteJournal) has \(parts.count) parts of \(head.parts)")
        }
        var writes: [StoreWrite] = []
        for part in parts {
            do throws(RecordError) { writes += try SiteJournalPart.decode(part.value) } catch {
                throw .corrupt("\(part.key): \(error)")
            }
        }
        return writes
    }
}
