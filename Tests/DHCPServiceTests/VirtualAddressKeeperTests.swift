// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Glibc
import Model
import Synchronization
import Testing

@testable import DHCPService

extension NetworkTests {
    /// The keeper's thread in the lab's server namespace.
    @Suite struct VirtualAddressKeeperTests {
        static let address = VirtualAddress(IPv4Address(10, 77, 0, 200), prefixLength: 24, interface: "eth0")

        /// What is wanted, what was said, and the keeper, running until `stop`.
        final class Bench: Sendable {
            let plan = Mutex(VirtualAddressPlan())
            let news = Mutex<[VirtualAddressKeeper.News]>([])
            private let keeperBox = Mutex<VirtualAddressKeeper?>(nil)
            private let threadBox = Mutex<PacketThread?>(nil)

            var keeper: VirtualAddressKeeper { get throws { try #require(keeperBox.withLock { $0 }) } }

            init(_ lab: NetworkLab) throws {
                let clock = Clock()
                let keeper = try VirtualAddressKeeper(
                    VirtualAddressKeeper.Calls(
                        now: { clock.uptime() }, plan: { [self] in plan.withLock { $0 } },
                        report: { [self] news in self.news.withLock { $0.append(news) } }))
                keeperBox.withLock { $0 = keeper }
                let thread = try PacketThread(name: "keeper") {
                    do {
                        try enter(lab.server)
                        keeper.keepUntilStopped()
                    } catch { Issue.record("\(error)") }
                }
                threadBox.withLock { $0 = thread }
            }

            func want(_ wishes: [VirtualAddressPlan.Wish]) throws {
                plan.withLock { $0.wishes = wishes }
                try keeper.lookNow()
            }

            func stop() throws {
                try keeper.stop()
                threadBox.withLock { $0 }?.join()
            }

            func says(_ expected: VirtualAddressKeeper.News) -> Bool {
                soon { news.withLock { $0.contains(expected) } }
            }

            /// Within three seconds.
            func soon(_ isSo: () throws -> Bool) rethrows -> Bool {
                for _ in 0..<600 {
                    if try isSo() { return true }
                    usleep(5_000)
                }
                return false
            }
        }

        static func wish(isFirm: Bool = true) -> VirtualAddressPlan.Wish {
            VirtualAddressPlan.Wish(network: "lan", address: address, isFirm: isFirm)
        }

        @Test func whatIsWantedIsThereAndNothingIsLeft() throws {
            try withLab { lab in
                let left = VirtualAddress(IPv4Address(10, 77, 0, 201), prefixLength: 24, interface: "eth0")
                try inside(lab.server) { _ = try VirtualAddresses.add(left) }
                let bench = try Bench(lab)
                #expect(bench.says(.removed(left, isLeftover: true)))
                try bench.want([Self.wish()])
                #expect(bench.says(.added(Self.address)))
                #expect(try inside(lab.server) { try VirtualAddresses.list() } == [Self.address])
                // Somebody has tidied up by hand.
                try inside(lab.server) { _ = try VirtualAddresses.remove(Self.address) }
                bench.news.withLock { $0 = [] }
                try bench.keeper.lookNow()
                #expect(bench.says(.added(Self.address)))
                try bench.stop()
                #expect(try inside(lab.server) { try VirtualAddresses.list() }.isEmpty)
                #expect(bench.news.withLock { $0.last } == .removed(Self.address, isLeftover: false))
                #expect(try bench.keeper.present.isEmpty && bench.keeper.faults.isEmpty)
            }
        }

        /// Who gives a term away goes on when the address is gone.
        @Test func itIsGoneWhenLookNowReturns() throws {
            try withLab { lab in
                let bench = try Bench(lab)
                var gone = 0
                for _ in 0..<20 {
                    bench.news.withLock { $0 = [] }
                    try bench.want([Self.wish()])
                    #expect(bench.says(.added(Self.address)))
                    try bench.want([])
                    if try inside(lab.server, { try VirtualAddresses.list() }).isEmpty { gone += 1 }
                }
                // It waits for so long only, and this machine may be busy.
                #expect(gone >= 15)
                try bench.stop()
            }
        }

        @Test func aRefusalIsSaidOnceAndStaysUntilItIsOver() throws {
            try withLab { lab in
                try lab.onServer("addr", "add", "10.77.0.200/24", "dev", "eth0")
                let bench = try Bench(lab)
                try bench.want([Self.wish()])
                let text = VirtualAddresses.Fault.foreign(Self.address).description
                #expect(bench.says(.failed(text)))
                try bench.keeper.lookNow()
                usleep(1_200_000)
                #expect(bench.news.withLock { $0.count { $0 == .failed(text) } } == 1)
                #expect(try bench.soon { try bench.keeper.faults == ["lan": text] })
                try lab.onServer("addr", "del", "10.77.0.200/24", "dev", "eth0")
                #expect(bench.says(.added(Self.address)))
                #expect(try bench.soon { try bench.keeper.faults.isEmpty })
                try bench.stop()
            }
        }

        @Test(arguments: [true, false]) func aClaimIsAnsweredOrFollowed(isFirm: Bool) throws {
            try withLab { lab in
                let bench = try Bench(lab)
                try bench.want([Self.wish()])
                #expect(bench.says(.added(Self.address)))
                try bench.want([Self.wish(isFirm: isFirm)])
                // It listens, from the end of a look on.
                #expect(try bench.soon { try bench.keeper.present == [Self.address] })
                try inside(lab.client) { try VirtualAddresses.announce(Self.address) }
                #expect(
                    bench.says(
                        isFirm
                            ? .claimed(Self.address, by: NetworkLab.clientMAC)
                            : .yielded(Self.address, to: NetworkLab.clientMAC)))
                let left = isFirm ? [Self.address] : []
                #expect(try bench.soon { try inside(lab.server) { try VirtualAddresses.list() } == left })
                try bench.stop()
            }
        }
    }
}
