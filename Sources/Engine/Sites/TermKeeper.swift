// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// Takes the terms of networks for this node. With an embedded store nobody else can: every start begins a new term,
/// and it is held until the process ends. (Several nodes share the store in the next step; the keys, the guard of
/// each commit and what happens to a fenced node are the same.)
public struct TermKeeper: Sendable {
    private let store: any StateStore
    private let run: NodeRun

    public init(store: any StateStore, run: NodeRun) {
        self.store = store
        self.run = run
    }

    /// One guarded commit for all `networks`: a term that changes hands in between fails it as a whole.
    func claim(_ networks: [String], since: Instant) async throws(StoreError) -> [HeldTerm] {
        guard !networks.isEmpty else { return [] }
        let records = Dictionary(
            try await store.read(prefix: StoreKeys.termPrefix).records.map { ($0.key, $0) },
            uniquingKeysWith: { a, _ in a })
        var batch = StoreBatch(writes: [])
        var terms: [Term] = []
        for network in networks {
            let key = StoreKeys.term(network)
            let old = try records[key].map { record throws(StoreError) in try Self.decode(record, network) }
            let term = Term(
                network: network, holder: run, epoch: Epoch((old?.epoch.value ?? 0) + 1), cause: .start, since: since)
            batch.guards.append(StoreGuard(key: key, revision: records[key]?.revision ?? .none))
            batch.writes.append(.put(key: key, value: TermRecord.encode(term)))
            terms.append(term)
        }
        let revision = try await store.commit(batch)
        return terms.map { HeldTerm(term: $0, revision: revision) }
    }

    private static func decode(_ record: StoreRecord, _ network: String) throws(StoreError) -> Term {
        do { return try TermRecord.decode(record.value, network: network) } catch {
            throw .corrupt("\(record.key): \(error)")
        }
    }
}
