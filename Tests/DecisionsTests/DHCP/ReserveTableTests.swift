// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// The table of the design's section 6, cell by cell: who answers what with the store up and the term held, with the
/// store up and no term, and with the store down; and on the bench nothing.
@Suite struct ReserveTableTests {
    let server = address("10.1.0.1")
    static let standings: [Standing] = [.upToBat, .onDeck, .cutOff, .benched]
    static let elsewhere: [(Standing, DropReason)] = [
        (.onDeck, .notUpToBat), (.cutOff, .storeDown), (.benched, .benched),
    ]

    /// A node whose neighbour has bound client 1, an hour's lease and an hour's reserve, and that has the record.
    private func replica(_ standing: Standing) throws -> (desk: Desk, mine: IPv4Address) {
        let active = Desk(isShared: true)
        let mine = try #require(active.bind(TestClient(1)))
        let desk = Desk(isShared: true)
        desk.follow(active)
        desk.standing = standing
        return (desk, mine)
    }

    private func leaseTime(_ verdict: Verdict) -> UInt32? { verdict.reply?.options.uint32(.leaseTime) }

    // MARK: Static

    @Test func aBindingIsAnsweredByEveryNodeAlike() {
        func verdicts(_ standing: Standing) -> [Verdict] {
            let desk = Desk(isShared: true)
            desk.add(
                .reservation(
                    Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac))))
            desk.standing = standing
            let (client, own) = (TestClient(1), address("10.1.0.20"))
            return [
                desk.receive(client.discover()), desk.receive(client.request(own, from: server)),
                desk.receive(client.reboot(own)), desk.receive(client.extend(own), to: server),
                desk.receive(client.extend(own)), desk.receive(client.inform(own), to: server),
                desk.receive(client.bootp()),
                // Its own mismatch is a NAK everywhere, too.
                desk.receive(client.request(address("10.1.0.100"), from: server)),
                desk.receive(client.reboot(address("10.1.0.100"))), desk.receive(client.extend(address("10.1.0.100"))),
            ]
        }
        let expected = verdicts(.upToBat)
        #expect(expected.map(\.type) == [.offer, .ack, .ack, .ack, .ack, .ack, nil, .nak, .nak, .nak])
        for standing in Self.standings {
            #expect(verdicts(standing) == expected, "\(standing)")
            #expect(verdicts(standing).allSatisfy { $0.committed == nil })
        }
    }

    // MARK: Renew and rebind inside the window

    @Test(arguments: [Standing.upToBat, .onDeck, .cutOff], [true, false])
    func insideTheWindowAnyNodeConfirmsWithoutAWrite(standing: Standing, isRebinding: Bool) throws {
        let (desk, mine) = try replica(standing)
        let destination: IPv4Address = isRebinding ? .broadcast : server
        for elapsed: Int64 in [0, 1_800, 3_595] {
            desk.now = Instant(seconds: 1_800_000_000 + elapsed)
            let verdict = desk.decide(TestClient(1).extend(mine), to: destination)
            guard case .reply(let planned) = verdict else {
                Issue.record("\(standing) after \(elapsed) s: \(verdict)")
                continue
            }
            #expect(leaseTime(verdict) == 3_600)
            #expect(planned.reply.options.uint32(.renewalTime) == 1_800)
            #expect(planned.reply.options.uint32(.rebindingTime) == 3_150)
            // Byte for byte what a node says that writes first, because its record has no reserve.
            let alone = Desk()
            alone.now = desk.now
            let ends = desk.now.adding(seconds: 60)
            alone.books["rack"]?.record(
                Lease(
                    address: mine, state: .bound, identity: .mac(TestClient(1).mac), mac: nil, since: desk.now,
                    until: ends),
                now: desk.now)
            let written = alone.decide(TestClient(1).extend(mine), to: destination)
            #expect(written.committed != nil && written.planned == planned)
        }
    }

    @Test func theBenchConfirmsNothing() throws {
        let (desk, mine) = try replica(.benched)
        #expect(desk.receive(TestClient(1).extend(mine), to: server).dropped == .benched)
        #expect(desk.receive(TestClient(1).extend(mine)).dropped == .benched)
    }

    // MARK: Beyond it

    @Test func beyondTheWindowTheNodeUpToBatCommitsFirst() throws {
        let (desk, mine) = try replica(.upToBat)
        desk.wait(seconds: 3_596)
        let verdict = desk.receive(TestClient(1).extend(mine), to: server)
        let lease = try #require(verdict.committed)
        #expect(lease.until == desk.now.adding(seconds: 3_600))
        #expect(lease.reservedUntil == desk.now.adding(seconds: 7_200))
        #expect(leaseTime(verdict) == 3_600)
    }

    @Test func beyondTheWindowANodeOnDeckIsSilent() throws {
        let (desk, mine) = try replica(.onDeck)
        desk.wait(seconds: 3_596)
        #expect(desk.receive(TestClient(1).extend(mine), to: server).dropped == .notUpToBat)
        #expect(desk.receive(TestClient(1).extend(mine)).dropped == .notUpToBat)
    }

    @Test func withTheStoreDownAClientGetsWhatIsLeft() throws {
        let (desk, mine) = try replica(.cutOff)
        let start = desk.now
        // Reserved for 7200 s, less 5 s of skew.
        for (elapsed, seconds): (Int64, UInt32) in [(3_596, 3_599), (5_000, 2_195), (7_135, 60)] {
            desk.now = start.adding(seconds: elapsed)
            let verdict = desk.receive(TestClient(1).extend(mine))
            #expect(verdict.committed == nil)
            #expect(leaseTime(verdict) == seconds)
            #expect(verdict.reply?.options.uint32(.renewalTime) == seconds / 2)
        }
        for elapsed: Int64 in [7_136, 7_195, 7_205, 100_000] {
            desk.now = start.adding(seconds: elapsed)
            #expect(desk.receive(TestClient(1).extend(mine)).dropped == .windowOver)
        }
    }

    @Test func whatIsLeftIsCountedInWholeSecondsAndNeverTooMuch() throws {
        let (desk, mine) = try replica(.cutOff)
        desk.now = desk.now.adding(milliseconds: 7_134_001)
        #expect(leaseTime(desk.receive(TestClient(1).extend(mine))) == 60)
        desk.now = desk.now.adding(milliseconds: 1_000)
        #expect(desk.receive(TestClient(1).extend(mine)).dropped == .windowOver)
    }

    // MARK: New addresses

    @Test(arguments: elsewhere)
    func newAddressesNeedTheNodeUpToBat(standing: Standing, silence: DropReason) throws {
        let (desk, mine) = try replica(standing)
        #expect(desk.receive(TestClient(2).discover()).dropped == silence)
        #expect(desk.receive(TestClient(1).discover()).dropped == silence)
        #expect(desk.receive(TestClient(1).request(mine, from: server)).dropped == silence)
        #expect(desk.receive(TestClient(2).request(address("10.1.0.105"), from: server)).dropped == silence)
        #expect(desk.receive(TestClient(1).reboot(mine)).dropped == silence)
        // Also where this node has no record: another's may be newer.
        #expect(desk.receive(TestClient(2).reboot(address("10.1.0.105"))).dropped == silence)
    }

    @Test func theNodeUpToBatGivesThemAndCommitsFirst() throws {
        let (desk, mine) = try replica(.upToBat)
        #expect(desk.receive(TestClient(1).request(mine, from: server)).committed?.address == mine)
        #expect(desk.receive(TestClient(1).reboot(mine)).committed?.address == mine)
        #expect(desk.bind(TestClient(2)) != nil)
    }

    /// They are SELECTING by another name, so the window is not for them.
    @Test(arguments: elsewhere)
    func bareRequestsAndBOOTPNeedTheNodeUpToBat(standing: Standing, silence: DropReason) throws {
        let desk = Desk(isShared: true) { $0.compatibility = [.acceptBareRequest, .dynamicBOOTP] }
        _ = try #require(desk.bind(TestClient(1)))
        var bare = TestClient(1).discover()
        bare.messageType = .request
        #expect(desk.decide(bare).committed != nil)
        desk.standing = standing
        #expect(desk.receive(bare).dropped == silence)
        #expect(desk.receive(TestClient(2).bootp()).dropped == silence)
    }

    // MARK: RELEASE and DECLINE

    @Test(arguments: elsewhere)
    func releaseAndDeclineAreForTheNodeUpToBat(standing: Standing, silence: DropReason) throws {
        let (desk, mine) = try replica(standing)
        #expect(desk.receive(TestClient(1).release(mine, to: server), to: server).dropped == silence)
        #expect(desk.receive(TestClient(1).decline(mine, to: server)).dropped == silence)
        // This node may simply not have the record yet.
        #expect(desk.receive(TestClient(2).release(mine, to: server), to: server).dropped == silence)
        #expect(desk.receive(TestClient(2).decline(address("10.1.0.105"), to: server)).dropped == silence)
    }

    @Test func theNodeUpToBatCommitsThem() throws {
        let (desk, mine) = try replica(.upToBat)
        #expect(desk.decide(TestClient(1).release(mine, to: server), to: server).committed?.state == .released)
        #expect(desk.decide(TestClient(1).decline(mine, to: server)).committed?.state == .declined)
    }

    // MARK: NAK

    /// "NAK from an empty replica": the classic way to take a whole network's addresses away.
    @Test(arguments: elsewhere)
    func aReplicaThatIsEmptyOrBehindNAKsNothing(standing: Standing, silence: DropReason) throws {
        let desk = Desk(isShared: true)
        let other = try #require(desk.bind(TestClient(2)))
        desk.standing = standing
        // An address unknown, one that another client has here, and one that is not dynamic here.
        for asked in [address("10.1.0.109"), other, address("10.1.0.7")] {
            #expect(desk.receive(TestClient(1).extend(asked), to: server).dropped == silence)
            #expect(desk.receive(TestClient(1).extend(asked)).dropped == silence)
            #expect(desk.receive(TestClient(1).reboot(asked)).dropped == silence)
            #expect(desk.receive(TestClient(1).request(asked, from: server)).dropped == silence)
        }
    }

    @Test(arguments: standings)
    func theWrongNetworkIsNAKedByEveryAuthority(standing: Standing) {
        let desk = Desk(isShared: true)
        desk.standing = standing
        #expect(desk.receive(TestClient(1).reboot(address("192.0.2.1"))).type == .nak)
        #expect(desk.receive(TestClient(1).extend(address("192.0.2.1"))).type == .nak)
        let shy = Desk(isShared: true) { $0.authoritative = false }
        shy.standing = standing
        #expect(shy.receive(TestClient(1).reboot(address("192.0.2.1"))).dropped == .notAuthoritative)
        #expect(shy.receive(TestClient(1).extend(address("192.0.2.1"))).dropped == .notAuthoritative)
    }
}
