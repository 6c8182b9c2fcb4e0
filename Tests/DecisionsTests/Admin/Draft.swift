// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

/// A site in a few words, for the tests of what must hold in it.
struct Draft {
    var site = Site()

    @discardableResult
    mutating func network(
        _ name: String, _ subnets: [String], pools: [[String]] = [], _ change: (inout Network) -> Void = { _ in }
    ) -> Network {
        var network = Network(name: name)
        network.unknown = .lease
        for (index, text) in subnets.enumerated() {
            guard let prefix = IPv4Subnet(text) else { continue }
            var subnet = Subnet(subnet: prefix)
            if index < pools.count { subnet.pools = pools[index].compactMap { IPv4Range($0) } }
            network.subnets.append(subnet)
        }
        change(&network)
        site.set(.network(network))
        return network
    }

    mutating func reservation(_ network: String, _ address: IPv4Address, _ identity: ClientIdentity) {
        site.set(.reservation(Reservation(network: network, address: address, identity: identity)))
    }

    mutating func machine(_ name: String, _ macs: [Int], _ change: (inout Machine) -> Void = { _ in }) {
        var machine = Machine(name: name)
        machine.macs = macs.map { mac($0) }
        change(&machine)
        site.set(.machine(machine))
    }

    mutating func environment(_ name: String, _ kind: BootEnvironment.Kind, answers: [String: String] = [:]) {
        var environment = BootEnvironment(name: name, kind: kind)
        environment.answers = answers
        site.set(.environment(environment))
    }

    var problems: [String] { SiteValidation.check(site).problems.map(\.description) }
    var warnings: [String] { SiteValidation.check(site).warnings.map(\.description) }
}

func mac(_ number: Int) -> MACAddress { MACAddress(bits: 0x5254_0000_0000 + UInt64(number)) }
