// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

extension SiteCheck {
    mutating func networks() {
        for name in site.names(.network) {
            guard let network = site.networks[name] else { continue }
            self.network(network, at: "networks.\(name)")
        }
        subnetOverlaps()
        sharedLinks()
        poolsAndMachines()
    }

    private mutating func network(_ network: Network, at field: String) {
        if case .environment(let name) = network.unknown { environment(name, at: "\(field).unknown") }
        lease(network, at: field)
        reserve(network, at: field)
        preferredNodes(network, at: field)
        place(network, at: field)
        virtualAddress(network, at: field)
        for (index, subnet) in network.subnets.enumerated() {
            self.subnet(subnet, of: network, at: "\(field).subnets[\(index)]")
        }
        options(network.options, at: field)
        parameters(network.parameters, at: "\(field).parameters")
        mode(network, at: field)
    }

    private mutating func lease(_ network: Network, at field: String) {
        let allowed = Limits.leaseSecondsMin...Limits.leaseSecondsMax
        for (key, seconds) in [("lease", network.leaseSeconds), ("lease-max", network.leaseSecondsMax)]
        where !allowed.contains(seconds) {
            refuse("\(field).\(key)", "\(seconds) s is not within \(allowed.lowerBound) s to \(allowed.upperBound) s")
        }
        if allowed.contains(network.leaseSeconds) { outage(network, at: field) }
    }

    /// What the network's mode makes of its pools.
    private mutating func mode(_ network: Network, at field: String) {
        let firstPool = network.subnets.firstIndex { !$0.pools.isEmpty }.map { "\(field).subnets[\($0)].pools" }
        switch (network.mode, firstPool) {
        case (.static, let pools?):
            warn(pools, "a static network hands out no address of a pool", hint: "set mode: dynamic")
        case (.proxy, let pools?):
            warn(pools, "a proxy network hands out no addresses: another server does", hint: "set mode: dynamic")
        case (.dynamic, nil):
            warn(field, "is dynamic but has no pools: only reservations get an address")
        case (.dynamic, _?) where network.unknown == .ignore:
            let known = knownClients(of: network)
            warn(
                "\(field).unknown", "only \(Self.known(known)) an address",
                hint: "set unknown: lease to serve everybody")
        case (.static, nil), (.proxy, nil), (.dynamic, _?): break
        }
    }

    private static func known(_ count: Int) -> String {
        count == 1
            ? "the 1 machine or reservation that is known gets"
            : "the \(count) machines and reservations that are known get"
    }

    private func knownClients(of network: Network) -> Int {
        let others = reservationsByNetwork[network.name, default: []].filter { reservation in
            guard case .mac(let mac) = reservation.identity else { return true }
            return !machineMACs.contains(mac)
        }
        return machineMACs.count + others.count
    }

    private mutating func options(_ options: [OptionSetting], at field: String) {
        // A stray option 60 makes UEFI firmware look for a boot server at port 4011 that is not there.
        guard options.contains(where: { $0.code == 60 }) else { return }
        warn(
            "\(field).options", "option 60 (vendor class) can stop UEFI machines from booting",
            hint: "OnDeck sends it to the clients that need it")
    }

    // MARK: Subnets

    private mutating func subnet(_ subnet: Subnet, of network: Network, at field: String) {
        for (index, pool) in subnet.pools.enumerated() {
            self.pool(pool, of: subnet, network, at: "\(field).pools[\(index)]")
        }
        for (index, exclusion) in subnet.exclusions.enumerated() where !subnet.subnet.range.contains(exclusion) {
            refuse("\(field).exclude[\(index)]", "\(exclusion) is not in subnet \(subnet.subnet)")
        }
        for (index, relay) in subnet.relays.enumerated() where relay.isAny || relay.isBroadcast || relay.isMulticast {
            refuse("\(field).relays[\(index)]", "\(relay) is not the address of a relay")
        }
        let sorted = subnet.pools.enumerated().sorted { ($0.element.first, $0.offset) < ($1.element.first, $1.offset) }
        for (a, b) in zip(sorted, sorted.dropFirst()) where a.element.overlaps(b.element) {
            refuse("\(field).pools[\(b.offset)]", "\(b.element) overlaps with \(a.element), pools[\(a.offset)]")
        }
        options(subnet.options, at: field)
    }

    private mutating func pool(_ pool: IPv4Range, of subnet: Subnet, _ network: Network, at field: String) {
        guard subnet.subnet.range.contains(pool) else {
            refuse(field, "\(pool) is not in subnet \(subnet.subnet)")
            return
        }
        if pool.count > Limits.poolAddressesMax {
            refuse(field, "has \(pool.count) addresses; at most \(Limits.poolAddressesMax) are allowed in one pool")
        }
        if subnet.exclusions.contains(where: { $0.contains(pool) }) {
            warn(field, "every address of \(pool) is excluded")
        }
        serversInPool(pool, of: subnet, network, at: field)
    }

    /// Routers, name servers and nodes in a pool: they are not handed out, but the pool is smaller than it looks.
    private mutating func serversInPool(_ pool: IPv4Range, of subnet: Subnet, _ network: Network, at field: String) {
        let reserved = reservationsByNetwork[network.name, default: []].map(\.address)
        var seen = Set(reserved)
        if subnet.subnet.prefixLength < 31 { seen.formUnion([subnet.subnet.first, subnet.subnet.last]) }
        var found: [(IPv4Address, String)] = []
        for (address, role) in network.spokenFor where role != "vip" {
            found.append((address, "the network's \(role)"))
        }
        for (address, node) in nodeAddresses.sorted(by: { $0.key < $1.key }) {
            guard address != network.virtualAddress else { continue }
            found.append((address, "an address of node \(node)"))
        }
        for (address, role) in found where pool.contains(address) && seen.insert(address).inserted {
            guard !subnet.exclusions.contains(where: { $0.contains(address) }) else { continue }
            warn(field, "has \(address), \(role)", hint: "exclude it, or begin the pool behind it")
        }
    }

    /// Subnets either lie within each other or do not touch: sorted, each needs to look at one other only.
    private mutating func subnetOverlaps() {
        var all: [(subnet: IPv4Subnet, network: String, index: Int)] = []
        for (name, network) in site.networks {
            for (index, subnet) in network.subnets.enumerated() { all.append((subnet.subnet, name, index)) }
        }
        all.sort { ($0.subnet, $0.network, $0.index) < ($1.subnet, $1.network, $1.index) }
        guard var widest = all.first else { return }
        for next in all.dropFirst() {
            if widest.subnet.overlaps(next.subnet) {
                let other = "networks.\(widest.network).subnets[\(widest.index)]"
                refuse(
                    "networks.\(next.network).subnets[\(next.index)].subnet",
                    "\(next.subnet) overlaps with \(widest.subnet), \(other)",
                    hint: widest.network == next.network ? nil : "an address must belong to one network")
            } else {
                widest = next
            }
        }
    }

    /// An interface and a relay's address each stand for one link.
    private mutating func sharedLinks() {
        var networkByInterface: [String: String] = [:]
        var fieldByRelay: [IPv4Address: String] = [:]
        for name in site.names(.network) {
            guard let network = site.networks[name] else { continue }
            if let interface = network.interface,
                let other = networkByInterface.updateValue(name, forKey: interface)
            {
                refuse(
                    "networks.\(name).interface", "\(interface) is the interface of networks.\(other) too",
                    hint: "one link is one network, with as many subnets as it has")
            }
            for (index, subnet) in network.subnets.enumerated() {
                for (place, relay) in subnet.relays.enumerated() {
                    let field = "networks.\(name).subnets[\(index)].relays[\(place)]"
                    guard let other = fieldByRelay.updateValue(field, forKey: relay) else { continue }
                    refuse(field, "\(relay) is \(other) too", hint: "a relay's address must say which subnet is meant")
                }
            }
        }
    }

    // MARK: Sizes

    /// Whether there are dynamic addresses for all machines that have no other.
    private mutating func poolsAndMachines() {
        let reserved = Set(site.reservations.values.map(\.identity))
        let machines = site.machines.values.filter { machine in
            !machine.macs.isEmpty && !machine.macs.contains { reserved.contains(.mac($0)) }
        }.count
        let dynamic = site.networks.values.filter { $0.mode == .dynamic && $0.subnets.contains { !$0.pools.isEmpty } }
        guard !dynamic.isEmpty, machines > 0 else { return }
        var addresses = 0
        for network in dynamic {
            let taken =
                reservationsByNetwork[network.name, default: []].map(\.address) + network.spokenFor.map(\.address)
            for subnet in network.subnets { addresses += Self.dynamicAddresses(subnet, without: taken) }
        }
        poolsAndReserve(addresses: addresses, machines: machines)
        guard addresses < machines else { return }
        warn("networks", "the pools have \(addresses) addresses for \(machines) machines without a reservation")
    }

    /// How many addresses a subnet's pools can hand out.
    static func dynamicAddresses(_ subnet: Subnet, without taken: [IPv4Address]) -> Int {
        let ends = subnet.subnet.prefixLength < 31 ? [subnet.subnet.first, subnet.subnet.last] : []
        var blocked = subnet.exclusions
        for address in ends + taken where subnet.subnet.contains(address) {
            blocked.append(IPv4Range(first: address, last: address))
        }
        let merged = mergedRanges(blocked)
        return mergedRanges(subnet.pools).reduce(0) { $0 + $1.count } - overlapCount(mergedRanges(subnet.pools), merged)
    }

    /// The same addresses in ascending ranges that do not touch each other.
    private static func mergedRanges(_ ranges: [IPv4Range]) -> [IPv4Range] {
        var merged: [IPv4Range] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            if let last = merged.last, range.first <= last.last {
                merged[merged.count - 1] = IPv4Range(first: last.first, last: max(last.last, range.last))
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    /// How many addresses are in both; each list is merged.
    private static func overlapCount(_ a: [IPv4Range], _ b: [IPv4Range]) -> Int {
        var (i, j, count) = (0, 0, 0)
        while i < a.count, j < b.count {
            if a[i].overlaps(b[j]) {
                count += Int(min(a[i].last, b[j].last).bits) - Int(max(a[i].first, b[j].first).bits) + 1
            }
            if a[i].last < b[j].last { i += 1 } else { j += 1 }
        }
        return count
    }
}

extension IPv4Range {
    func contains(_ other: IPv4Range) -> Bool { contains(other.first) && contains(other.last) }
}
