// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Testing

@testable import Decisions

/// A lease book whose records other nodes have too: which of them may still be acted upon somewhere.
@Suite struct SharedBookTests {
    private let start = Instant(seconds: 1_000_000)
    private let x = IPv4Address("10.0.0.10")!
    private let p = ClientIdentity.mac(MACAddress(bits: 1))
    private let q = ClientIdentity.mac(MACAddress(bits: 2))

    private func book(isShared: Bool = true) -> LeaseBook {
        var network = Network(name: "n")
        var subnet = Subnet(subnet: IPv4Subnet("10.0.0.0/24")!)
        subnet.pools = [IPv4Range("10.0.0.10-10.0.0.13")!]
        network.subnets = [subnet]
        return LeaseBook(network: network, reserved: [], isShared: isShared)
    }

    private func lease(
        _ identity: ClientIdentity, _ state: Lease.State = .bound, until: Int64, reserved: Int64
    ) -> Lease {
        Lease(
            address: x, state: state, identity: identity, mac: nil, since: start, until: start.adding(seconds: until),
            reservedUntil: start.adding(seconds: reserved))
    }

    @Test func theFreeCountFollowsTheReserve() {
        var book = book()
        book.record(lease(p, until: 60, reserved: 120), revision: 1, now: start)
        for (seconds, free): (Int64, Int) in [(0, 3), (61, 3), (124, 3), (125, 4)] {
            book.advance(to: start.adding(seconds: seconds))
            #expect(book.freeCount == free, "after \(seconds) s")
        }
    }

    @Test func aConfirmedReleaseFreesTheAddressAtOnceAndALaterOneDoesNot() {
        var book = book()
        book.record(lease(p, until: 60, reserved: 120), revision: 7, now: start)
        book.record(lease(p, .released, until: 0, reserved: 120), revision: 9, now: start)
        for revision: Int64 in [7, 8] {
            book.confirmed(revision, now: start)
            #expect(book.freeCount == 3 && book.obstacle(x, for: q, now: start) == .leased)
            #expect(book.obstacle(x, for: p, now: start) == nil)
        }
        book.confirmed(9, now: start)
        #expect(book.freeCount == 4 && book.obstacle(x, for: q, now: start) == nil)
        // What is confirmed when it arrives needs no waiting; and a smaller revision takes nothing back.
        book.record(lease(p, until: 60, reserved: 120), revision: 10, now: start)
        book.confirmed(3, now: start)
        book.confirmed(11, now: start)
        book.record(lease(p, .released, until: 0, reserved: 120), revision: 11, now: start)
        #expect(book.freeCount == 4)
    }

    @Test func withoutARevisionOnlyTimeFreesIt() {
        var book = book()
        book.record(lease(p, until: 60, reserved: 120), now: start)
        book.forget(x, now: start)
        book.confirmed(.max, now: start)
        #expect(book.lease(at: x) == nil && book.obstacle(x, for: q, now: start) == .leased)
        book.advance(to: start.adding(seconds: 125))
        #expect(book.freeCount == 4)
    }

    @Test func confirmationDoesNotShortenABoundLease() {
        var book = book()
        book.record(lease(p, until: 60, reserved: 120), revision: 1, now: start)
        book.confirmed(1, now: start)
        #expect(book.obstacle(x, for: q, now: start.adding(seconds: 124)) == .leased)
    }

    /// No writer does that; but if one does, an older record may still be acted upon.
    @Test func aRecordThatReservesLessDoesNotUndoTheOneBefore() {
        var book = book()
        book.record(lease(p, until: 60, reserved: 500), revision: 1, now: start)
        book.record(lease(p, until: 60, reserved: 60), revision: 2, now: start)
        let later = start.adding(seconds: 200)
        book.advance(to: later)
        #expect(book.obstacle(x, for: q, now: later) == .leased && book.freeCount == 3)
        book.confirmed(2, now: later)
        #expect(book.obstacle(x, for: q, now: later) == nil && book.freeCount == 4)
    }

    /// On a node that only follows: whoever wrote that had waited for what had to be waited for.
    @Test func anothersLeaseProvesThatTheOneBeforeWasOver() {
        var book = book()
        book.record(lease(p, until: 60, reserved: 120), revision: 1, now: start)
        book.record(lease(p, .released, until: 0, reserved: 120), revision: 2, now: start)
        book.record(lease(q, until: 60, reserved: 120), revision: 3, now: start)
        #expect(book.obstacle(x, for: q, now: start) == nil)
        #expect(book.obstacle(x, for: p, now: start) == .leased)
        #expect(book.lease(for: p) == nil && book.lease(for: q)?.address == x)
    }

    @Test func anOlderRecordUndoesNoNewerOne() {
        var book = book()
        book.record(lease(q, until: 60, reserved: 120), revision: 3, now: start)
        book.record(lease(p, .released, until: 0, reserved: 10), revision: 2, now: start)
        book.forget(x, revision: 2, now: start)
        #expect(book.lease(at: x)?.identity == q)
        book.forget(x, revision: 4, now: start)
        book.record(lease(q, until: 60, reserved: 120), revision: 3, now: start)
        #expect(book.lease(at: x) == nil)
        // The same one twice is nothing new.
        book.record(lease(q, until: 60, reserved: 120), revision: 5, now: start)
        book.record(lease(q, until: 60, reserved: 120), revision: 5, now: start)
        #expect(book.lease(at: x)?.identity == q)
    }

    @Test func aBookOfItsOwnHasNothingToWaitFor() {
        var book = book(isShared: false)
        book.record(lease(p, until: 60, reserved: 60), revision: 5, now: start)
        book.record(lease(p, .released, until: 0, reserved: 60), revision: 6, now: start)
        #expect(book.freeCount == 4)
        book.record(lease(p, until: 60, reserved: 60), revision: 7, now: start)
        book.forget(x, revision: 8, now: start)
        #expect(book.freeCount == 4)
        book.record(lease(p, until: 60, reserved: 60), revision: 9, now: start)
        book.advance(to: start.adding(seconds: 60))
        #expect(book.freeCount == 4)
    }

    @Test func aNewConfigurationForgetsNoClaim() {
        var book = book()
        book.record(lease(p, until: 60, reserved: 120), revision: 1, now: start)
        book.forget(x, revision: 2, now: start)
        var network = Network(name: "n")
        var subnet = Subnet(subnet: IPv4Subnet("10.0.0.0/24")!)
        subnet.pools = [IPv4Range("10.0.0.10-10.0.0.20")!]
        network.subnets = [subnet]
        book.reconfigure(network: network, reserved: [], now: start)
        #expect(book.freeCount == 10)
    }

    @Test(
        arguments: [
            (100, 3_600), (25, 3_600), (24, 3_420), (15, 1_800), (6, 180), (5, 0), (4, 0), (0, 0),
        ] as [(Int, Int64)])
    func theReserveIsWholeAtAQuarterAndGoneAtATwentieth(free: Int, seconds: Int64) {
        #expect(Reserve.seconds(3_600, free: free, of: 100) == seconds)
        #expect(Reserve.seconds(3_600, free: free * 160_000, of: 16_000_000) == seconds)
    }

    @Test func withoutAPoolThereIsNoReserve() {
        #expect(Reserve.seconds(3_600, free: 0, of: 0) == 0)
        #expect(Reserve.seconds(Limits.leaseSecondsMax, free: 1 << 24, of: 1 << 24) == Int64(Limits.leaseSecondsMax))
    }

    /// Random records, confirmations and waits; what the pool calls free is what nothing stands in the way of.
    @Test(arguments: [1, 2, 3])
    func thePoolSaysWhatTheRecordsSay(seed: UInt64) {
        var random = LeaseBookTests.Random(state: seed)
        var (book, now, revision) = (book(), start, Int64(0))
        let states: [Lease.State] = [.bound, .bound, .released, .declined]
        for _ in 0..<10_000 {
            now = now.adding(milliseconds: Int64.random(in: 0..<20_000, using: &random))
            revision += 1
            let address = IPv4Address(bits: x.bits + UInt32.random(in: 0..<4, using: &random))
            let who = ClientIdentity.mac(MACAddress(bits: UInt64.random(in: 0..<4, using: &random)))
            switch Int.random(in: 0..<4, using: &random) {
            case 0: book.forget(address, revision: revision, now: now)
            case 1: book.confirmed(revision - Int64.random(in: 0..<9, using: &random), now: now)
            case 2: book.hold(address, for: who, until: now.adding(seconds: 30), now: now)
            default:
                let until = now.adding(seconds: Int64.random(in: 0..<90, using: &random))
                book.record(
                    Lease(
                        address: address, state: states.randomElement(using: &random)!, identity: who, mac: nil,
                        since: now,
                        until: until, reservedUntil: until.adding(seconds: Int64.random(in: 0..<90, using: &random))),
                    revision: revision, now: now)
            }
            book.advance(to: now)
            let stranger = ClientIdentity.mac(MACAddress(bits: 99))
            let free = (0..<4).filter {
                book.obstacle(IPv4Address(bits: x.bits + UInt32($0)), for: stranger, now: now) == nil
            }
            #expect(book.freeCount == free.count)
        }
        book.advance(to: now.adding(seconds: 1_000))
        #expect(book.freeCount == 4)
    }
}
