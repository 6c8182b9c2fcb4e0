// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Synchronization

extension ClusterNode {
    /// While the store does not take this node's beats: the networks that it was up to bat for when the store last
    /// said so. Somebody else may be by now.
    public var doubtfulNetworks: Set<String> {
        state.withLock { state in
            guard state.leadership.isCutOff(now: clock.uptime()) else { return [] }
            let own = state.leadership.networks(now: clock.uptime()).filter { $0.term?.holder == run && !$0.isServing }
            return Set(own.map(\.network))
        }
    }

    /// The addresses of the nodes that are known, silent ones too, and whose they are.
    public var nodeAddresses: [IPv4Address: String] {
        var names: [IPv4Address: String] = [:]
        for view in nodeViews {
            let beat = view.beat
            for address in beat.serverIdentifiers { names[address] = beat.run.node }
            if !beat.peerAddress.isAny { names[beat.peerAddress] = beat.run.node }
        }
        return names
    }
}
