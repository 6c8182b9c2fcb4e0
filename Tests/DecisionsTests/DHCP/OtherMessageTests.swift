// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// rules/dhcp 3: DECLINE, RELEASE, INFORM, BOOTP, hops.
@Suite struct OtherMessageTests {
    let server = address("10.1.0.1")

    @Test func aDeclinedAddressIsKeptFromEverybodyForADay() throws {
        let desk = Desk { $0.subnets[0].pools = [IPv4Range("10.1.0.100")!] }
        let mine = try #require(desk.bind(TestClient(1)))
        let verdict = desk.receive(TestClient(1).decline(mine, to: server))
        #expect(verdict.committed?.state == .declined)
        #expect(verdict.reply == nil)
        #expect(desk.receive(TestClient(1).discover()).dropped == .poolFull)
        #expect(desk.receive(TestClient(2).discover()).dropped == .poolFull)
        desk.wait(seconds: Limits.declineSeconds + 1)
        #expect(desk.receive(TestClient(2).discover()).reply?.yourAddress == mine)
    }

    @Test func anOfferedAddressCanBeDeclinedToo() throws {
        let desk = Desk()
        let offered = try #require(desk.receive(TestClient(1).discover()).reply?.yourAddress)
        #expect(desk.receive(TestClient(1).decline(offered, to: server)).committed?.address == offered)
        #expect(desk.receive(TestClient(1).discover()).reply?.yourAddress != offered)
    }

    @Test func nobodyDeclinesForAnotherOrToAnother() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        #expect(desk.receive(TestClient(2).decline(mine, to: server)).dropped == .foreignAddress)
        #expect(desk.receive(TestClient(1).decline(mine, to: address("10.1.0.2"))).dropped == .otherServer)
    }

    @Test func aBrokenCardDoesNotDrainThePool() throws {
        let desk = Desk { $0.subnets[0].pools = [IPv4Range("10.1.0.100-10.1.0.199")!] }
        for _ in 0..<Limits.declinesPerClientPerHour {
            let offered = try #require(desk.receive(TestClient(1).discover()).reply?.yourAddress)
            #expect(desk.receive(TestClient(1).decline(offered, to: server)).committed != nil)
        }
        #expect(desk.receive(TestClient(1).discover()).dropped == .declinedTooOften)
        #expect(desk.receive(TestClient(2).discover()).type == .offer)
        desk.wait(seconds: 3601)
        #expect(desk.receive(TestClient(1).discover()).type == .offer)
    }

    @Test func aDeclinedReservationIsAFaultAndNotAnotherAddress() {
        let desk = Desk()
        desk.add(
            .reservation(Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac)))
        )
        #expect(desk.receive(TestClient(1).decline(address("10.1.0.20"), to: server)).dropped == .declinedBinding)
        #expect(desk.receive(TestClient(1).discover()).reply?.yourAddress == address("10.1.0.20"))
    }

    @Test func aReleasedAddressIsFreeAndRemembered() throws {
        let desk = Desk { $0.subnets[0].pools = [IPv4Range("10.1.0.100")!] }
        let mine = try #require(desk.bind(TestClient(1)))
        let verdict = desk.receive(TestClient(1).release(mine, to: server), to: server)
        #expect(verdict.committed?.state == .released)
        #expect(verdict.reply == nil)
        #expect(desk.books["rack"]?.lease(at: mine)?.identity == .mac(TestClient(1).mac))
        #expect(desk.receive(TestClient(2).discover()).reply?.yourAddress == mine)
    }

    @Test func theReleaserFindsItsAddressAgain() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        _ = desk.receive(TestClient(1).release(mine, to: server), to: server)
        #expect(desk.receive(TestClient(1).discover()).reply?.yourAddress == mine)
    }

    @Test func nobodyReleasesForAnother() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        #expect(desk.receive(TestClient(2).release(mine, to: server), to: server).dropped == .nothingToRelease)
    }

    @Test func aReleaseWithoutServerIdentifierNeedsASwitch() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        var packet = TestClient(1).release(mine, to: server)
        packet.options = DHCPOptions()
        #expect(desk.receive(packet, to: server).dropped == .otherServer)
        let kind = Desk { $0.compatibility = [.acceptMissingServerIdentifier] }
        _ = try #require(kind.bind(TestClient(1)))
        #expect(kind.receive(packet, to: server).committed?.state == .released)
    }

    @Test func informGetsOptionsAndNoLease() throws {
        let desk = Desk { $0.options = [OptionSetting(code: 6, value: [10, 1, 0, 1])] }
        let verdict = desk.receive(TestClient(1).inform(address("10.1.0.77")), to: server)
        let planned = try #require(verdict.planned)
        #expect(verdict.committed == nil)
        #expect(planned.route == .unicast(to: address("10.1.0.77"), port: 68))
        #expect(planned.reply.yourAddress == .any)
        #expect(planned.reply.clientAddress == address("10.1.0.77"))
        #expect(planned.reply.options.address(.domainNameServers) == address("10.1.0.1"))
        for code in [DHCPOptionCode.leaseTime, .renewalTime, .rebindingTime] {
            #expect(!planned.reply.options.contains(code))
        }
    }

    @Test func informThroughARelayStillGoesToTheClient() throws {
        let desk = Desk()
        var packet = TestClient(1).inform(address("10.1.0.77"))
        packet.relayAddress = address("10.1.0.254")
        #expect(try #require(desk.receive(packet).planned).route == .unicast(to: address("10.1.0.77"), port: 68))
        packet.clientAddress = .any
        #expect(try #require(desk.receive(packet).planned).route == .unicast(to: address("10.1.0.254"), port: 67))
    }

    @Test func bootpIsForBindings() throws {
        let desk = Desk()
        #expect(desk.receive(TestClient(1).bootp()).dropped == .noBinding)
        desk.add(
            .reservation(Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac)))
        )
        let reply = try #require(desk.receive(TestClient(1).bootp()).reply)
        #expect(reply.yourAddress == address("10.1.0.20"))
        #expect(reply.messageType == nil)
        #expect(reply.options.isEmpty)
    }

    @Test func dynamicBOOTPIsASwitchAndForEver() throws {
        let desk = Desk { $0.compatibility = [.dynamicBOOTP] }
        let lease = try #require(desk.receive(TestClient(1).bootp()).committed)
        #expect(lease.until == .distantFuture)
        desk.wait(seconds: 10 * 365 * 86_400)
        #expect(desk.receive(TestClient(1).bootp()).committed?.address == lease.address)
    }

    @Test func bootpCopiesHopsAndSeventeenAreTooMany() {
        let desk = Desk()
        desk.add(
            .reservation(Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac)))
        )
        var packet = TestClient(1).bootp()
        packet.hops = 3
        #expect(desk.receive(packet).reply?.hops == 3)
        packet.hops = 17
        #expect(desk.receive(packet).dropped == .tooManyHops)
    }

    @Test func whatOnlyServersSendIsNotAnswered() {
        let desk = Desk()
        for type in [DHCPMessageType.offer, .ack, .nak] {
            var packet = TestClient(1).discover()
            packet.messageType = type
            #expect(desk.receive(packet).dropped == .notARequest)
        }
    }
}
