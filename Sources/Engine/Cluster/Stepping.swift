// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Ports
import Synchronization

/// Joining one step at a time: `settle` sleeps in between, a simulation does not.
extension ClusterNode {
    /// Whether the node has the cluster's time, or has it from now on. `start`: when it began to join.
    package func settleStep(since start: Uptime) -> Bool {
        if state.withLock({ $0.isSettled }) { return true }
        let waited = clock.uptime().millisecondsSince(start)
        let isAlone = state.withLock { $0.beats.values.allSatisfy { $0.intent == .stopped } }
        guard waited >= (isAlone ? Limits.joinAloneMilliseconds : Limits.joinMilliseconds) else { return false }
        settleAlone()
        return true
    }

    /// The networks that this node is up to bat for.
    package var serving: Set<String> {
        state.withLock { state in
            Set(state.leadership.networks(now: clock.uptime()).filter(\.isServing).map(\.network))
        }
    }
}

/// What `ReplicaKeeper` keeps and starts from, whatever it is kept in.
extension ClusterNode {
    /// What this node keeps on its own disk.
    package func replica(of cache: SiteCache) -> (epochs: [String: UInt64], records: [StoreRecord]) {
        (epochs, cache.records + engine.leaseRecords)
    }

    /// Takes in what the disk has, because the store does not answer.
    package func start(from records: [StoreRecord], keptAt clusterTime: Instant, cache: SiteCache) {
        clock.raise(to: clusterTime)
        cache.replace(records.filter { $0.key.hasPrefix(StoreKeys.followedPrefix) }, revision: .none)
        var leases: [String: [StoreRecord]] = [:]
        for record in records {
            if let network = StoreKeys.leaseNetwork(record.key) { leases[network, default: []].append(record) }
        }
        for (network, records) in leases.sorted(by: { $0.key < $1.key }) {
            loadLeases(records, network: network, revision: .none)
        }
    }
}
