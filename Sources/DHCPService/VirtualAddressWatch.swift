// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Engine
import Glibc

/// Hears who else on the link speaks as one of our virtual addresses. Belongs to one thread.
struct VirtualAddressWatch {
    private var sockets: [VirtualAddress: Ear] = [:]

    private struct Ear {
        var socket: Descriptor
        var index: UInt32
    }

    /// From now on these are listened for, and no others. Where that is impossible (no CAP_NET_RAW, no Ethernet)
    /// nothing is heard: announcements then go out by the clock alone.
    mutating func listen(for addresses: Set<VirtualAddress>) {
        for (address, ear) in sockets where !addresses.contains(address) || ear.index != Self.index(address) {
            sockets[address] = nil
        }
        for address in addresses where sockets[address] == nil {
            let index = Self.index(address)
            let result = cl_arp_watch_open(Int32(index), address.address.bits)
            if result >= 0 { sockets[address] = Ear(socket: Descriptor(result), index: index) }
        }
    }

    var descriptors: [Int32] { sockets.values.map(\.socket.number) }

    /// What has been heard since; each address once.
    func claims() -> [(VirtualAddress, MACAddress)] {
        guard !sockets.isEmpty, let interfaces = try? NetworkInterfaces.list() else { return [] }
        var claims: [(VirtualAddress, MACAddress)] = []
        for (address, ear) in sockets.sorted(by: { $0.key < $1.key }) {
            let own = interfaces.first { $0.name == address.interface }?.mac
            var claimant: MACAddress?
            var packet = cl_arp()
            while cl_arp_receive(ear.socket.number, &packet) > 0 {
                let mac = withUnsafeBytes(of: packet.sender_mac) { MACAddress($0) }
                // Some switches send back what one has sent.
                if mac != own { claimant = mac }
            }
            if let claimant { claims.append((address, claimant)) }
        }
        return claims
    }

    private static func index(_ address: VirtualAddress) -> UInt32 { if_nametoindex(address.interface) }
}
