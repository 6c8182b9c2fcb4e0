// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// The whole site as the packet path needs it: which network an address or interface belongs to, and which machine a
/// MAC address or UUID is. An immutable value, replaced as a whole when the site changes.
public struct CompiledSite: Sendable {
    public private(set) var networks: [String: CompiledNetwork] = [:]
    public private(set) var machinesByName: [String: Machine] = [:]
    private var machineByMAC: [MACAddress: String] = [:]
    private var machineByUUID: [MachineUUID: String] = [:]
    public private(set) var statuses: [String: BootStatus] = [:]
    /// What environments machines may boot: the shipped ones, and the operator's over them.
    public private(set) var environments: [String: BootEnvironment] = [:]
    private var linkTable = LinkTable()

    public init() {}

    public init(site: Site, environments: [String: BootEnvironment], statuses: [String: BootStatus]) {
        var reservations: [String: [Reservation]] = [:]
        for reservation in site.reservations.values {
            reservations[reservation.network, default: []].append(reservation)
        }
        for network in site.networks.values {
            networks[network.name] = CompiledNetwork(
                network: network, reservations: reservations[network.name] ?? [])
        }
        linkTable = LinkTable(networks: site.networks.values)
        setMachines(site.machines)
        self.environments = environments
        self.statuses = statuses
    }

    /// Replaces one network, or removes it, and leaves the others as they are.
    public mutating func replaceNetwork(_ name: String, with network: CompiledNetwork?) {
        networks[name] = network
        linkTable = LinkTable(networks: networks.values.map(\.network))
    }

    public mutating func setMachines(_ machines: [String: Machine]) {
        machinesByName = machines
        machineByMAC = [:]
        machineByUUID = [:]
        for machine in machines.values {
            for mac in machine.macs { machineByMAC[mac] = machine.name }
            if let uuid = machine.uuid, uuid.isIdentity { machineByUUID[uuid] = machine.name }
        }
    }

    public mutating func setEnvironments(_ environments: [String: BootEnvironment]) { self.environments = environments }
    public mutating func setStatus(_ status: BootStatus?, machine: String) { statuses[machine] = status }

    public func machine(mac: MACAddress?, uuid: MachineUUID?) -> Machine? {
        if let mac, let name = machineByMAC[mac] { return machinesByName[name] }
        if let uuid, let name = machineByUUID[uuid] { return machinesByName[name] }
        return nil
    }

    /// The network with a subnet that holds `address`, or that names it as a relay.
    public func network(of address: IPv4Address) -> CompiledNetwork? {
        linkTable.network(of: address).flatMap { networks[$0] }
    }

    /// The network of an interface: the one that names it, else the one that one of its addresses lies in.
    public func network(interface: String, addresses: [IPv4Address]) -> CompiledNetwork? {
        if let name = linkTable.networkByInterface[interface] { return networks[name] }
        for address in addresses {
            if let network = network(of: address), network.network.interface == nil { return network }
        }
        return nil
    }
}

/// Address and interface to network name, in a few steps whatever the number of networks.
struct LinkTable: Sendable {
    private(set) var networkByInterface: [String: String] = [:]
    private var networkByRelay: [IPv4Address: String] = [:]
    /// Subnets do not overlap (the site is validated), so a binary search for the last one that begins at or before
    /// an address finds the only one that can hold it.
    private var subnets: [(subnet: IPv4Subnet, network: String)] = []

    init() {}

    init(networks: some Sequence<Network>) {
        for network in networks {
            if let interface = network.interface { networkByInterface[interface] = network.name }
            for subnet in network.subnets {
                subnets.append((subnet.subnet, network.name))
                for relay in subnet.relays { networkByRelay[relay] = network.name }
            }
        }
        subnets.sort { $0.subnet < $1.subnet }
    }

    func network(of address: IPv4Address) -> String? {
        if let name = networkByRelay[address] { return name }
        var low = 0
        var high = subnets.count
        while low < high {
            let middle = (low + high) / 2
            if subnets[middle].subnet.first <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, subnets[low - 1].subnet.contains(address) else { return nil }
        return subnets[low - 1].network
    }
}
