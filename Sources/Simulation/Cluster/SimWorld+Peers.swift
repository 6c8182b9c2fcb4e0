// SPDX-License-Identifier: Apache-2.0

import Decisions
import Engine
import Model

/// What nodes tell each other directly.
extension SimWorld {
    func spread(_ heartbeat: Heartbeat, from sender: SimNode) {
        history.mix(UInt64(sender.index) << 32 | heartbeat.sequence)
        for peer in nodes where peer !== sender {
            guard !isLost(.heartbeatLoss, perMille: 10) else { continue }
            after(heartbeatDelay()) { [unowned self] in arrived(heartbeat, from: sender, at: peer) }
        }
    }

    private func heartbeatDelay() -> SimTime {
        isLost(.heartbeatLoss, perMille: 10) ? random.skewed(2, 800) : random.between(0, 2)
    }

    private func arrived(_ heartbeat: Heartbeat, from sender: SimNode, at peer: SimNode) {
        guard links.isUp(sender.place, peer.place) else { return }
        if peer.process != nil { return peer.perform(.peers) { $0.cluster.receive(heartbeat) } }
        // Nobody listens, and the machine says so.
        guard peer.outages == 0, links.isUp(peer.place, sender.place) else { return }
        after(random.between(0, 2)) {
            sender.perform(.peers) { $0.cluster.handle(.refused(node: peer.name)) }
        }
    }
}
