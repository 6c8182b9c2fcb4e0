// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Glibc
import Model
import Wire

/// Why a drill cannot speak on an interface, as a sentence.
public struct DrillFault: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ what: String, errno: Int32) {
        let hint = errno == EPERM ? ": a drill needs root (CAP_NET_RAW)" : ""
        description = "\(what): \(String(cString: strerror(errno)).lowercased())\(hint)"
    }

    init(_ description: String) { self.description = description }
}

/// An interface that a drill may speak on.
public struct DrillInterface: Hashable, Sendable {
    public let name: String
    public let index: Int32
    public let mac: MACAddress
    public let addresses: [IPv4Address]

    /// Those of this machine that are up and have a MAC address.
    public static func all() throws(DrillFault) -> [DrillInterface] {
        var links: UnsafeMutablePointer<cl_interface>?
        var addresses: UnsafeMutablePointer<cl_interface_address>?
        var (linkCount, addressCount): (Int32, Int32) = (0, 0)
        let result = cl_interfaces(&links, &linkCount, &addresses, &addressCount)
        guard result == 0 else { throw DrillFault("cannot list the interfaces", errno: -result) }
        defer {
            free(links)
            free(addresses)
        }
        let all = UnsafeBufferPointer(start: addresses, count: Int(addressCount))
        return UnsafeBufferPointer(start: links, count: Int(linkCount))
            .filter { $0.mac_length == 6 && $0.is_up != 0 && $0.is_loopback == 0 }
            .map { link in
                DrillInterface(
                    name: withUnsafeBytes(of: link.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) },
                    index: link.index, mac: withUnsafeBytes(of: link.mac) { MACAddress($0) },
                    addresses: all.filter { $0.index == link.index }.map { IPv4Address(bits: $0.address) })
            }
    }
}

/// The sockets of made-up clients. What they say is broadcast through the kernel, so that a node on this same machine
/// hears it, too; who says it stands in the message (chaddr), and the frame is this machine's own.
final class DrillSockets: Sendable {
    private let sender: Int32
    private let tap: Int32

    init(_ interface: DrillInterface) throws(DrillFault) {
        let sender = cl_drill_sender_open(interface.name)
        guard sender >= 0 else { throw DrillFault("cannot send on \(interface.name)", errno: -sender) }
        let tap = cl_drill_tap_open(interface.index, Int32(Limits.drillSocketBytes))
        guard tap >= 0 else {
            close(sender)
            throw DrillFault("cannot listen on \(interface.name)", errno: -tap)
        }
        (self.sender, self.tap) = (sender, tap)
    }

    deinit {
        close(sender)
        close(tap)
    }

    /// 0, or an errno.
    func send(_ message: DHCPRequest) -> Int32 {
        let bytes = message.encode()
        return bytes.withUnsafeBufferPointer { -cl_drill_send(sender, $0.baseAddress, UInt32($0.count)) }
    }

    /// Waits for something to come in, but not for longer than this.
    func wait(microseconds: Int64) {
        var waiting = pollfd(fd: tap, events: Int16(POLLIN), revents: 0)
        // Rounded up: else the last part of a millisecond would be spent turning.
        _ = poll(&waiting, 1, Int32(clamping: (max(0, microseconds) + 999) / 1_000))
    }

    /// The next answer that has come in; nil when none waits. What cannot be read is passed over.
    func receive(_ buffer: inout [UInt8]) -> DHCPReply? {
        while true {
            let length = buffer.withUnsafeMutableBufferPointer {
                cl_drill_receive(tap, $0.baseAddress, UInt32($0.count))
            }
            guard length > 0 else { return nil }
            let bytes = buffer[0..<Int(length)]
            if let reply = try? DHCPReply(decoding: bytes.span) { return reply }
        }
    }
}

/// Of the machine's steady clock.
func drillMicroseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
}
