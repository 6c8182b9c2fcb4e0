// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Testing

@testable import Decisions

/// The clever parts against slow and obvious ones.
@Suite struct LeaseBookTests {
    struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    @Test(arguments: [1, 2, 63, 64, 65, 4096, 4097, 300_000])
    func anAddressSetFindsWhatASetFinds(capacity: Int) {
        var random = Random(state: UInt64(capacity))
        var clever = AddressSet(capacity: capacity, filled: capacity % 2 == 0)
        var simple = Set(capacity % 2 == 0 ? Array(0..<capacity) : [])
        for _ in 0..<3000 {
            let member = Int.random(in: 0..<capacity, using: &random)
            if Bool.random(using: &random) {
                clever.insert(member)
                simple.insert(member)
            } else {
                clever.remove(member)
                simple.remove(member)
            }
            let probe = Int.random(in: 0..<capacity, using: &random)
            #expect(clever.contains(probe) == simple.contains(probe))
            #expect(clever.count == simple.count)
        }
        for start in stride(from: 0, to: capacity, by: max(1, capacity / 7)) {
            let expected = simple.filter { $0 >= start }.min() ?? simple.min()
            #expect(clever.next(from: start) == expected)
        }
    }

    @Test func anEmptySetHasNoNext() {
        var set = AddressSet(capacity: 70, filled: true)
        for i in 0..<70 { set.remove(i) }
        #expect(set.next(from: 3) == nil)
    }

    @Test func theExpiryQueueIsInOrder() {
        var random = Random(state: 7)
        var queue = ExpiryQueue()
        var times: [Int64] = []
        for i in 0..<2000 {
            let at = Int64.random(in: 0..<5000, using: &random)
            times.append(at)
            queue.add(IPv4Address(bits: UInt32(i)), at: Instant(milliseconds: at))
        }
        times.sort()
        var popped = 0
        for now in stride(from: Int64(0), through: 5000, by: 500) {
            while queue.popDue(at: Instant(milliseconds: now)) != nil { popped += 1 }
            #expect(popped == times.filter { $0 <= now }.count)
        }
    }

    /// Thousands of random clients and waits: no address has two holders, and the free count is what a count finds.
    @Test(arguments: [1, 2, 3])
    func noAddressHasTwoHolders(seed: UInt64) throws {
        var network = Network(name: "n")
        var subnet = Subnet(subnet: IPv4Subnet("10.0.0.0/24")!)
        subnet.pools = [IPv4Range("10.0.0.10-10.0.0.60")!, IPv4Range("10.0.0.80-10.0.0.90")!]
        subnet.exclusions = [IPv4Range("10.0.0.20-10.0.0.25")!]
        network.subnets = [subnet]
        var book = LeaseBook(network: network, reserved: [IPv4Address("10.0.0.30")!])
        let dynamic = (51 + 11) - 6 - 1
        #expect(book.freeCount == dynamic)
        var random = Random(state: seed)
        var now = Instant(seconds: 1_000_000)
        for _ in 0..<20_000 {
            now = now.adding(milliseconds: Int64.random(in: 0..<3000, using: &random))
            book.advance(to: now)
            let who = ClientIdentity.mac(MACAddress(bits: UInt64.random(in: 0..<120, using: &random)))
            step(&book, who, now, &random)
            let held = book.allLeases.filter { $0.isHeld(at: now) }.map(\.address)
            #expect(Set(held).count == held.count)
            #expect(book.freeCount <= dynamic - held.count)
        }
        book.advance(to: now.adding(seconds: 1_000_000))
        #expect(book.freeCount == dynamic)
    }

    private func step(_ book: inout LeaseBook, _ who: ClientIdentity, _ now: Instant, _ random: inout Random) {
        let known = book.lease(for: who).flatMap {
            book.obstacle($0.address, for: who, now: now) == nil ? $0.address : nil
        }
        guard let address = known ?? book.candidate(for: who, preferred: 0) else { return }
        #expect(book.obstacle(address, for: who, now: now) == nil)
        book.hold(address, for: who, until: now.adding(seconds: 30), now: now)
        guard Int.random(in: 0..<4, using: &random) > 0 else { return }
        let state: Lease.State = [.bound, .bound, .bound, .released, .declined].randomElement(using: &random)!
        book.record(
            Lease(
                address: address, state: state, identity: who, mac: nil, since: now,
                until: now.adding(seconds: Int64.random(in: 1..<200, using: &random))),
            now: now)
    }

    @Test func aFullPoolOfAMillionAnswersAsFastAsAnEmptyOne() {
        var network = Network(name: "n")
        var subnet = Subnet(subnet: IPv4Subnet("10.0.0.0/12")!)
        subnet.pools = [IPv4Range("10.0.0.1-10.15.66.63")!]
        network.subnets = [subnet]
        var book = LeaseBook(network: network, reserved: [])
        let size = book.poolCount
        #expect(size > 999_000)
        let now = Instant(seconds: 1)
        for i in 0..<size {
            let who = ClientIdentity.mac(MACAddress(bits: UInt64(i)))
            guard let address = book.candidate(for: who, preferred: 0) else {
                Issue.record("full after \(i)")
                return
            }
            book.record(
                Lease(address: address, state: .bound, identity: who, mac: nil, since: now, until: .distantFuture),
                now: now)
        }
        #expect(book.freeCount == 0)
        #expect(book.candidate(for: .mac(MACAddress(bits: 0xffff_ffff)), preferred: 0) == nil)
    }
}
