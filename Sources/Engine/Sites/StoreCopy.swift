// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// Copies a site, its leases and its terms from one store to another while no node runs on either: a single machine
/// becomes a cluster, or the other way round.
///
/// A node that is started on a half-filled target must not hand out addresses whose leases are not there yet. So
/// networks are written last, and taken away first where something else is still to come: without them a node is
/// silent. That is also why a copy that was interrupted needs no trace of its own. Running it again finishes it.
public struct StoreCopy: Sendable {
    public struct Report: Hashable, Sendable {
        public var siteObjects = 0
        public var bootStates = 0
        /// What images' names stand for; their files are no business of the store.
        public var images = 0
        public var leases = 0
        public var terms = 0
        /// Writes and deletions that the target needed; 0: everything was there already.
        public var written = 0
        public var records: Int { siteObjects + bootStates + images + leases + terms }
    }

    private let source: any StateStore
    private let target: any StateStore
    private let replaces: Bool
    private let quietMilliseconds: Int64

    /// `replaces`: what else the target holds goes away. `quietMilliseconds`: a shared store in which no node has
    /// rewritten its beat for so long is out of use.
    public init(
        from source: any StateStore, to target: any StateStore, replaces: Bool = false,
        quietMilliseconds: Int64 = Limits.silenceMillisecondsDefault
    ) {
        self.source = source
        self.target = target
        self.replaces = replaces
        self.quietMilliseconds = quietMilliseconds
    }

    /// Copies, then reads both stores again and compares every record. `progress` gets what is written and what there
    /// is to write. A failure leaves the source as it was; nothing but the target is ever written.
    public func run(progress: @Sendable (Int, Int) -> Void = { _, _ in }) async throws(StoreCopyRefusal) -> Report {
        let beats = (source: try await read(.source, [StoreKeys.beatPrefix]), target: try await targetBeats())
        if source.isShared || target.isShared { try? await Task.sleep(for: .milliseconds(quietMilliseconds)) }
        try await refuseRunning(beats.source, beats.target)

        let wanted = try await readSource()
        guard wanted.contains(where: { !$0.key.hasPrefix(StoreKeys.termPrefix) }) else { throw .sourceIsEmpty }
        do throws(StoreError) { try await SiteJournal(store: target).settle() } catch { throw .store(.target, error) }
        let plan = try StoreCopyPlan(source: wanted, target: try await read(.target, Self.prefixes))
        if !replaces, !plan.foreign.isEmpty { throw .targetHolds(plan.foreign) }
        var report = plan.report
        for step in plan.steps {
            for batch in batches(step) {
                do throws(StoreError) { _ = try await target.commit(batch) } catch { throw .store(.target, error) }
                report.written += batch.writes.count
                progress(report.written, plan.writesCount)
            }
        }
        try await verify(wanted)
        try await refuseRunning(beats.source, beats.target)
        return report
    }

    /// What is copied. Beats, orders, what a node holds and the rest are of the nodes that ran there; answer files that
    /// were given out are of boots that a copy outlasts.
    private static let prefixes = [
        StoreKeys.leasePrefix, StoreKeys.termPrefix, StoreKeys.bootPrefix, StoreKeys.contentPrefix,
        StoreKeys.sitePrefix,
    ]

    // MARK: Reading

    private func read(_ side: StoreCopyRefusal.Side, _ prefixes: [String]) async throws(StoreCopyRefusal)
        -> [StoreRecord]
    {
        var records: [StoreRecord] = []
        for prefix in prefixes {
            do throws(StoreError) {
                records += try await (side == .source ? source : target).read(prefix: prefix).records
            } catch { throw .store(side, error) }
        }
        return records
    }

    /// The source as every node sees it: what its journal has decided counts as written.
    private func readSource() async throws(StoreCopyRefusal) -> [StoreRecord] {
        let records = try await read(.source, Self.prefixes)
        let journal = try await read(.source, [StoreKeys.siteJournal])
        do throws(StoreError) { return records.applying(try SiteJournal.decidedWrites(journal)) } catch {
            throw .store(.source, error)
        }
    }

    private func targetBeats() async throws(StoreCopyRefusal) -> [StoreRecord] {
        try await read(.target, [StoreKeys.beatPrefix])
    }

    /// Whoever has rewritten its beat since is running.
    private func refuseRunning(_ source: [StoreRecord], _ target: [StoreRecord]) async throws(StoreCopyRefusal) {
        for (side, before) in [(StoreCopyRefusal.Side.source, source), (.target, target)] {
            let changed = Set(try await read(side, [StoreKeys.beatPrefix])).subtracting(before)
            let nodes = changed.map { String($0.key.dropFirst(StoreKeys.beatPrefix.count)) }.sorted()
            if !nodes.isEmpty { throw .running(nodes, side) }
        }
    }

    /// The source is as it was read, and the target has all of it and nothing else.
    private func verify(_ wanted: [StoreRecord]) async throws(StoreCopyRefusal) {
        let again = try await readSource()
        if let key = StoreCopyPlan.firstDifference(wanted, again) { throw .sourceChanged(key) }
        let plan = try StoreCopyPlan(source: wanted, target: try await read(.target, Self.prefixes))
        // The first step only makes room for the others.
        if let write = plan.steps.dropFirst().joined().first ?? plan.steps.first?.first {
            throw .targetDiffers(write.key)
        }
    }

    // MARK: Writing

    private func batches(_ writes: [StoreWrite]) -> [StoreBatch] {
        let writesMax = max(1, min(target.operationsPerBatchMax, Limits.commitBatchMax))
        return StoreBatch.groups(writes, writesMax: writesMax, bytesMax: Limits.storeCopyBatchBytesMax)
            .map { StoreBatch(writes: $0) }
    }
}
