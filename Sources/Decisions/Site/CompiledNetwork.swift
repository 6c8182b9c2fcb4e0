// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// One network as the packet path needs it: look-ups instead of lists, option values ready to send.
public final class CompiledNetwork: Sendable {
    public let network: Network
    /// By whom the address is for.
    public let reservations: [ClientIdentity: Reservation]
    /// Which addresses are bound, and to whom.
    public let reservedAddresses: [IPv4Address: ClientIdentity]
    /// For each subnet, in the network's order: what its clients are sent unless a reservation says otherwise.
    public let optionsBySubnet: [[OptionSetting]]
    /// The kinds of identity that any reservation uses, so that no others are looked up.
    let reservationKinds: IdentityKinds

    public init(network: Network, reservations list: some Sequence<Reservation>) {
        self.network = network
        var reservations: [ClientIdentity: Reservation] = [:]
        var addresses: [IPv4Address: ClientIdentity] = [:]
        var kinds = IdentityKinds()
        reservations.reserveCapacity(list.underestimatedCount)
        addresses.reserveCapacity(list.underestimatedCount)
        for reservation in list {
            reservations[reservation.identity] = reservation
            addresses[reservation.address] = reservation.identity
            kinds.insert(IdentityKinds(of: reservation.identity))
        }
        self.reservations = reservations
        reservedAddresses = addresses
        reservationKinds = kinds
        optionsBySubnet = network.subnets.map { Self.merged([$0.options, network.options]) }
    }

    /// Settings by code, the first list's winning; ascending by code.
    static func merged(_ lists: [[OptionSetting]]) -> [OptionSetting] {
        var byCode: [UInt8: OptionSetting] = [:]
        for list in lists.reversed() { for setting in list { byCode[setting.code] = setting } }
        return byCode.values.sorted { $0.code < $1.code }
    }

    public func subnetIndex(containing address: IPv4Address) -> Int? {
        network.subnets.firstIndex { $0.subnet.contains(address) }
    }
}

/// A set of the kinds of ClientIdentity.
struct IdentityKinds: OptionSet, Sendable {
    let rawValue: UInt8
    static let mac = IdentityKinds(rawValue: 1)
    static let clientIdentifier = IdentityKinds(rawValue: 2)
    static let uuid = IdentityKinds(rawValue: 4)
    static let circuit = IdentityKinds(rawValue: 8)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(of identity: ClientIdentity) {
        switch identity {
        case .mac: self = .mac
        case .clientIdentifier: self = .clientIdentifier
        case .uuid: self = .uuid
        case .circuit: self = .circuit
        }
    }
}
