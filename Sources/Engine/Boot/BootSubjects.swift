// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model

/// Puts together what is known of a machine that boots.
struct BootSubjects: Sendable {
    let engine: DHCPEngine
    let cache: SiteCache
    let clock: Clock

    /// `client`: the address that the machine asks from, which says in which network it is.
    func subject(mac: MACAddress, client: IPv4Address?, endpoint: BootEndpoint) -> BootSubject {
        var subject = BootSubject(mac: mac, endpoint: endpoint)
        subject.machine = engine.machine(mac: mac)
        let lease = engine.lease(mac: mac, now: clock.now())
        subject.network =
            client.flatMap { engine.network(of: $0) } ?? lease.flatMap { engine.network(of: $0.lease.address) }
        let reservation = subject.network.flatMap { engine.reservation(network: $0.name, mac: mac) }
        subject.address = reservation?.address ?? lease?.lease.address ?? client
        subject.hostname = reservation?.hostname ?? ""
        return subject
    }

    func permission(_ subject: BootSubject) -> BootPermission {
        let status = subject.machine.flatMap { cache.status(of: $0.name) }
        return BootGate.permission(
            machine: subject.machine, network: subject.network, status: status, now: clock.now(),
            isReserved: isReserved(subject))
    }

    private func isReserved(_ subject: BootSubject) -> Bool {
        subject.network.flatMap { engine.reservation(network: $0.name, mac: subject.mac) } != nil
    }

    /// Whether DHCP has given this machine this address: by a reservation for its MAC address, or by a lease.
    func isAddress(_ address: IPv4Address, of mac: MACAddress) -> Bool {
        guard let network = engine.network(of: address) else { return false }
        if engine.reservation(network: network.name, mac: mac)?.address == address { return true }
        guard let lease = engine.lease(network: network.name, at: address) else { return false }
        return lease.mac == mac && lease.state == .bound && lease.isHeld(at: clock.now())
    }

    /// Nobody has named the machine, and the network that is asked from takes such machines in: what they boot, or that
    /// they boot from their disk, is no secret.
    func isAnybodys(_ mac: MACAddress, client: IPv4Address) -> Bool {
        guard engine.machine(mac: mac) == nil, let network = engine.network(of: client), network.unknown != .ignore
        else { return false }
        return engine.reservation(network: network.name, mac: mac) == nil
    }
}
