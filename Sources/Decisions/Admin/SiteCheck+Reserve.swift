// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// What keeps leases alive in an outage, and who is to be up to bat.
extension SiteCheck {
    mutating func reserve(_ network: Network, at field: String) {
        guard let seconds = network.reserveSeconds else { return }
        guard seconds <= Limits.leaseSecondsMax else {
            refuse("\(field).reserve", "\(seconds) s is not within 0 s to \(Limits.leaseSecondsMax) s")
            return
        }
        guard seconds > 0 else { return }
        guard Self.hasPool(network) else {
            warn("\(field).reserve", "there is nothing to reserve: only addresses from pools are leased")
            return
        }
        // Clients renew after half of their lease, and then want a whole one.
        let least = network.leaseSeconds / 2 + UInt32(Limits.clockSkewSecondsMax)
        if seconds < least {
            warn(
                "\(field).reserve",
                "\(seconds) s is too short for a renewal without the store: clients renew after "
                    + "\(network.leaseSeconds / 2) s, and a whole lease must fit in behind that",
                hint: "at least \(least) s; one lease time, \(network.leaseSeconds) s, is usual")
        }
    }

    mutating func preferredNodes(_ network: Network, at field: String) {
        let nodes = network.preferredNodes
        guard !nodes.isEmpty else { return }
        if nodes.count > Limits.nodesMax {
            refuse("\(field).nodes", "has \(nodes.count) nodes; at most \(Limits.nodesMax) are allowed")
        }
        var seen: Set<String> = []
        for (index, node) in nodes.enumerated() where !seen.insert(node).inserted {
            refuse("\(field).nodes[\(index)]", "\(node) is in the list twice")
        }
        if network.mode != .dynamic {
            warn(
                "\(field).nodes", "every node answers a \(network.mode.rawValue) network, whatever the order",
                hint: "set mode: dynamic, or leave the nodes out")
        }
    }

    /// The reserve shrinks as the pools fill: say so to whoever counts on it.
    mutating func poolsAndReserve(addresses: Int, machines: Int) {
        let keepers = site.names(.network).filter { name in
            guard let network = site.networks[name], let seconds = network.reserveSeconds else { return false }
            return seconds > 0 && Self.hasPool(network)
        }
        guard let first = keepers.first, addresses >= machines,
            100 * (addresses - machines) < Reserve.wholePercent * addresses
        else { return }
        warn(
            "networks.\(first).reserve",
            "the pools have \(addresses) addresses for \(machines) machines: with less than "
                + "\(Reserve.wholePercent) % free the reserve is cut, and with \(Reserve.nonePercent) % there is none",
            hint: "make the pools larger")
    }

    private static func hasPool(_ network: Network) -> Bool {
        network.mode == .dynamic && network.subnets.contains { !$0.pools.isEmpty }
    }
}
