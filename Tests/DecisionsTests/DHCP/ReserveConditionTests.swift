// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// The conditions of the design's section 6: what makes it safe that a node confirms what it cannot write.
@Suite struct ReserveConditionTests {
    let server = address("10.1.0.1")
    let skew = Limits.clockSkewSecondsMax

    /// Whether a stranger could have the address now. Asking leaves no trace.
    private func isFree(_ address: IPv4Address, _ desk: Desk) -> Bool {
        let books = desk.books
        defer { desk.books = books }
        return desk.decide(TestClient(99).request(address, from: server)).committed?.address == address
    }

    // MARK: What others may have

    @Test func anAddressIsKeptFromOthersUntilItsReserveAndTheSkewAreOver() throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        let lease = try #require(desk.books["rack"]?.lease(at: mine))
        #expect(lease.reservedUntil == lease.until.adding(seconds: 3_600))
        desk.now = lease.until.adding(seconds: 1)
        #expect(!isFree(mine, desk))
        desk.now = lease.reservedUntil.adding(milliseconds: skew * 1000 - 1)
        #expect(!isFree(mine, desk))
        let books = desk.books
        #expect(desk.decide(TestClient(1).discover()).reply?.yourAddress == mine)
        #expect(desk.decide(TestClient(1).extend(mine)).committed?.address == mine)
        desk.books = books
        desk.now = lease.reservedUntil.adding(seconds: skew)
        #expect(isFree(mine, desk))
    }

    @Test func aMachineByItselfWaitsForNothing() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        let lease = try #require(desk.books["rack"]?.lease(at: mine))
        #expect(lease.reservedUntil == lease.until)
        desk.now = lease.until.adding(milliseconds: -1)
        #expect(!isFree(mine, desk))
        desk.now = lease.until
        #expect(isFree(mine, desk))
    }

    /// The client counts from its REQUEST, not from the whole second before it.
    @Test func aLeaseIsNoShorterThanItsClientThinks() throws {
        let desk = Desk()
        desk.now = desk.now.adding(milliseconds: 900)
        let mine = try #require(desk.bind(TestClient(1)))
        let asked = desk.now
        desk.now = asked.adding(milliseconds: 3_599_999)
        #expect(!isFree(mine, desk))
    }

    // MARK: G

    @Test func theReserveIsOneLeaseUnlessTheNetworkSaysOtherwise() throws {
        func reserve(_ desk: Desk, _ client: TestClient = TestClient(1)) throws -> Int64 {
            let mine = try #require(desk.bind(client))
            let lease = try #require(desk.books["rack"]?.lease(at: mine))
            return lease.reservedUntil.seconds - lease.until.seconds
        }
        #expect(try reserve(Desk()) == 0)
        #expect(try reserve(Desk(isShared: true)) == 3_600)
        #expect(try reserve(Desk(isShared: true) { $0.leaseSeconds = 600 }) == 600)
        #expect(try reserve(Desk(isShared: true) { $0.reserveSeconds = 14_400 }) == 14_400)
        #expect(try reserve(Desk(isShared: true) { $0.reserveSeconds = 0 }) == 0)
        #expect(try reserve(Desk { $0.reserveSeconds = 7_200 }) == 7_200)
        var modest = TestClient(1)
        modest.options = [(.leaseTime, [0, 0, 0, 120])]
        #expect(try reserve(Desk(isShared: true), modest) == 120)
    }

    @Test func theReserveShrinksAsThePoolFills() throws {
        // Of 22 addresses 20 are dynamic: one is excluded, one is reserved.
        let desk = Desk(isShared: true) {
            $0.subnets[0].pools = [IPv4Range("10.1.0.100-10.1.0.121")!]
            $0.subnets[0].exclusions = [IPv4Range("10.1.0.121")!]
        }
        desk.add(
            .reservation(
                Reservation(network: "rack", address: address("10.1.0.120"), identity: .mac(TestClient(98).mac))))
        var reserves: [Int64] = []
        for number in 1...20 {
            let mine = try #require(desk.bind(TestClient(number)))
            let lease = try #require(desk.books["rack"]?.lease(at: mine))
            reserves.append(lease.reservedUntil.seconds - lease.until.seconds)
        }
        #expect(reserves == Array(repeating: 3_600, count: 15) + [2_700, 1_800, 900, 0, 0])
    }

    /// A node that has only the record before may go by that.
    @Test func aShorterLeaseDoesNotEndTheReserveSooner() throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        let before = try #require(desk.books["rack"]?.lease(at: mine)).reservedUntil
        var modest = TestClient(1)
        modest.options = [(.leaseTime, [0, 0, 0, 60])]
        let after = try #require(desk.receive(modest.request(mine, from: server)).committed)
        #expect(after.until == desk.now.adding(seconds: 60))
        #expect(after.reservedUntil == before)
    }

    @Test func forEverStaysForEver() throws {
        let desk = Desk(isShared: true) { $0.compatibility = [.dynamicBOOTP] }
        let lease = try #require(desk.receive(TestClient(1).bootp()).committed)
        #expect(lease.until == .distantFuture && lease.reservedUntil == .distantFuture)
        #expect(lease.promisedUntil == .distantFuture)
        #expect(
            desk.receive(TestClient(1).request(lease.address, from: server)).committed?.reservedUntil == .distantFuture)
        desk.wait(seconds: 10 * 365 * 86_400)
        #expect(!isFree(lease.address, desk))
    }

    @Test func whoAsksForAShorterLeaseIsConfirmedForLonger() throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        desk.standing = .onDeck
        desk.wait(seconds: 7_195 - 60)
        #expect(desk.receive(TestClient(1).extend(mine)).dropped == .notUpToBat)
        var modest = TestClient(1)
        modest.options = [(.leaseTime, [0, 0, 0, 60])]
        #expect(desk.receive(modest.extend(mine)).reply?.options.uint32(.leaseTime) == 60)
        desk.wait(seconds: 1)
        #expect(desk.receive(modest.extend(mine)).dropped == .notUpToBat)
    }

    // MARK: Whose record it must be

    @Test(arguments: [Standing.onDeck, .cutOff])
    func onlyTheSameClientAtTheSameAddressByABoundRecord(standing: Standing) throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        let other = try #require(desk.bind(TestClient(2)))
        let gone = try #require(desk.bind(TestClient(3)))
        _ = desk.receive(TestClient(3).release(gone, to: server), to: server)
        let bad = try #require(desk.bind(TestClient(4)))
        _ = desk.receive(TestClient(4).decline(bad, to: server))
        desk.standing = standing
        #expect(desk.receive(TestClient(1).extend(mine)).type == .ack)
        #expect(desk.receive(TestClient(1).extend(other)).dropped == standing.expectedSilence)
        #expect(desk.receive(TestClient(3).extend(gone)).dropped == standing.expectedSilence)
        #expect(desk.receive(TestClient(4).extend(bad)).dropped == standing.expectedSilence)
    }

    /// Every node answers that other client, with the same address.
    @Test(arguments: [Standing.upToBat, .onDeck, .cutOff])
    func anAddressThatIsNowSomebodysReservationIsNotConfirmed(standing: Standing) throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        desk.add(.reservation(Reservation(network: "rack", address: mine, identity: .mac(TestClient(2).mac))))
        desk.standing = standing
        let verdict = desk.receive(TestClient(1).extend(mine))
        #expect(verdict.type == (standing == .upToBat ? .nak : nil))
    }

    // MARK: RELEASE, DECLINE, delete

    @Test func aReleasedAddressIsFreeForOthersWhenEveryNodeKnows() throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        let reserved = try #require(desk.books["rack"]?.lease(at: mine)).reservedUntil
        desk.wait(seconds: 60)
        let record = try #require(desk.receive(TestClient(1).release(mine, to: server), to: server).committed)
        #expect(record.until == desk.now && record.reservedUntil == reserved)
        #expect(!isFree(mine, desk))
        desk.books["rack"]?.confirmed(desk.revision - 1, now: desk.now)
        #expect(!isFree(mine, desk))
        // Its client may have it again at once.
        #expect(desk.decide(TestClient(1).discover()).reply?.yourAddress == mine)
        desk.wait(seconds: Limits.offerHoldSeconds)
        desk.books["rack"]?.confirmed(desk.revision, now: desk.now)
        #expect(isFree(mine, desk))
    }

    @Test func aNodeThatNobodyHearsOfHoldsAReleasedAddressUpNoLongerThanItsReserve() throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        let reserved = try #require(desk.books["rack"]?.lease(at: mine)).reservedUntil
        _ = desk.receive(TestClient(1).release(mine, to: server), to: server)
        desk.now = reserved.adding(milliseconds: skew * 1000 - 1)
        #expect(!isFree(mine, desk))
        desk.now = reserved.adding(seconds: skew)
        #expect(isFree(mine, desk))
    }

    @Test func aDeclinedAddressIsKeptForTheReserveBeyondItsQuarantine() throws {
        let twoDays: UInt32 = 2 * 86_400
        let desk = Desk(isShared: true) {
            $0.leaseSeconds = twoDays; $0.leaseSecondsMax = twoDays
        }
        let mine = try #require(desk.bind(TestClient(1)))
        let reserved = try #require(desk.books["rack"]?.lease(at: mine)).reservedUntil
        let record = try #require(desk.receive(TestClient(1).decline(mine, to: server)).committed)
        #expect(record.reservedUntil == reserved)
        desk.books["rack"]?.confirmed(desk.revision - 1, now: desk.now)
        desk.wait(seconds: Limits.declineSeconds + 60)
        #expect(!isFree(mine, desk))
        desk.books["rack"]?.confirmed(desk.revision, now: desk.now)
        #expect(isFree(mine, desk))
    }

    @Test func aQuarantineIsNotShortenedByEveryNodesKnowingOfIt() throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        _ = desk.receive(TestClient(1).decline(mine, to: server))
        desk.books["rack"]?.confirmed(desk.revision, now: desk.now)
        desk.wait(seconds: Limits.declineSeconds - 1)
        #expect(!isFree(mine, desk))
        desk.wait(seconds: 1)
        #expect(isFree(mine, desk))
    }

    @Test(arguments: [true, false])
    func anOperatorsDeleteFreesNoAddressThatMayBeConfirmedElsewhere(asRelease: Bool) throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        let lease = try #require(desk.books["rack"]?.lease(at: mine))
        if asRelease {
            desk.write(LeaseChange.release(lease, network: "rack", now: desk.now))
        } else {
            desk.revision += 1
            desk.books["rack"]?.forget(mine, revision: desk.revision, now: desk.now)
        }
        #expect(!isFree(mine, desk))
        // Its client is told that nobody knows it.
        #expect(desk.decide(TestClient(1).extend(mine), to: server).dropped == .noRecord)
        #expect(desk.decide(TestClient(1).extend(mine)).type == .nak)
        desk.books["rack"]?.confirmed(desk.revision, now: desk.now)
        #expect(isFree(mine, desk))
    }

    /// The next node up to bat, or this one after a restart, has nothing but the record.
    @Test func aReleaseIsRememberedByItsRecord() throws {
        let first = Desk(isShared: true)
        let mine = try #require(first.bind(TestClient(1)))
        _ = first.receive(TestClient(1).release(mine, to: server), to: server)
        let next = Desk(isShared: true)
        next.follow(first)
        #expect(!isFree(mine, next))
        next.books["rack"]?.confirmed(next.revision, now: next.now)
        #expect(isFree(mine, next))
    }

    // MARK: What may have been promised

    @Test func aConfirmedLeaseIsHeldBeyondItsUntil() throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        desk.wait(seconds: 3_000)
        #expect(desk.receive(TestClient(1).extend(mine), to: server).committed == nil)
        let lease = try #require(desk.books["rack"]?.lease(at: mine))
        #expect(lease.until < desk.now.adding(seconds: 3_600))
        #expect(lease.promisedUntil >= desk.now.adding(seconds: 3_600))
        #expect(lease.isHeld(at: desk.now.adding(seconds: 3_600)))
        #expect(!lease.isHeld(at: lease.reservedUntil))
    }

    @Test(arguments: [Standing.upToBat, .onDeck, .cutOff])
    func aLeaseThatRunsOutRunsAsLongAsItMayHaveBeenPromised(standing: Standing) throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        desk.add(
            .reservation(Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac)))
        )
        desk.standing = standing
        desk.wait(seconds: 7_000)
        let verdict = desk.receive(TestClient(1).extend(mine), to: server)
        #expect(verdict.reply?.yourAddress == mine)
        #expect(verdict.reply?.options.uint32(.leaseTime) == 195)
        desk.wait(seconds: 195)
        #expect(desk.receive(TestClient(1).extend(mine), to: server).type == .nak)
    }

    @Test func theBenchDoesNotSayHowMuchIsLeft() throws {
        let desk = Desk(isShared: true)
        let mine = try #require(desk.bind(TestClient(1)))
        desk.add(
            .reservation(Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac)))
        )
        desk.standing = .benched
        #expect(desk.receive(TestClient(1).extend(mine), to: server).dropped == .benched)
    }

    /// A full disk: the machine confirms what its clients have, and never more than that.
    @Test func aMachineByItselfConfirmsTheRestWhenItsStoreIsDown() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        desk.wait(seconds: 1_800)
        #expect(desk.decide(TestClient(1).extend(mine), to: server).committed != nil)
        desk.standing = .cutOff
        let ack = desk.receive(TestClient(1).extend(mine), to: server)
        #expect(ack.committed == nil && ack.reply?.options.uint32(.leaseTime) == 1_795)
        desk.wait(seconds: 1_740)
        #expect(desk.receive(TestClient(1).extend(mine)).dropped == .windowOver)
    }

    @Test func everySilenceHasItsSentence() {
        #expect(Set(DropReason.allCases.map(\.explanation)).count == DropReason.allCases.count)
        #expect(DropReason.windowOver.rawValue == "window-over")
        #expect(DropReason.storeDown.rawValue == "store-down")
        #expect(DropReason.benched.rawValue == "benched")
    }
}

extension Standing {
    var expectedSilence: DropReason? {
        switch self {
        case .upToBat: nil
        case .onDeck: .notUpToBat
        case .cutOff: .storeDown
        case .benched: .benched
        }
    }
}
