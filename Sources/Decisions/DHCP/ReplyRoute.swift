// SPDX-License-Identifier: Apache-2.0

import Addresses

/// How a reply reaches its client (RFC 2131 4.1).
public enum ReplyRoute: Hashable, Sendable {
    /// To a relay or to a client that has its address: by the kernel's routing table.
    case unicast(to: IPv4Address, port: UInt16)
    /// To 255.255.255.255 on the interface that the request came in on.
    case broadcast(port: UInt16)
    /// To a client that cannot answer ARP yet: a frame of our own on that interface.
    case linkLayer(to: IPv4Address, mac: MACAddress, port: UInt16)
}
