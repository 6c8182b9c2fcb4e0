// SPDX-License-Identifier: Apache-2.0

import Model

extension Leadership {
    /// The site's dynamic networks, by name.
    public func networks(now: Uptime) -> [NetworkView] {
        let plan = balance.isPlanStale ? freshPlan() : balance.plan
        return candidates.map { candidate in
            let state = networks[candidate.network]
            return NetworkView(
                network: candidate.network, term: state?.record?.term, isServing: state?.isServing ?? false,
                desired: isShared ? plan[candidate.network] : run.node)
        }
    }

    /// The other nodes, by name. Who is known by heartbeats alone has a beat with nothing but its run in it.
    public func nodes(now: Uptime) -> [NodeView] {
        nodeNames.compactMap { name in
            nodes[name].map {
                NodeView(beat: $0.beat, life: $0.life, silentMilliseconds: max(0, now.millisecondsSince($0.lastSign)))
            }
        }
    }

    /// The highest epoch of each network that was ever seen.
    public var epochs: [String: UInt64] { networks.mapValues(\.highestEpoch).filter { $0.value > 0 } }
}
