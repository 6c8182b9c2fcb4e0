// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Engine
import Glibc

/// Adds and removes virtual addresses in the network namespace of the calling thread. Each call says how things shall
/// be and may be repeated. Addresses of ours carry a mark in the kernel, so that those which a crash has left are
/// known; addresses without it are the operator's and are never touched. Calls wait for the kernel and nobody else.
public enum VirtualAddresses {
    /// The text names the address, and says what to do where something can be done.
    public enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
        case noInterface(VirtualAddress)
        /// The interface has it, and not from us.
        case foreign(VirtualAddress)
        /// Linux before 5.18 marks addresses by their label only, which has no room after a name this long.
        case unmarkable(VirtualAddress)
        /// Nothing can be announced there: it is no Ethernet link.
        case noHardwareAddress(VirtualAddress)
        case system(String, errno: Int32)

        public var description: String {
            switch self {
            case .noInterface(let wanted): "virtual address \(wanted): there is no such interface"
            case .foreign(let wanted):
                "virtual address \(wanted): the interface has this address from somebody else; take it out of the "
                    + "machine's own network configuration"
            case .unmarkable(let wanted):
                "virtual address \(wanted): this kernel cannot mark addresses on interfaces whose names are longer "
                    + "than 8 characters; use Linux 5.18 or later, or a shorter name"
            case .noHardwareAddress(let wanted):
                "virtual address \(wanted): it cannot be announced, because the interface is no Ethernet link"
            case .system(let what, EPERM):
                "\(what): \(errorText(EPERM)); it takes the capability CAP_NET_ADMIN, which ondeck.service alone does "
                    + "not give: put OnDeck's vip.conf into /etc/systemd/system/ondeck.service.d/, then systemctl "
                    + "daemon-reload and systemctl restart ondeck"
            case .system(let what, let errno): "\(what): \(errorText(errno))"
            }
        }
    }

    /// Ours, those of earlier runs included, in order.
    public static func list() throws(Fault) -> [VirtualAddress] {
        try all().filter { $0.isOurs }.compactMap { entry in
            interfaceName(entry.index).map {
                VirtualAddress(entry.address, prefixLength: entry.prefixLength, interface: $0)
            }
        }.sorted()
    }

    /// Whether it had to be added: if so, `announce` it.
    @discardableResult
    public static func add(_ wanted: VirtualAddress) throws(Fault) -> Bool {
        let index = Int32(if_nametoindex(wanted.interface))
        guard index != 0 else { throw .noInterface(wanted) }
        for entry in try all() where entry.index == index && entry.address == wanted.address {
            guard entry.isOurs else { throw .foreign(wanted) }
            guard entry.prefixLength != wanted.prefixLength else { return false }
            try remove(entry, described: wanted)
        }
        let result = cl_address_add(index, wanted.address.bits, UInt8(clamping: wanted.prefixLength))
        guard result == 0 else { throw .system("cannot add the virtual address \(wanted)", errno: -result) }
        guard let added = try all().first(where: { $0.index == index && $0.address == wanted.address }), !added.isOurs
        else { return true }
        try remove(added, described: wanted)
        throw .unmarkable(wanted)
    }

    /// Whether it had to be removed. What is not there, or not ours, stays as it is.
    @discardableResult
    public static func remove(_ unwanted: VirtualAddress) throws(Fault) -> Bool {
        let index = Int32(if_nametoindex(unwanted.interface))
        var isRemoved = false
        for entry in try all() where entry.isOurs && entry.index == index && entry.address == unwanted.address {
            try remove(entry, described: unwanted)
            isRemoved = true
        }
        return isRemoved
    }

    /// Removes all of ours but these: at start, what a crash has left. Returns what was removed.
    @discardableResult
    public static func removeAll(except kept: Set<VirtualAddress> = []) throws(Fault) -> [VirtualAddress] {
        let removed = try list().filter { !kept.contains($0) }
        for address in removed { try remove(address) }
        return removed
    }

    /// Tells the link, by one ARP announcement, that the address is here. RFC 5227 2.3 wants a second one two seconds
    /// after the first, for those who have missed it: that is the caller's to time.
    public static func announce(_ address: VirtualAddress) throws(Fault) {
        let interfaces: [InterfaceInfo]
        do throws(NetworkInterfaces.Fault) { interfaces = try NetworkInterfaces.list() } catch {
            throw .system("cannot list the network interfaces", errno: error.errno)
        }
        guard let interface = interfaces.first(where: { $0.name == address.interface }) else {
            throw .noInterface(address)
        }
        guard let mac = interface.mac, !interface.isLoopback else { throw .noHardwareAddress(address) }
        let result = mac.bytes.withUnsafeBufferPointer {
            cl_arp_announce(interface.index, $0.baseAddress, address.address.bits)
        }
        guard result == 0 else { throw .system("cannot announce the virtual address \(address)", errno: -result) }
    }

    // MARK: The kernel's list

    private struct Entry {
        var index: Int32
        var address: IPv4Address
        var prefixLength: Int
        var isOurs: Bool
    }

    private static func all() throws(Fault) -> [Entry] {
        var addresses: UnsafeMutablePointer<cl_owned_address>?
        var count: Int32 = 0
        let result = cl_address_list(&addresses, &count)
        guard result == 0 else { throw .system("cannot list the addresses of this machine", errno: -result) }
        defer { free(addresses) }
        return UnsafeBufferPointer(start: addresses, count: Int(count)).map {
            Entry(
                index: $0.index, address: IPv4Address(bits: $0.address), prefixLength: Int($0.prefix_length),
                isOurs: $0.is_ours != 0)
        }
    }

    /// Gone already is as good as removed: its interface, or the address that it was secondary to, may have taken it
    /// along.
    private static func remove(_ entry: Entry, described address: VirtualAddress) throws(Fault) {
        let result = cl_address_remove(entry.index, entry.address.bits, UInt8(clamping: entry.prefixLength))
        guard result == 0 || result == -EADDRNOTAVAIL || result == -ENODEV else {
            throw .system("cannot remove the virtual address \(address)", errno: -result)
        }
    }

    private static func interfaceName(_ index: Int32) -> String? {
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        guard if_indextoname(UInt32(index), &name) != nil else { return nil }
        return name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
    }
}
