// SPDX-License-Identifier: Apache-2.0

import CLinux
import Model
import Ports

/// Keeps what this node knows equal to what the store says: reads everything once, and then follows the changes, which
/// local and remote writes take alike.
public struct StoreFollower: Sendable {
    private let store: any StateStore
    private let cache: SiteCache
    private let node: ClusterNode
    private let timeline: Timeline

    public init(store: any StateStore, cache: SiteCache, node: ClusterNode, timeline: Timeline) {
        self.store = store
        self.cache = cache
        self.node = node
        self.timeline = timeline
    }

    /// Terms before leases: who sees a term must have every lease that was committed before it. The leases network by
    /// network, so that only one network's records are in memory twice.
    public func load() async throws(StoreError) {
        let terms = try await store.read(prefix: StoreKeys.termPrefix)
        var control = terms.records
        for prefix in [StoreKeys.beatPrefix, StoreKeys.orderPrefix, StoreKeys.drainPrefix] where store.isShared {
            control += try await store.read(prefix: prefix).records
        }
        let site = try await store.read(prefix: StoreKeys.followedPrefix)
        node.dropLostTerms(terms.records)
        cache.replace(site.records, revision: site.revision)
        for name in cache.site.networks.keys.sorted() { try await loadLeases(name) }
        node.loadControl(control, revision: terms.revision)
        // The records are decoded; a site of a hundred thousand leaves tens of MiB of them behind.
        cl_release_free_memory()
    }

    /// Follows the store until the task is cancelled. A feed that ends was too slow, or forgot: everything is read
    /// again.
    public func run(isLoaded: Bool = true) async {
        // Where only this process writes, nothing but the site is news to it.
        let prefix = store.isShared ? "" : StoreKeys.followedPrefix
        var mustLoad = !isLoaded
        while !Task.isCancelled {
            do {
                if mustLoad {
                    try await load()
                    node.networksChanged()
                }
                mustLoad = true
                for await change in try await store.changes(prefix: prefix, after: node.followedFrom) {
                    try await take(change)
                }
            } catch {
                timeline.add(Event(.system, .error, .text("cannot follow the store: \(error)")))
                try? await Task.sleep(for: .milliseconds(Limits.storeProbeMilliseconds))
            }
        }
    }

    private func take(_ change: StoreChange) async throws(StoreError) {
        let before = cache.revision
        for name in cache.take(change) { try await loadLeases(name) }
        node.take(change)
        if cache.revision != before { node.networksChanged() }
    }

    private func loadLeases(_ network: String) async throws(StoreError) {
        let leases = try await store.read(prefix: StoreKeys.leasePrefix + network + "/")
        node.loadLeases(leases.records, network: network, revision: leases.revision)
    }
}
