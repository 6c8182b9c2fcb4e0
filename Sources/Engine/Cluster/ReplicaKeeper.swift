// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Ports
import Synchronization

/// Keeps a copy of what this node knows on its own disk, and starts from it when the store is not there: after a
/// blackout the store's machines may be waiting for us to boot them.
public struct ReplicaKeeper: Sendable {
    private let file: ReplicaFile
    private let cache: SiteCache
    private let engine: DHCPEngine
    private let node: ClusterNode
    private let clock: Clock
    private let timeline: Timeline

    public init(
        file: ReplicaFile, cache: SiteCache, engine: DHCPEngine, node: ClusterNode, clock: Clock, timeline: Timeline
    ) {
        self.file = file
        self.cache = cache
        self.engine = engine
        self.node = node
        self.clock = clock
        self.timeline = timeline
    }

    /// The epochs that this node has seen in its life: a store that knows less was restored from a backup.
    public func epochs() -> [String: UInt64] { content()?.epochs ?? [:] }

    /// Takes in what the file has. False: there is nothing.
    public func restore() -> Bool {
        guard let content = content() else { return false }
        node.start(from: content.records, keptAt: content.clusterTime, cache: cache)
        timeline.add(
            Event(
                .system, .warning,
                .text("the store does not answer: started from this node's own copy, \(content.records.count) records"))
        )
        return true
    }

    /// Runs until the task is cancelled, and writes once more then.
    public func run() async {
        var written = Int64.min
        while true {
            try? await Task.sleep(for: .seconds(Limits.replicaSeconds))
            let revision = node.appliedRevision
            if revision != written, revision > 0, write(revision) { written = revision }
            if Task.isCancelled { return }
        }
    }

    private func write(_ revision: Int64) -> Bool {
        let content = ReplicaFile.Content(
            revision: revision, storeIdentity: "", clusterTime: clock.now(), epochs: node.epochs,
            records: cache.records + engine.leaseRecords)
        do throws(ReplicaFileError) {
            try file.write(content)
            return true
        } catch {
            timeline.add(Event(.system, .warning, .text("cannot keep a copy of the store here: \(error)")))
            return false
        }
    }

    private func content() -> ReplicaFile.Content? {
        do throws(ReplicaFileError) { return try file.read() } catch {
            timeline.add(Event(.system, .error, .text("\(error)")))
            return nil
        }
    }
}

extension ClusterNode {
    var appliedRevision: Int64 { state.withLock { $0.beat.applied } }

    /// The highest epoch of each network that this node has seen in its life.
    var epochs: [String: UInt64] { state.withLock { $0.leadership.epochs } }
}

extension SiteCache {
    /// The site, the boot states and what stands beside them, as they are stored.
    var records: [StoreRecord] {
        let (site, statuses) = (site, statuses)
        let objects = ObjectKind.allCases.flatMap { kind in
            site.names(kind).compactMap { name in
                site.object(kind, name).map {
                    StoreRecord(key: StoreKeys.site(kind, name), value: ObjectRecord.encode($0), revision: .none)
                }
            }
        }
        return objects + besides
            + statuses.map {
                StoreRecord(key: StoreKeys.boot($0), value: BootStatusRecord.encode($1), revision: .none)
            }
    }
}

extension DHCPEngine {
    /// All leases as they are stored.
    var leaseRecords: [StoreRecord] {
        leases(network: nil).map { network, lease in
            StoreRecord(
                key: StoreKeys.lease(network, lease.address), value: LeaseRecord.encode(lease), revision: .none)
        }
    }
}
