// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// The address that moves with a network's term.
extension SiteCheck {
    mutating func virtualAddress(_ network: Network, at field: String) {
        if network.serverIdentity == .vip, network.virtualAddress == nil {
            refuse("\(field).server-id", "the network has no vip", hint: "give it one: vip: 10.64.0.2")
        }
        guard let address = network.virtualAddress else { return }
        let field = "\(field).vip"
        if network.mode != .dynamic {
            let way = network.mode == .static ? "every node answers there" : "every node offers boot data there"
            refuse(
                field, "a \(network.mode.rawValue) network has no node up to bat that could hold it: \(way)",
                hint: "set mode: dynamic; it needs no pools")
        }
        guard let subnet = network.subnet(containing: address)?.subnet else {
            refuse(field, "\(address) is in no subnet of \(network.name)")
            return
        }
        if subnet.prefixLength < 31 {
            if address == subnet.first { refuse(field, "\(address) is the address of subnet \(subnet) itself") }
            if address == subnet.broadcast { refuse(field, "\(address) is the broadcast address of \(subnet)") }
        }
        for (index, subnet) in network.subnets.enumerated() {
            pools(of: subnet, without: address, at: field, "subnets[\(index)]")
            if subnet.relays.contains(address) { refuse(field, "\(address) is a relay's address, subnets[\(index)]") }
        }
        if let node = nodeAddresses[address] {
            refuse(
                field, "\(address) is an address of node \(node) already",
                hint: "a virtual address is added and removed by OnDeck; take it out of that machine's configuration")
        }
        standing(network, at: field)
    }

    private mutating func pools(of subnet: Subnet, without address: IPv4Address, at field: String, _ place: String) {
        guard !subnet.exclusions.contains(where: { $0.contains(address) }) else { return }
        for (index, pool) in subnet.pools.enumerated() where pool.contains(address) {
            refuse(
                field, "\(address) is in \(pool), \(place).pools[\(index)]",
                hint: "exclude it there, or take another one")
        }
    }

    /// Behind a relay nobody could hold it: it must be on the clients' own link.
    private mutating func standing(_ network: Network, at field: String) {
        guard network.interface == nil, !nodeAddresses.isEmpty,
            !nodeAddresses.keys.contains(where: { network.subnet(containing: $0) != nil })
        else { return }
        refuse(
            field,
            "no node has an address in \(network.name): its clients are behind a relay, and a virtual address "
                + "has to be on their own link",
            hint: "leave it out: relays find every node; or name the network's interface")
    }
}
