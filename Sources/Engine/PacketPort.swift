// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Wire

/// Where a request came from and arrived: what the kernel says of its datagram.
public struct ReceivedDatagram: Hashable, Sendable {
    public var interfaceIndex: Int32
    public var source: IPv4Address
    public var sourcePort: UInt16
    /// The destination in the IP header: ours, or a broadcast address.
    public var destination: IPv4Address
    /// The local address that the kernel matched it to: for a broadcast, an address of the interface.
    public var local: IPv4Address
    /// The port it was sent to: 67, or 4011 (PXE's).
    public var port: UInt16
    public var receivedAt: Instant

    public init(
        interfaceIndex: Int32, source: IPv4Address, sourcePort: UInt16, destination: IPv4Address, local: IPv4Address,
        port: UInt16, receivedAt: Instant
    ) {
        self.interfaceIndex = interfaceIndex
        self.source = source
        self.sourcePort = sourcePort
        self.destination = destination
        self.local = local
        self.port = port
        self.receivedAt = receivedAt
    }
}

/// An address of one of our interfaces, and the prefix length that goes with it.
public struct InterfaceAddress: Hashable, Sendable {
    public var address: IPv4Address
    /// 0 to 32
    public var prefixLength: Int

    public init(address: IPv4Address, prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }

    public var subnet: IPv4Subnet { IPv4Subnet(containing: address, prefixLength: prefixLength) }
}

/// One network interface of this machine, as it is at the moment.
public struct InterfaceInfo: Hashable, Sendable {
    public let name: String
    public let index: Int32
    /// Nil where link-layer addresses do not have six octets.
    public let mac: MACAddress?
    /// In the kernel's order: the primary address first.
    public let addresses: [InterfaceAddress]
    /// The same without their prefix lengths.
    public let ownAddresses: [IPv4Address]
    /// The largest IP packet in octets; 0 when unknown.
    public let mtu: Int
    public let isUp: Bool
    /// There is a carrier.
    public let isRunning: Bool
    public let isLoopback: Bool

    public init(
        name: String, index: Int32, mac: MACAddress?, addresses: [InterfaceAddress], mtu: Int = 1500,
        isUp: Bool = true, isRunning: Bool = true, isLoopback: Bool = false
    ) {
        self.name = name
        self.index = index
        self.mac = mac
        self.addresses = addresses
        ownAddresses = addresses.map(\.address)
        self.mtu = mtu
        self.isUp = isUp
        self.isRunning = isRunning
        self.isLoopback = isLoopback
    }
}

/// A planned reply, and the port that it leaves from.
public struct OutgoingReply: Hashable, Sendable {
    public var planned: PlannedReply
    /// The one that the request was sent to: 67 or 4011.
    public var port: UInt16

    public init(_ planned: PlannedReply, port: UInt16) {
        self.planned = planned
        self.port = port
    }
}

/// What becomes of a request.
public enum DHCPOutcome: Sendable {
    /// No reply.
    case nothing
    /// At once.
    case send(OutgoingReply)
    /// A commit comes first; who makes it sends the reply, by the `ReplyPort` that came with the request.
    case later
    /// If nobody on the link answers for the address; else `DHCPEngineCalls.conflict` is asked.
    case probe(IPv4Address, then: OutgoingReply)
}

/// Sends replies on the interface that a request came in on. From any thread, without waiting for anything; a reply
/// that cannot be sent is counted and reported there, not here: the client will ask again.
public struct ReplyPort: Sendable {
    public let send: @Sendable ([OutgoingReply]) -> Void

    public init(send: @escaping @Sendable ([OutgoingReply]) -> Void) { self.send = send }
}

/// A request, and everything around it that a decision may need.
public struct ArrivedRequest: Sendable {
    public let request: DHCPRequest
    public let datagram: ReceivedDatagram
    public let interface: InterfaceInfo
    public let replyPort: ReplyPort

    public init(request: DHCPRequest, datagram: ReceivedDatagram, interface: InterfaceInfo, replyPort: ReplyPort) {
        self.request = request
        self.datagram = datagram
        self.interface = interface
        self.replyPort = replyPort
    }

    /// The same as the decisions want it.
    public var arrival: Arrival {
        Arrival(
            interface: interface.name, interfaceAddresses: interface.ownAddresses, source: datagram.source,
            sourcePort: datagram.sourcePort, destination: datagram.destination, port: datagram.port)
    }
}

/// What the packet threads call. All but `interfacesChanged` run on the thread of the interface, which receives
/// nothing meanwhile: they take microseconds and never wait for a disk or the network.
public struct DHCPEngineCalls: Sendable {
    public var now: @Sendable () -> Instant
    public var decide: @Sendable (ArrivedRequest) -> DHCPOutcome
    /// Somebody has answered for an address that was to be offered: the address and the answerer's MAC. Decides anew.
    public var conflict: @Sendable (IPv4Address, MACAddress, ArrivedRequest) -> DHCPOutcome
    /// The machine's interfaces or their addresses are others than before (called once at start, too). The place to
    /// call `DHCPServer.serve`.
    public var interfacesChanged: @Sendable ([InterfaceInfo]) -> Void

    public init(
        now: @escaping @Sendable () -> Instant,
        decide: @escaping @Sendable (ArrivedRequest) -> DHCPOutcome,
        conflict: @escaping @Sendable (IPv4Address, MACAddress, ArrivedRequest) -> DHCPOutcome,
        interfacesChanged: @escaping @Sendable ([InterfaceInfo]) -> Void
    ) {
        self.now = now
        self.decide = decide
        self.conflict = conflict
        self.interfacesChanged = interfacesChanged
    }
}
