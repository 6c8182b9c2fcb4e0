// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Testing

@testable import DHCPService

extension NetworkTests {
    /// Virtual addresses in the lab's server namespace. Without root the lab says what it lacks, and the test fails.
    @Suite struct VirtualAddressTests {
        let wanted = VirtualAddress(IPv4Address(10, 77, 0, 200), prefixLength: 32, interface: "eth0")

        func onServer<Value: Sendable>(_ lab: NetworkLab, _ body: @escaping @Sendable () throws -> Value) throws
            -> Value
        {
            try inside(lab.server, body)
        }

        @Test func itComesAndGoes() throws {
            try withLab { lab in
                let wanted = wanted
                let result = try onServer(lab) {
                    let before = try VirtualAddresses.list()
                    let added = try [VirtualAddresses.add(wanted), VirtualAddresses.add(wanted)]
                    let between = try VirtualAddresses.list()
                    let own = try NetworkInterfaces.list().first { $0.name == "eth0" }?.ownAddresses
                    let removed = try [VirtualAddresses.remove(wanted), VirtualAddresses.remove(wanted)]
                    let after = try NetworkInterfaces.list().first { $0.name == "eth0" }?.ownAddresses
                    return (before: before, added: added, between: between, own: own, removed: removed, after: after)
                }
                #expect(result.before.isEmpty)
                #expect(result.added == [true, false])
                #expect(result.between == [wanted])
                #expect(result.own == [NetworkLab.serverAddress, wanted.address])
                #expect(result.removed == [true, false])
                #expect(result.after == [NetworkLab.serverAddress])
            }
        }

        /// Neither as an address to take over nor as a leftover to clean up.
        @Test func theOperatorsAddressesAreNotTouched() throws {
            try withLab { lab in
                let theirs = VirtualAddress(NetworkLab.serverAddress, prefixLength: 24, interface: "eth0")
                #expect(throws: VirtualAddresses.Fault.foreign(theirs)) {
                    try onServer(lab) { try VirtualAddresses.add(theirs) }
                }
                let removed = try onServer(lab) { try (VirtualAddresses.remove(theirs), VirtualAddresses.removeAll()) }
                #expect(!removed.0 && removed.1.isEmpty)
                let own = try onServer(lab) { try NetworkInterfaces.list().first { $0.name == "eth0" }?.ownAddresses }
                #expect(own == [NetworkLab.serverAddress])
            }
        }

        @Test func whatACrashHasLeftIsFoundAndRemoved() throws {
            try withLab { lab in
                // A name that leaves no room for a label, and one that the kernel takes to be the same subnet's second.
                try lab.connect(
                    "a-long-name-15c", serverMAC: MACAddress(bits: 0x5254_0077_0011),
                    clientMAC: MACAddress(bits: 0x5254_0077_0012))
                let second = VirtualAddress(IPv4Address(10, 77, 0, 201), prefixLength: 24, interface: "eth0")
                let other = VirtualAddress(IPv4Address(10, 78, 0, 1), prefixLength: 24, interface: "a-long-name-15c")
                let wanted = wanted
                let result = try onServer(lab) {
                    for address in [wanted, second, other] { try VirtualAddresses.add(address) }
                    let all = try VirtualAddresses.list()
                    let removed = try VirtualAddresses.removeAll(except: [second])
                    return (all: all, removed: removed, left: try VirtualAddresses.list())
                }
                #expect(result.all == [other, wanted, second])
                #expect(result.removed == [other, wanted])
                #expect(result.left == [second])
            }
        }

        @Test func anotherPrefixLengthReplacesTheFirst() throws {
            try withLab { lab in
                var wider = wanted
                wider.prefixLength = 24
                let (first, then) = (wanted, wider)
                let result = try onServer(lab) {
                    let added = try [
                        VirtualAddresses.add(first), VirtualAddresses.add(then), VirtualAddresses.add(then),
                    ]
                    return (added: added, list: try VirtualAddresses.list())
                }
                #expect(result.added == [true, true, false])
                #expect(result.list == [then])
            }
        }

        @Test func anAnnouncementIsOnTheWire() throws {
            try withLab { lab in
                let client = try TestClient(lab)
                let wanted = wanted
                try onServer(lab) {
                    try VirtualAddresses.add(wanted)
                    for _ in 0..<2 { try VirtualAddresses.announce(wanted) }
                }
                for _ in 0..<2 {
                    // The kernel has nothing to say of this address by itself.
                    let frame = try #require(client.next { $0.isARP && $0.address(28) == wanted.address })
                    #expect(frame.destinationMAC == MACAddress(bits: 0xffff_ffff_ffff))
                    #expect(frame.word(14) == 1 && frame.word(16) == 0x0800 && frame.word(20) == 1)
                    #expect(
                        frame.sourceMAC == NetworkLab.serverMAC
                            && MACAddress(frame.bytes[22..<28]) == NetworkLab.serverMAC)
                    #expect(
                        MACAddress(frame.bytes[32..<38]) == MACAddress(bits: 0) && frame.address(38) == wanted.address)
                }
            }
        }

        @Test func whatCannotBeIsSaid() throws {
            try withLab { lab in
                let nowhere = VirtualAddress(IPv4Address(10, 77, 0, 200), prefixLength: 32, interface: "none0")
                let loopback = VirtualAddress(IPv4Address(10, 77, 0, 200), prefixLength: 32, interface: "lo")
                #expect(throws: VirtualAddresses.Fault.noInterface(nowhere)) {
                    try onServer(lab) { try VirtualAddresses.add(nowhere) }
                }
                #expect(throws: VirtualAddresses.Fault.noInterface(nowhere)) {
                    try onServer(lab) { try VirtualAddresses.announce(nowhere) }
                }
                #expect(throws: VirtualAddresses.Fault.noHardwareAddress(loopback)) {
                    try onServer(lab) { try VirtualAddresses.announce(loopback) }
                }
                let result = try onServer(lab) {
                    (
                        try VirtualAddresses.remove(nowhere), try VirtualAddresses.add(loopback),
                        try VirtualAddresses.list()
                    )
                }
                #expect(!result.0 && result.1 && result.2 == [loopback])
                #expect(
                    VirtualAddresses.Fault.foreign(nowhere).description
                        == "virtual address 10.77.0.200/32 on none0: the interface has this address from somebody else; "
                        + "take it out of the machine's own network configuration")
            }
        }
    }
}
