// SPDX-License-Identifier: Apache-2.0

import CLinux
import Engine
import Glibc
import Model

/// A socket could not be opened.
struct SocketFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// What it was for, in the operator's words.
    let socket: String
    let errno: Int32

    /// The descriptor in `result`, or the fault that it says.
    static func check(_ socket: String, _ result: Int32) throws(SocketFault) -> Int32 {
        guard result >= 0 else { throw SocketFault(socket: socket, errno: -result) }
        return result
    }

    var description: String { "\(socket): \(errorText(errno))" }
}

/// "Permission denied (errno 13)".
func errorText(_ errno: Int32) -> String { "\(String(cString: strerror(errno))) (errno \(errno))" }

let dhcpServerPort: UInt16 = 67
let dhcpClientPort: UInt16 = 68
/// Where firmware asks a boot server for its file (PXE specification 2.1).
let bootServerPort: UInt16 = 4011

/// The sockets of one interface, closed with their last user.
final class PacketSockets: Sendable {
    let interfaceIndex: Int32
    /// UDP 67 of the interface: all requests, and broadcasts that cannot be frames.
    let dhcp: Descriptor
    /// UDP 4011, where a network asks for it.
    let boot: Descriptor?
    /// From ports 67 and 4011 by the routing table: relays and renewing clients.
    let routed: Descriptor
    let routedBoot: Descriptor?
    /// Frames to clients without an address, and to all. Nil: all such replies are broadcast by UDP.
    let link: Descriptor?
    /// Nil: offers go out unprobed.
    let arp: Descriptor?
    /// What could not be opened and can be done without.
    let shortcomings: [SocketFault]

    /// Opens all in the network namespace of the calling thread.
    init(interface: InterfaceInfo, answersBootPort: Bool) throws(SocketFault) {
        let bytes = Int32(Limits.receiveBufferBytes)
        interfaceIndex = interface.index
        dhcp = try Self.open("UDP port 67", cl_udp_open(interface.name, dhcpServerPort, bytes))
        routed = try Self.open("UDP port 67 by route", cl_routed_open(dhcpServerPort, bytes))
        if answersBootPort {
            boot = try Self.open("UDP port 4011", cl_udp_open(interface.name, bootServerPort, bytes))
            routedBoot = try Self.open("UDP port 4011 by route", cl_routed_open(bootServerPort, bytes))
        } else {
            boot = nil
            routedBoot = nil
        }
        guard interface.mac != nil else {
            link = nil
            arp = nil
            shortcomings = []
            return
        }
        let linkResult = cl_link_open(bytes)
        let arpResult = cl_arp_open(interface.index)
        link = linkResult >= 0 ? Descriptor(linkResult) : nil
        arp = arpResult >= 0 ? Descriptor(arpResult) : nil
        shortcomings = [("packet socket", linkResult), ("ARP socket", arpResult)].filter { $0.1 < 0 }
            .map { SocketFault(socket: $0.0, errno: -$0.1) }
    }

    private static func open(_ socket: String, _ result: Int32) throws(SocketFault) -> Descriptor {
        Descriptor(try SocketFault.check(socket, result))
    }

    /// The socket that broadcasts from `port`.
    func broadcasting(from port: UInt16) -> Int32? {
        port == bootServerPort ? boot?.number : dhcp.number
    }

    /// The socket that sends from `port` by the routing table.
    func routing(from port: UInt16) -> Int32? {
        port == bootServerPort ? routedBoot?.number : routed.number
    }
}
