// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// RFC 2131 4.3.1: the order in which an address is chosen, offers that are kept, and who gets none.
@Suite struct AddressChoiceTests {
    let server = address("10.1.0.1")

    @Test func theCurrentBindingComesFirst() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        let wish = address("10.1.0.100").bits == mine.bits ? address("10.1.0.101") : address("10.1.0.100")
        #expect(desk.receive(TestClient(1).discover(wishing: wish)).reply?.yourAddress == mine)
    }

    @Test func thenThePreviousOneIfItIsFree() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        desk.wait(seconds: 7200)
        #expect(desk.receive(TestClient(1).discover()).reply?.yourAddress == mine)
    }

    @Test func thenTheWishIfItIsFreeAndDynamic() {
        let desk = Desk()
        let wish = address("10.1.0.107")
        #expect(desk.receive(TestClient(1).discover(wishing: wish)).reply?.yourAddress == wish)
        let outside = desk.receive(TestClient(2).discover(wishing: address("10.1.0.50"))).reply?.yourAddress
        #expect(outside.map { IPv4Range("10.1.0.100-10.1.0.109")!.contains($0) } == true)
    }

    @Test func thenTheSameOneAfterARestart() {
        let first = Desk()
        let second = Desk()
        for number in 1...5 {
            let a = first.receive(TestClient(number).discover()).reply?.yourAddress
            let b = second.receive(TestClient(number).discover()).reply?.yourAddress
            #expect(a != nil && a == b)
        }
    }

    @Test func anOfferedAddressIsNotOfferedToAnother() {
        let desk = Desk()
        let offers = (1...10).compactMap { desk.receive(TestClient($0).discover()).reply?.yourAddress }
        #expect(Set(offers).count == 10)
        #expect(desk.receive(TestClient(11).discover()).dropped == .poolFull)
        desk.wait(seconds: Limits.offerHoldSeconds + 1)
        #expect(desk.receive(TestClient(11).discover()).type == .offer)
    }

    @Test func aRepeatedDiscoverGetsTheSameOffer() {
        let desk = Desk()
        let first = desk.receive(TestClient(1).discover()).reply?.yourAddress
        #expect(first != nil && desk.receive(TestClient(1).discover()).reply?.yourAddress == first)
    }

    @Test func anExpiredLeaseIsGivenToAnotherOnlyWhenNothingFresherIsLeft() throws {
        let desk = Desk()
        let old = try #require(desk.bind(TestClient(1)))
        desk.wait(seconds: 7200)
        let others = (2...10).compactMap { desk.receive(TestClient($0).discover()).reply?.yourAddress }
        #expect(others.count == 9 && !others.contains(old))
        #expect(desk.receive(TestClient(11).discover()).reply?.yourAddress == old)
    }

    /// Routers and name servers are what the network says, our own addresses what the interface and the cluster say.
    @Test(arguments: [false, true])
    func addressesThatSomebodyHasAreNeverDynamic(wished: Bool) {
        let desk = Desk {
            $0.subnets[0].pools = [IPv4Range("10.1.0.1-10.1.0.8")!]
            $0.options = [OptionSetting(code: 3, value: [10, 1, 0, 4, 10, 1, 0, 5])]
            $0.subnets[0].options = [OptionSetting(code: 6, value: [10, 1, 0, 6, 192, 168, 0, 1])]
            $0.subnets[0].relays = [address("10.1.0.7")]
        }
        desk.furtherAddresses = [address("10.1.0.2")]
        desk.siblings = [address("10.1.0.3")]
        let wishes = (1...7).map { wished ? IPv4Address(10, 1, 0, UInt8($0)) : nil }
        let offers = wishes.enumerated().compactMap {
            desk.receive(TestClient($0.offset).discover(wishing: $0.element)).reply?.yourAddress
        }
        #expect(offers == [address("10.1.0.8")])
    }

    /// The server moved to an address that a client has: the client gives way.
    @Test func aClientWithOurAddressIsToldSo() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        desk.furtherAddresses = [mine]
        #expect(desk.receive(TestClient(1).extend(mine), to: desk.ownAddress).type == .nak)
        #expect(desk.receive(TestClient(1).discover()).reply?.yourAddress != mine)
    }

    @Test func excludedReservedAndEndAddressesAreNeverDynamic() {
        let desk = Desk {
            $0.subnets[0].pools = [IPv4Range("10.1.0.0-10.1.0.4")!, IPv4Range("10.1.0.254-10.1.0.255")!]
            $0.subnets[0].exclusions = [IPv4Range("10.1.0.1-10.1.0.2")!]
        }
        desk.add(
            .reservation(Reservation(network: "rack", address: address("10.1.0.3"), identity: .mac(TestClient(99).mac)))
        )
        let offers = (1...3).compactMap { desk.receive(TestClient($0).discover()).reply?.yourAddress }
        #expect(Set(offers) == [address("10.1.0.4"), address("10.1.0.254")])
    }

    @Test func aReservationNeedsNoCommit() {
        let desk = Desk()
        desk.add(
            .reservation(Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac)))
        )
        #expect(desk.receive(TestClient(1).discover()).reply?.yourAddress == address("10.1.0.20"))
        let ack = desk.receive(TestClient(1).request(address("10.1.0.20"), from: server))
        #expect(ack.type == .ack && ack.committed == nil)
        #expect(desk.receive(TestClient(1).request(address("10.1.0.21"), from: server)).type == .nak)
    }

    @Test func reservationsGoByClientIdentifierUUIDAndCircuitToo() {
        let desk = Desk()
        let uuid = MachineUUID("11223344-5566-7788-99aa-bbccddeeff00")!
        func reserve(_ last: UInt8, _ identity: ClientIdentity) {
            desk.add(
                .reservation(Reservation(network: "rack", address: IPv4Address(10, 1, 0, last), identity: identity)))
        }
        reserve(30, .clientIdentifier([1, 2, 3]))
        reserve(31, .uuid(uuid))
        reserve(32, .circuit(Array("eth7".utf8)))
        var byIdentifier = TestClient(1)
        byIdentifier.options = [(.clientIdentifier, [1, 2, 3])]
        var byUUID = TestClient(2)
        byUUID.options = [(.clientUUID, [0] + uuid.smbiosOrder)]
        var byCircuit = TestClient(3)
        byCircuit.relay = address("10.1.0.254")
        byCircuit.options = [(.relayAgentInformation, [1, 4] + Array("eth7".utf8))]
        #expect(desk.receive(byIdentifier.discover()).reply?.yourAddress == address("10.1.0.30"))
        #expect(desk.receive(byUUID.discover()).reply?.yourAddress == address("10.1.0.31"))
        #expect(desk.receive(byCircuit.discover()).reply?.yourAddress == address("10.1.0.32"))
        // A client cannot claim a circuit: option 82 counts only from a relay (RFC 3046 2.1).
        byCircuit.relay = .any
        let claimed = desk.receive(byCircuit.discover()).reply
        #expect(claimed != nil && claimed?.yourAddress != address("10.1.0.32"))
        #expect(claimed?.relayAgentInformation == nil)
    }

    @Test func aStaticNetworkHasBindingsOnly() {
        let desk = Desk { $0.mode = .static }
        desk.add(
            .reservation(Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac)))
        )
        #expect(desk.receive(TestClient(1).discover()).type == .offer)
        #expect(desk.receive(TestClient(2).discover()).dropped == .noBinding)
    }

    @Test func unknownMachinesAreIgnoredByDefault() {
        let desk = Desk { $0.unknown = .ignore }
        #expect(desk.receive(TestClient(1).discover()).dropped == .unknownMachine)
        var machine = Machine(name: "web1")
        machine.macs = [TestClient(1).mac]
        desk.add(.machine(machine))
        #expect(desk.receive(TestClient(1).discover()).type == .offer)
    }

    @Test func theSameMACInTwoNetworksHasTwoBindings() {
        let desk = Desk()
        var far = Network(name: "far")
        var subnet = Subnet(subnet: IPv4Subnet("10.9.0.0/24")!)
        subnet.pools = []
        far.subnets = [subnet]
        desk.add(.network(far))
        desk.add(
            .reservation(Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac)))
        )
        desk.add(
            .reservation(Reservation(network: "far", address: address("10.9.0.20"), identity: .mac(TestClient(1).mac))))
        #expect(desk.receive(TestClient(1).discover()).reply?.yourAddress == address("10.1.0.20"))
        var relayed = TestClient(1)
        relayed.relay = address("10.9.0.1")
        #expect(desk.receive(relayed.discover()).reply?.yourAddress == address("10.9.0.20"))
    }

    @Test func identityIsTheMACUnlessTheNetworkSaysClientIdentifier() throws {
        var rom = TestClient(1)
        rom.options = [(.clientIdentifier, [0, 1])]
        var system = TestClient(1)
        system.options = [(.clientIdentifier, [0xff, 9, 9])]
        let boot = Desk()
        let a = try #require(boot.bind(rom))
        #expect(boot.bind(system) == a)
        let strict = Desk { $0.identity = .clientIdentifier }
        let b = try #require(strict.bind(rom))
        let c = try #require(strict.bind(system))
        #expect(b != c)
    }

    @Test func aNewAddressOnADirectLinkIsProbedAndAKnownOneIsNot() throws {
        let desk = Desk { $0.probe = true }
        guard case .probe(let probed, let offer) = desk.receive(TestClient(1).discover()) else {
            Issue.record("no probe")
            return
        }
        #expect(offer.reply.yourAddress == probed)
        guard case .reply = desk.receive(TestClient(1).discover()) else {
            Issue.record("an address that is held for the client was probed again")
            return
        }
        var relayed = TestClient(2)
        relayed.relay = address("10.1.0.254")
        guard case .reply = desk.receive(relayed.discover()) else {
            Issue.record("probed behind a relay")
            return
        }
    }
}
