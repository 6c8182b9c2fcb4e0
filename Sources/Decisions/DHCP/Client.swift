// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// Who a request comes from, as far as this network is concerned.
struct Client: Sendable {
    /// Names the client's dynamic lease.
    let identity: ClientIdentity
    let mac: MACAddress?
    let uuid: MachineUUID?
    let reservation: Reservation?
    let machine: Machine?

    /// Some object of the operator's names it.
    var isKnown: Bool { reservation != nil || machine != nil }

    var hostname: String {
        if let name = reservation?.hostname, !name.isEmpty { return name }
        return machine?.name ?? ""
    }

    /// Nil when the request names nobody: no hardware address and no client identifier.
    init?(_ request: DHCPRequest, compiled: CompiledNetwork, site: CompiledSite, trace: DecisionTrace?) {
        mac = request.mac
        uuid = ClientUUID.decode(request.options[.clientUUID])
        let clientIdentifier = request.clientIdentifier.flatMap { $0.count >= 2 ? Array($0) : nil }
        switch (compiled.network.identity, mac, clientIdentifier) {
        case (.clientIdentifier, _, let bytes?): identity = .clientIdentifier(bytes)
        case (_, let mac?, _): identity = .mac(mac)
        case (_, nil, let bytes?): identity = .clientIdentifier(bytes)
        case (_, nil, nil): return nil
        }
        reservation = Self.reservation(
            compiled, mac: mac, clientIdentifier: clientIdentifier, uuid: uuid, request: request)
        machine = site.machine(mac: mac, uuid: uuid)
        trace?.note("client", "\(identity)")
        trace?.note("reservation", reservation.map { "\($0.address), for \($0.identity)" } ?? "none in this network")
        trace?.note("machine", machine?.name ?? "none has this MAC address or UUID")
    }

    /// The most personal name first: the card, the client's own identifier, the board, and last the switch port.
    private static func reservation(
        _ compiled: CompiledNetwork, mac: MACAddress?, clientIdentifier: [UInt8]?, uuid: MachineUUID?,
        request: DHCPRequest
    ) -> Reservation? {
        let kinds = compiled.reservationKinds
        if kinds.contains(.mac), let mac, let found = compiled.reservations[.mac(mac)] { return found }
        if kinds.contains(.clientIdentifier), let clientIdentifier,
            let found = compiled.reservations[.clientIdentifier(clientIdentifier)]
        {
            return found
        }
        if kinds.contains(.uuid), let uuid, let found = compiled.reservations[.uuid(uuid)] { return found }
        if kinds.contains(.circuit), !request.relayAddress.isAny, let circuit = request.relayAgent?.circuitID,
            let found = compiled.reservations[.circuit(Array(circuit))]
        {
            return found
        }
        return nil
    }
}
