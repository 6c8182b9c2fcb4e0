// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// rules/dhcp 3: the four states of a REQUEST, told apart by their fields.
@Suite struct RequestStateTests {
    let server = address("10.1.0.1")

    @Test func selectingUsCommitsBeforeTheACK() throws {
        let desk = Desk()
        let offer = try #require(desk.receive(TestClient(1).discover()).reply)
        let verdict = desk.receive(TestClient(1).request(offer.yourAddress, from: server))
        let lease = try #require(verdict.committed)
        #expect(lease.address == offer.yourAddress)
        #expect(lease.state == .bound)
        #expect(lease.until == Instant(seconds: desk.now.seconds + 3600))
        #expect(verdict.type == .ack)
    }

    @Test func selectingAnotherServerIsMetWithSilenceAndTheOfferIsForgotten() throws {
        let desk = Desk { $0.subnets[0].pools = [IPv4Range("10.1.0.100")!] }
        let offer = try #require(desk.receive(TestClient(1).discover()).reply)
        #expect(desk.receive(TestClient(2).discover()).dropped == .poolFull)
        let verdict = desk.receive(TestClient(1).request(offer.yourAddress, from: address("10.1.0.2")))
        #expect(verdict.dropped == .otherServer)
        #expect(desk.receive(TestClient(2).discover()).reply?.yourAddress == offer.yourAddress)
    }

    @Test func aSiblingsOfferIsOurs() throws {
        let desk = Desk()
        desk.siblings = [address("10.1.0.2")]
        let offer = try #require(desk.receive(TestClient(1).discover()).reply)
        #expect(desk.receive(TestClient(1).request(offer.yourAddress, from: address("10.1.0.2"))).type == .ack)
    }

    @Test func selectingAnAddressThatSomebodyElseGotMeanwhileIsNAKed() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        #expect(desk.receive(TestClient(2).request(mine, from: server)).type == .nak)
    }

    @Test func initRebootWithoutARecordIsMetWithSilence() {
        let desk = Desk()
        #expect(desk.receive(TestClient(1).reboot(address("10.1.0.100"))).dropped == .noRecord)
    }

    @Test func initRebootWithTheRightAddressIsACKed() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        #expect(desk.receive(TestClient(1).reboot(mine)).type == .ack)
    }

    @Test func initRebootWithAnotherAddressIsNAKed() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        let other = IPv4Address(
            bits: mine.bits == address("10.1.0.100").bits ? mine.bits + 1 : address("10.1.0.100").bits)
        #expect(desk.receive(TestClient(1).reboot(other)).type == .nak)
    }

    @Test func initRebootOnTheWrongNetworkIsNAKedOnlyByAnAuthority() {
        let desk = Desk()
        #expect(desk.receive(TestClient(1).reboot(address("192.0.2.1"))).type == .nak)
        let shy = Desk { $0.authoritative = false }
        #expect(shy.receive(TestClient(1).reboot(address("192.0.2.1"))).dropped == .notAuthoritative)
    }

    @Test func renewingExtends() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        desk.wait(seconds: 1800)
        let verdict = desk.receive(TestClient(1).extend(mine), to: server)
        #expect(verdict.type == .ack)
        #expect(verdict.committed?.until == Instant(seconds: desk.now.seconds + 3600))
    }

    @Test func renewingThroughARouterFindsTheNetworkByItsAddress() throws {
        let desk = Desk()
        var far = Network(name: "far")
        far.unknown = .lease
        var subnet = Subnet(subnet: IPv4Subnet("10.9.0.0/24")!)
        subnet.pools = [IPv4Range("10.9.0.10-10.9.0.20")!]
        far.subnets = [subnet]
        desk.add(.network(far))
        var client = TestClient(1)
        client.relay = address("10.9.0.1")
        let mine = try #require(desk.bind(client))
        client.relay = .any
        let verdict = desk.receive(client.extend(mine), to: server)
        #expect(verdict.type == .ack)
        #expect(verdict.reply?.yourAddress == mine)
    }

    @Test func renewingWithoutARecordIsMetWithSilence() {
        let desk = Desk()
        #expect(desk.receive(TestClient(1).extend(address("10.1.0.100")), to: server).dropped == .noRecord)
    }

    @Test func rebindingWithoutARecordIsNAKedOnlyByAnAuthority() {
        let desk = Desk()
        #expect(desk.receive(TestClient(1).extend(address("10.1.0.100"))).type == .nak)
        let shy = Desk { $0.authoritative = false }
        #expect(shy.receive(TestClient(1).extend(address("10.1.0.100"))).dropped == .noRecord)
    }

    @Test func rebindingExtends() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        desk.wait(seconds: 3200)
        #expect(desk.receive(TestClient(1).extend(mine)).type == .ack)
    }

    @Test func renewingSomebodyElsesAddressIsNAKed() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        #expect(desk.receive(TestClient(2).extend(mine), to: server).type == .nak)
    }

    @Test func aRequestForNothingIsMalformedUnlessToldOtherwise() throws {
        let desk = Desk()
        var bare = TestClient(1).discover()
        bare.messageType = .request
        _ = try #require(desk.bind(TestClient(1)))
        #expect(desk.receive(bare).dropped == .malformed)
        let kind = Desk { $0.compatibility = [.acceptBareRequest] }
        _ = try #require(kind.bind(TestClient(1)))
        #expect(kind.receive(bare).type == .ack)
    }

    @Test func withoutTheTermNothingDynamicIsAnswered() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        desk.standing = .onDeck
        #expect(desk.receive(TestClient(2).discover()).dropped == .notUpToBat)
        #expect(desk.receive(TestClient(1).extend(mine), to: server).dropped == .notUpToBat)
        #expect(desk.receive(TestClient(1).reboot(mine)).dropped == .notUpToBat)
    }

    @Test func aNAKCarriesNothingButWhatTable3Allows() throws {
        let desk = Desk { $0.options = [OptionSetting(code: 6, value: [10, 1, 0, 1])] }
        var client = TestClient(1)
        client.relay = address("10.1.0.254")
        client.options = [(.relayAgentInformation, [1, 2, 0x68, 0x69]), (.clientIdentifier, [1, 2, 3])]
        let nak = try #require(desk.receive(client.reboot(address("192.0.2.9"))).reply)
        var codes: [UInt8] = []
        for (code, _) in nak.options { codes.append(code.rawValue) }
        #expect(Set(codes) == [54, 56, 61])
        #expect(nak.relayAgentInformation == [1, 2, 0x68, 0x69])
        #expect(nak.yourAddress == .any)
        #expect(nak.nextServer == .any)
    }
}
