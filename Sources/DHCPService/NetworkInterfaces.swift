// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Engine
import Glibc

/// The interfaces of this machine (of this network namespace), by index.
public enum NetworkInterfaces {
    /// The system would not list them.
    public struct Fault: Error, Hashable, Sendable {
        public let errno: Int32
    }

    public static func list() throws(Fault) -> [InterfaceInfo] {
        var links: UnsafeMutablePointer<cl_interface>?
        var addresses: UnsafeMutablePointer<cl_interface_address>?
        var linkCount: Int32 = 0
        var addressCount: Int32 = 0
        let result = cl_interfaces(&links, &linkCount, &addresses, &addressCount)
        guard result == 0 else { throw Fault(errno: -result) }
        defer {
            free(links)
            free(addresses)
        }
        let all = UnsafeBufferPointer(start: addresses, count: Int(addressCount))
        return UnsafeBufferPointer(start: links, count: Int(linkCount))
            .map { link in info(link, addresses: all.filter { $0.index == link.index }) }
            .sorted { $0.index < $1.index }
    }

    private static func info(_ link: cl_interface, addresses: [cl_interface_address]) -> InterfaceInfo {
        InterfaceInfo(
            name: withUnsafeBytes(of: link.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) },
            index: link.index,
            mac: link.mac_length == 6 ? withUnsafeBytes(of: link.mac) { MACAddress($0) } : nil,
            addresses: addresses.map {
                InterfaceAddress(address: IPv4Address(bits: $0.address), prefixLength: Int($0.prefix_length))
            },
            mtu: Int(link.mtu),
            isUp: link.is_up != 0,
            isRunning: link.is_running != 0,
            isLoopback: link.is_loopback != 0)
    }
}
