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
        let isReserved = subject.network.flatMap { engine.reservation(network: $0.name, mac: subject.mac) } != nil
        return BootGate.permission(
            machine: subject.machine, network: subject.network, status: status, now: clock.now(),
            isReserved: isReserved)
    }
}
