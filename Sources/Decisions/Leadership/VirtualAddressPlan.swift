// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// An address of a network that moves with its term: on the interface of whichever node is up to bat.
public struct VirtualAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var address: IPv4Address
    /// 0 to 32; 32 adds no route.
    public var prefixLength: Int
    public var interface: String

    public init(_ address: IPv4Address, prefixLength: Int, interface: String) {
        self.address = address
        self.prefixLength = prefixLength
        self.interface = interface
    }

    public static func < (a: Self, b: Self) -> Bool {
        (a.interface, a.address, a.prefixLength) < (b.interface, b.address, b.prefixLength)
    }
    public var description: String { "\(address)/\(prefixLength) on \(interface)" }
}

/// Which virtual addresses this node should have, and where: a pure function of the site, of what this node is up to
/// bat for, and of its interfaces.
public struct VirtualAddressPlan: Hashable, Sendable {
    /// An interface of this machine.
    public struct Place: Hashable, Sendable {
        public var name: String
        /// With their prefix lengths, the primary address first.
        public var addresses: [(address: IPv4Address, prefixLength: Int)]

        public init(name: String, addresses: [(address: IPv4Address, prefixLength: Int)]) {
            self.name = name
            self.addresses = addresses
        }

        public static func == (a: Self, b: Self) -> Bool {
            a.name == b.name && a.addresses.elementsEqual(b.addresses, by: ==)
        }
        public func hash(into hasher: inout Hasher) { hasher.combine(name) }
    }

    public struct Wish: Hashable, Sendable {
        public var network: String
        public var address: VirtualAddress
        /// False: this node was up to bat when the store last answered it. It keeps the address until somebody else
        /// announces it.
        public var isFirm: Bool

        public init(network: String, address: VirtualAddress, isFirm: Bool = true) {
            self.network = network
            self.address = address
            self.isFirm = isFirm
        }
    }

    /// By network.
    public var wishes: [Wish] = []
    /// Networks whose address this node should have and cannot: why, as a sentence.
    public var impossible: [String: String] = [:]

    public init() {}

    /// `held`: networks that this node is up to bat for. `doubtful`: those of which it does not know whether it still
    /// is, because the store does not answer.
    public init(
        _ networks: some Sequence<Network>, held: Set<String>, doubtful: Set<String> = [], places: [Place]
    ) {
        let virtual = Set(networks.compactMap(\.virtualAddress))
        for network in networks.sorted(by: { $0.name < $1.name }) {
            guard let address = network.virtualAddress, network.mode == .dynamic,
                held.contains(network.name) || doubtful.contains(network.name)
            else { continue }
            guard let place = Self.place(network, address, places, virtual) else {
                impossible[network.name] =
                    "virtual address \(address): no interface of this machine has an address in \(network.name)"
                continue
            }
            wishes.append(
                Wish(
                    network: network.name,
                    address: VirtualAddress(
                        address, prefixLength: Self.prefixLength(network, address, place, virtual),
                        interface: place.name),
                    isFirm: held.contains(network.name)))
        }
    }

    /// The interface that is named, or that has an address of its own on the link: in the same subnet if possible.
    private static func place(
        _ network: Network, _ address: IPv4Address, _ places: [Place], _ virtual: Set<IPv4Address>
    ) -> Place? {
        if let name = network.interface {
            return places.first { $0.name == name } ?? Place(name: name, addresses: [])
        }
        let subnet = network.subnet(containing: address)?.subnet
        func stands(_ place: Place, in isInside: (IPv4Address) -> Bool) -> Bool {
            place.addresses.contains { !virtual.contains($0.address) && isInside($0.address) }
        }
        return places.first { stands($0) { subnet?.contains($0) ?? false } }
            ?? places.first { stands($0) { network.subnet(containing: $0) != nil } }
    }

    /// That of the interface's own address whose neighbour it becomes, so that no route changes; else the subnet's.
    private static func prefixLength(
        _ network: Network, _ address: IPv4Address, _ place: Place, _ virtual: Set<IPv4Address>
    ) -> Int {
        let neighbour = place.addresses.first {
            !virtual.contains($0.address)
                && IPv4Subnet(containing: $0.address, prefixLength: $0.prefixLength).contains(address)
        }
        return neighbour?.prefixLength ?? network.subnet(containing: address)?.subnet.prefixLength ?? 32
    }
}
