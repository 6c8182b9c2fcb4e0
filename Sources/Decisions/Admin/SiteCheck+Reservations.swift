// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

extension SiteCheck {
    mutating func reservations() {
        let sorted = site.reservations.values.sorted { ($0.network, $0.address) < ($1.network, $1.address) }
        var unknown: Set<String> = []
        var seen: [Key: IPv4Address] = [:]
        seen.reserveCapacity(sorted.count)
        for reservation in sorted {
            let field = "reservations.\(reservation.network)/\(reservation.address)"
            if let network = site.networks[reservation.network] {
                self.reservation(reservation, in: network, at: field)
            } else if unknown.insert(reservation.network).inserted {
                // Once for each network that is missing: a thousand reservations would say the same.
                let count = reservationsByNetwork[reservation.network, default: []].count
                let others = count > 1 ? "; \(count) reservations name it" : ""
                let hint = Self.hint(Array(site.networks.keys))
                refuse("\(field).network", "there is no network \(reservation.network)\(others)", hint: hint)
            }
            let key = Key(network: reservation.network, identity: reservation.identity)
            if let other = seen.updateValue(reservation.address, forKey: key) {
                refuse(
                    field, "\(reservation.identity) has \(other) in \(reservation.network) already",
                    hint: "a client can have one reservation in a network")
            }
        }
    }

    private struct Key: Hashable {
        var network: String
        var identity: ClientIdentity
    }

    private mutating func reservation(_ reservation: Reservation, in network: Network, at field: String) {
        if network.mode == .proxy {
            warn(field, "\(network.name) is a proxy network: another server gives out the addresses")
            return
        }
        guard let subnet = network.subnet(containing: reservation.address) else {
            let subnets = network.subnets.map(\.subnet.description)
            let known = subnets.isEmpty ? "it has no subnet" : "it has \(subnets.prefix(5).joined(separator: ", "))"
            refuse("\(field).address", "\(reservation.address) is in no subnet of \(network.name)", hint: known)
            return
        }
        if subnet.subnet.prefixLength < 31 {
            if reservation.address == subnet.subnet.first {
                refuse("\(field).address", "\(reservation.address) is the address of subnet \(subnet.subnet) itself")
            }
            if reservation.address == subnet.subnet.broadcast {
                refuse("\(field).address", "\(reservation.address) is the broadcast address of \(subnet.subnet)")
            }
        }
        if reservation.address == network.virtualAddress {
            refuse("\(field).address", "\(reservation.address) is the network's vip")
        } else if reservation.address == network.serverIdentifier {
            refuse("\(field).address", "\(reservation.address) is the network's server-id")
        }
    }
}
