// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// The network that a request belongs to, and where in it the client stands.
public struct Link: Sendable {
    public let compiled: CompiledNetwork
    /// The subnet that giaddr, link selection or our own address points to; nil when none does (a relay named by
    /// `relays`, or an interface named without an address in the network).
    public let subnetIndex: Int?
    /// We stand on the link ourselves: no relay between us and the client.
    public let isDirect: Bool

    public var network: Network { compiled.network }

    public init(compiled: CompiledNetwork, subnetIndex: Int?, isDirect: Bool) {
        self.compiled = compiled
        self.subnetIndex = subnetIndex
        self.isDirect = isDirect
    }
}

/// Which network's rules apply (RFC 2131 4.3.1, RFC 3527, RFC 3011). Asked in this order: link selection of the
/// relay, subnet selection of the client where allowed, giaddr, the client's own address in a unicast, and last the
/// interface that the packet came in on.
public enum SubnetSelection {
    public static func link(
        for request: DHCPRequest, arrival: Arrival, site: CompiledSite, trace: DecisionTrace?
    ) -> Link? {
        if !request.relayAddress.isAny { return relayed(request, site: site, trace: trace) }
        if arrival.isUnicast, !request.clientAddress.isAny, let link = routed(request, site: site) {
            trace?.note(
                "network",
                "\(link.network.name), because it holds the client's address "
                    + "\(request.clientAddress) and the packet was sent to us directly")
            return link
        }
        guard let compiled = site.network(interface: arrival.interface, addresses: arrival.interfaceAddresses) else {
            trace?.note("network", "none: \(whyNone(arrival, site))")
            return nil
        }
        let own = arrival.interfaceAddresses.lazy.compactMap { compiled.subnetIndex(containing: $0) }.first
        trace?.note("network", "\(compiled.network.name), because the packet came in on \(arrival.interface)")
        return subnetSelected(request, compiled, trace: trace)
            ?? Link(compiled: compiled, subnetIndex: own, isDirect: true)
    }

    private static func whyNone(_ arrival: Arrival, _ site: CompiledSite) -> String {
        for address in arrival.interfaceAddresses {
            guard let network = site.network(of: address)?.network, let named = network.interface else { continue }
            return "\(network.name) has a subnet with \(address), the address of \(arrival.interface), but its "
                + "`interface` is \(named)"
        }
        let own = arrival.interfaceAddresses.map(\.description).joined(separator: ", ")
        return "no network names interface \(arrival.interface) or has a subnet with one of its addresses"
            + (own.isEmpty ? "" : " (\(own))")
    }

    private static func relayed(
        _ request: DHCPRequest, site: CompiledSite, trace: DecisionTrace?
    ) -> Link? {
        if let selected = request.relayAgent?.linkSelection {
            guard let compiled = site.network(of: selected) else {
                trace?.note(
                    "network", "none: the relay's link selection (82.5) names \(selected), which is in no subnet")
                return nil
            }
            trace?.note("network", "\(compiled.network.name), by the relay's link selection (82.5) \(selected)")
            return Link(compiled: compiled, subnetIndex: compiled.subnetIndex(containing: selected), isDirect: false)
        }
        let relay = request.relayAddress
        guard let compiled = site.network(of: relay) else {
            trace?.note("network", "none: the relay's address \(relay) (giaddr) is in no subnet and no list of relays")
            return nil
        }
        trace?.note("network", "\(compiled.network.name), by the relay's address \(relay) (giaddr)")
        let index =
            compiled.subnetIndex(containing: relay)
            ?? compiled.network.subnets.firstIndex { $0.relays.contains(relay) }
        return subnetSelected(request, compiled, trace: trace)
            ?? Link(compiled: compiled, subnetIndex: index, isDirect: false)
    }

    /// A unicast from a configured client, perhaps through a router: its own address says where it lives.
    private static func routed(_ request: DHCPRequest, site: CompiledSite) -> Link? {
        guard let compiled = site.network(of: request.clientAddress) else { return nil }
        let index = compiled.subnetIndex(containing: request.clientAddress)
        return Link(compiled: compiled, subnetIndex: index, isDirect: false)
    }

    /// Option 118, only where the network allows it and only within the same network.
    private static func subnetSelected(
        _ request: DHCPRequest, _ compiled: CompiledNetwork, trace: DecisionTrace?
    ) -> Link? {
        guard compiled.network.allows(.subnetSelection), let wanted = request.options.address(.subnetSelection),
            let index = compiled.subnetIndex(containing: wanted)
        else { return nil }
        trace?.note("subnet", "\(compiled.network.subnets[index].subnet), by the client's option 118")
        return Link(compiled: compiled, subnetIndex: index, isDirect: request.relayAddress.isAny)
    }
}
