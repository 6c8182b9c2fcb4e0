// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Ports
import Synchronization

/// Which machine has had which answer files: the store's word, kept in memory by the change feed. Whatever is given is
/// written first, and a write holds only if nobody has written meanwhile: of two nodes that are asked at once for the
/// same file, one gives it out as the first time.
public final class ServedList: Sendable {
    private struct Known {
        var served: ServedAnswers
        var revision: Revision
    }

    private let machines = Mutex<[String: Known]>([:])
    private let store: any StateStore
    private let timeline: Timeline

    public init(store: any StateStore, timeline: Timeline) {
        self.store = store
        self.timeline = timeline
    }

    // MARK: Taking in

    /// What the store has under `StoreKeys.servedPrefix`; other records are passed over.
    public func replace(_ records: [StoreRecord]) {
        let known = records.compactMap { record in
            decode(record.key, record.value).map { (record.key, Known(served: $0, revision: record.revision)) }
        }
        machines.withLock { $0 = Dictionary(known, uniquingKeysWith: { $1 }) }
    }

    public func take(_ change: StoreChange) {
        for write in change.writes where write.key.hasPrefix(StoreKeys.servedPrefix) {
            let served = if case .put(_, let value) = write { decode(write.key, value) } else { nil as ServedAnswers? }
            set(write.key, served.map { Known(served: $0, revision: change.revision) }, unlessAfter: change.revision)
        }
    }

    private func set(_ key: String, _ known: Known?, unlessAfter revision: Revision) {
        machines.withLock { machines in
            if let present = machines[key], present.revision > revision { return }
            machines[key] = known
        }
    }

    private func decode(_ key: String, _ value: [UInt8]) -> ServedAnswers? {
        guard key.hasPrefix(StoreKeys.servedPrefix) else { return nil }
        do throws(RecordError) { return try ServedRecord.decode(value) } catch {
            timeline.add(Event(.system, .error, .text("the store's record \(key) cannot be read: \(error)")))
            return nil
        }
    }

    // MARK: Asking and writing

    func served(_ mac: MACAddress) -> ServedAnswers { known(StoreKeys.served(mac))?.served ?? ServedAnswers() }

    private func known(_ key: String) -> Known? { machines.withLock { $0[key] } }

    /// Asks `decide` what is to become of the machine's record, writes that, and hands on the outcome; nil: it stays as
    /// it is. Asks again when somebody else has written meanwhile. While the store is away it is tried for a few
    /// seconds, for a machine waits.
    func update<Outcome: Sendable>(
        _ mac: MACAddress, _ decide: @Sendable (ServedAnswers) -> (next: ServedAnswers?, outcome: Outcome)
    ) async throws(StoreError) -> Outcome {
        let key = StoreKeys.served(mac)
        let deadline = ContinuousClock.now + .milliseconds(Limits.servedCommitMilliseconds)
        while true {
            let present = known(key)
            let (decided, outcome) = decide(present?.served ?? ServedAnswers())
            guard let next = decided else { return outcome }
            let batch = StoreBatch(
                guards: [StoreGuard(key: key, revision: present?.revision ?? .none)],
                writes: [.put(key: key, value: ServedRecord.encode(next))])
            do throws(StoreError) {
                let revision = try await store.commit(batch)
                // The feed brings it as well; the next request may be sooner.
                set(key, Known(served: next, revision: revision), unlessAfter: revision)
                return outcome
            } catch {
                if case .corrupt = error { throw error }
                guard ContinuousClock.now < deadline else { throw error }
            }
            // A guard that fails at once would fail again: the feed may be behind. A write whose answer was lost may
            // be there.
            if let record = try? await store.read(prefix: key).records.first(where: { $0.key == key }) {
                set(
                    key, decode(key, record.value).map { Known(served: $0, revision: record.revision) },
                    unlessAfter: record.revision)
            }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 20...60)))
        }
    }
}
