// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Engine
import Model
import Ports

/// The site of a history: two dynamic networks, one that the nodes stand in and one behind a relay, and a static one.
struct SimSite {
    /// One version of the configuration, as an operator wrote it.
    struct Version {
        var revision: Revision
        var site: Site
    }

    static let direct = "direct"
    static let relayed = "relayed"
    static let bindings = "bindings"
    static let all = [direct, relayed, bindings]
    static let dynamic = [direct, relayed]

    /// Where the nodes reach the relay, the routers and each other.
    static let backbone = IPv4Subnet("10.0.0.0/24")

    static func prefix(_ network: String) -> UInt32 {
        network == direct ? 0x0a01_0000 : network == relayed ? 0x0a02_0000 : 0x0a03_0000
    }
    static func address(_ network: String, _ number: Int) -> IPv4Address {
        IPv4Address(bits: prefix(network) + UInt32(number))
    }

    static func relay(_ network: String) -> IPv4Address { address(network, 254) }
    static func isRelayed(_ network: String) -> Bool { network != direct }

    /// The node's own address in the network, or on the backbone where a relay stands in between.
    static func nodeAddress(_ node: Int, _ network: String) -> IPv4Address {
        isRelayed(network) ? IPv4Address(bits: 0x0a00_0001 + UInt32(node)) : address(network, 1 + node)
    }

    private(set) var current = Site()
    /// Every version so far, oldest first.
    private(set) var versions: [Version] = []

    static let poolFirst = 100

    static func network(_ name: String, pool: Int) -> Network {
        var network = Network(name: name)
        var subnet = Subnet(subnet: IPv4Subnet(containing: address(name, 0), prefixLength: 24))
        subnet.pools = [IPv4Range(first: address(name, poolFirst), last: address(name, poolFirst + pool - 1))]
        network.mode = name == bindings ? .static : .dynamic
        if name == bindings { subnet.pools = [] }
        if isRelayed(name) { subnet.relays = [relay(name)] }
        network.subnets = [subnet]
        network.unknown = .lease
        network.probe = false
        network.leaseSeconds = name == relayed ? 180 : 120
        network.leaseSecondsMax = network.leaseSeconds
        return network
    }

    /// The write that makes `object` part of the site.
    static func write(_ object: SiteObject) -> StoreWrite {
        let value: [UInt8] =
            if case .reservation(let reservation) = object {
                ReservationRecord.encode(reservation)
            } else {
                JSONText.bytes(object.fields)
            }
        return .put(key: StoreKeys.site(object.kind, object.name), value: value)
    }

    mutating func took(_ objects: [SiteObject], at revision: Revision) {
        for object in objects { current.set(object) }
        versions.append(Version(revision: revision, site: current))
    }

    /// Whether `address` has been the client's by reservation in any version.
    func isReserved(_ address: IPv4Address, for mac: MACAddress) -> Bool {
        current.reservations.values.contains { $0.address == address && $0.identity == .mac(mac) }
    }

    /// Whether every version since the one at `revision` lets the client have the address as a dynamic one.
    func isAlwaysDynamic(_ address: IPv4Address, network: String, mac: MACAddress, since revision: Revision) -> Bool {
        let first = versions.lastIndex { $0.revision <= revision } ?? 0
        return versions[first...].allSatisfy { version in
            guard let pools = version.site.networks[network]?.subnets.first?.pools,
                pools.contains(where: { $0.contains(address) })
            else { return false }
            return !version.site.reservations.values.contains {
                $0.network == network && ($0.address == address || $0.identity == .mac(mac))
            }
        }
    }
}
