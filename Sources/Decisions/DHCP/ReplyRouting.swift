// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// Where replies go: RFC 2131 4.1, with RFC 8357 (relay source port).
enum ReplyRouting {
    static let clientPort: UInt16 = 68
    static let serverPort: UInt16 = 67

    static func route(
        for reply: inout DHCPReply, to request: DHCPRequest, arrival: Arrival, network: Network
    ) -> ReplyRoute {
        if !request.relayAddress.isAny {
            // The relay must broadcast a NAK, because its client has no usable address.
            if reply.messageType == .nak { reply.flags |= 0x8000 }
            let port = request.relayAgent?.hasSourcePort == true ? arrival.sourcePort : serverPort
            return .unicast(to: request.relayAddress, port: port)
        }
        if reply.messageType == .nak { return .broadcast(port: clientPort) }
        if !request.clientAddress.isAny { return .unicast(to: request.clientAddress, port: clientPort) }
        if request.wantsBroadcast || network.allows(.alwaysBroadcast) { return .broadcast(port: clientPort) }
        // A link without hardware addresses in chaddr (IPoIB, RFC 4390) can only be reached by broadcast.
        guard let mac = request.mac, !reply.yourAddress.isAny else { return .broadcast(port: clientPort) }
        return .linkLayer(to: reply.yourAddress, mac: mac, port: clientPort)
    }

    /// INFORM: to ciaddr, also through a relay (RFC 2131 4.3.5); without one to the relay, or to the sender.
    static func informRoute(to request: DHCPRequest, arrival: Arrival) -> ReplyRoute {
        if !request.clientAddress.isAny { return .unicast(to: request.clientAddress, port: clientPort) }
        if !request.relayAddress.isAny { return .unicast(to: request.relayAddress, port: serverPort) }
        if !arrival.source.isAny { return .unicast(to: arrival.source, port: arrival.sourcePort) }
        return .broadcast(port: clientPort)
    }

    /// The address that the reply comes from: the one that was asked; for a broadcast the server identifier if it is
    /// this interface's, else the interface's address on the client's subnet.
    static func source(arrival: Arrival, link: Link) -> IPv4Address {
        if arrival.isUnicast { return arrival.destination }
        if let configured = link.network.serverIdentifier, arrival.interfaceAddresses.contains(configured) {
            return configured
        }
        // The virtual address moves on; it stands for this node only where the operator says so.
        let own = arrival.interfaceAddresses.filter { $0 != link.network.virtualAddress }
        let onLink = own.first { link.compiled.subnetIndex(containing: $0) != nil }
        return onLink ?? own.first ?? arrival.interfaceAddresses.first ?? .any
    }
}
