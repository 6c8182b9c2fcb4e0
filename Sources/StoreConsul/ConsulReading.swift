// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// What is read from Consul, decoded.
struct ConsulReading: Sendable {
    let connection: ConsulConnection
    let keys: ConsulKeys
    /// Only a leader that a majority has just confirmed answers.
    static let consistent = "?consistent"

    /// Everything that begins with `prefix` and the heads, at one point of Consul's history that is later than
    /// everything that had returned before. The revision is that of the last batch of all.
    func snapshot(prefix: String) async throws(StoreError) -> StoreSnapshot {
        let found = try await consistent(
            [keys.heads, keys.record(prefix)], milliseconds: Limits.consulReadMilliseconds)
        let heads = try Self.heads(found, keys)
        var records: [StoreRecord] = []
        records.reserveCapacity(found.count)
        for record in found {
            guard let key = record.key.rest(after: keys.records), key.utf8.starts(with: prefix.utf8) else { continue }
            records.append(StoreRecord(key: key, value: record.bytes, revision: Revision(record.modifyIndex)))
        }
        let isSorted = zip(records, records.dropFirst()).allSatisfy { $0.key.utf8.precedes($1.key.utf8) }
        if !isSorted { records.sort { $0.key.utf8.precedes($1.key.utf8) } }
        return StoreSnapshot(records: records, revision: FeedPosition(heads).revision)
    }

    /// All heads, as they are now.
    func heads() async throws(StoreError) -> [FeedHead] { try Self.heads(try await consistent([keys.heads]), keys) }

    /// Waits until a head has changed since `index`, or some time; 0 does not wait. What comes may be older than what
    /// is known already: another server may have answered.
    func heads(after index: Int64) async throws(StoreError) -> (heads: [FeedHead], index: Int64) {
        do {
            let found = try await connection.list(keys.heads, after: index)
            return (try Self.heads(found.records, keys), found.index)
        } catch {
            throw (error as? ConsulFailure)?.asError ?? (error as? StoreError) ?? .unavailable("\(error)")
        }
    }

    /// The entries of these sequences with the revisions of their batches; nil when one is not there, or is already
    /// overwritten.
    func entries(_ wanted: [(head: FeedHead, sequence: Int64)], query: String) async throws(StoreError) -> [FoundEntry]?
    {
        var found: [FoundEntry] = []
        var rest = wanted[...]
        while !rest.isEmpty {
            let part = rest.prefix(Limits.consulFeedReadMax)
            rest = rest.dropFirst(part.count)
            let slots = part.map { ConsulOperation(.getTree, keys.slot($0.head.run, $0.sequence, of: $0.head.slots)) }
            let records = try await transact(slots, query: query, Limits.consulAnswerMilliseconds)
            guard records.count == slots.count else { return nil }
            for (record, want) in zip(records, part) {
                // What this version cannot read is as good as an entry without writes.
                let entry = FeedEntry(record.bytes) ?? FeedEntry(sequence: want.sequence, writes: nil)
                guard entry.sequence == want.sequence else { return nil }
                found.append(FoundEntry(revision: Revision(record.modifyIndex), entry: entry))
            }
        }
        return found
    }

    struct FoundEntry: Sendable {
        var revision: Revision
        var entry: FeedEntry
    }

    /// The token that this store was given once; nil before.
    func identity(milliseconds: Int64 = Limits.consulAnswerMilliseconds) async throws(StoreError) -> String? {
        try await consistent([keys.identity], milliseconds: milliseconds).first { $0.key == keys.identity }
            .map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    /// Gives the store its identity, if it has none.
    func establishIdentity() async throws(StoreError) {
        guard try await identity() == nil else { return }
        let token =
            String(UInt64.random(in: .min ... .max), radix: 16) + String(UInt64.random(in: .min ... .max), radix: 16)
        do throws(ConsulFailure) {
            // If it fails because another node was first, that is as good.
            _ = try await connection.transact(
                [.check(keys.identity, 0), .set(keys.identity, Array(token.utf8), flags: 0)],
                milliseconds: Limits.consulCommitMilliseconds)
        } catch { throw error.asError }
    }

    // MARK: Parts

    /// All that begins with one of the prefixes. `permission` makes Consul refuse a token that may not see them.
    private func consistent(
        _ prefixes: [String], milliseconds: Int64 = Limits.consulAnswerMilliseconds
    ) async throws(StoreError) -> [ConsulRecord] {
        let trees = prefixes.map { ConsulOperation(.getTree, $0) }
        return try await transact(
            [ConsulOperation(.checkNotExists, keys.permission)] + trees, query: Self.consistent, milliseconds)
    }

    private func transact(
        _ operations: [ConsulOperation], query: String, _ milliseconds: Int64
    ) async throws(StoreError) -> [ConsulRecord] {
        let outcome: ConsulOutcome
        do throws(ConsulFailure) {
            outcome = try await connection.transact(operations, query: query, milliseconds: milliseconds)
        } catch { throw error.asError }
        guard outcome.failures?.isEmpty ?? true else {
            throw .corrupt("consul at \(connection.base): the key \(keys.permission) exists; remove it")
        }
        return outcome.records
    }

    private static func heads(_ records: [ConsulRecord], _ keys: ConsulKeys) throws(StoreError) -> [FeedHead] {
        var heads: [FeedHead] = []
        for record in records where record.key.utf8.starts(with: keys.heads.utf8) {
            guard let head = FeedHead(record, keys) else {
                throw .corrupt("consul: the key \(record.key) holds nothing that this version of OnDeck knows")
            }
            heads.append(head)
        }
        return heads
    }
}

extension String.UTF8View {
    fileprivate func precedes(_ other: String.UTF8View) -> Bool { lexicographicallyPrecedes(other) }
}
