// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// Option 54 and the source of replies, where a network has a virtual address.
@Suite struct ServerIdentityTests {
    static let vip = IPv4Address(10, 1, 0, 2)

    static func desk(_ identity: ServerIdentity, holds: Bool) -> Desk {
        let desk = Desk(isShared: true) { network in
            network.virtualAddress = vip
            network.serverIdentity = identity
        }
        if holds { desk.furtherAddresses = [vip] }
        return desk
    }

    @Test func byDefaultANodeSpeaksForItself() throws {
        let desk = Self.desk(.node, holds: true)
        let offer = try #require(desk.receive(TestClient(1).discover()).planned)
        #expect(offer.reply.options.address(.serverIdentifier) == desk.ownAddress)
        #expect(offer.source == desk.ownAddress)
    }

    /// However the kernel sorts the addresses.
    @Test func alsoWhereTheVirtualAddressComesFirst() throws {
        let desk = Self.desk(.node, holds: false)
        desk.furtherAddresses = [desk.ownAddress]
        let own = desk.ownAddress
        desk.ownAddress = Self.vip
        let offer = try #require(desk.receive(TestClient(1).discover()).planned)
        #expect(offer.reply.options.address(.serverIdentifier) == own && offer.source == own)
    }

    @Test func whoHasTheAddressSpeaksWithIt() throws {
        let desk = Self.desk(.vip, holds: true)
        let client = TestClient(1)
        let offer = try #require(desk.receive(client.discover()).planned)
        #expect(offer.reply.options.address(.serverIdentifier) == Self.vip && offer.source == Self.vip)
        let ack = try #require(desk.receive(client.request(offer.reply.yourAddress, from: Self.vip)).planned)
        #expect(ack.reply.messageType == .ack && ack.reply.options.address(.serverIdentifier) == Self.vip)
        let renewed = try #require(desk.receive(client.extend(ack.reply.yourAddress), to: Self.vip).planned)
        #expect(renewed.reply.messageType == .ack && renewed.source == Self.vip)
    }

    /// A node that does not have it sends from its own address, which is one.
    @Test func whoHasItNotNamesIt() throws {
        let desk = Self.desk(.vip, holds: false)
        let offer = try #require(desk.receive(TestClient(1).discover()).planned)
        #expect(offer.reply.options.address(.serverIdentifier) == Self.vip)
        #expect(offer.source == desk.ownAddress)
    }

    /// The offer was another node's; whoever is up to bat takes the choice, and nobody else.
    @Test func aChoiceOfItIsTakenByWhoIsUpToBat() throws {
        let client = TestClient(1)
        let first = Self.desk(.vip, holds: true)
        let address = try #require(first.receive(client.discover()).reply?.yourAddress)
        let next = Self.desk(.vip, holds: false)
        next.standing = .onDeck
        #expect(next.receive(client.request(address, from: Self.vip)).dropped == .notUpToBat)
        next.standing = .upToBat
        #expect(next.receive(client.request(address, from: Self.vip)).type == .ack)
    }

    /// The operator went back to each node's own: clients still come with what they were given.
    @Test func anIdentifierOfBeforeIsStillOurs() throws {
        let desk = Self.desk(.node, holds: false)
        let client = TestClient(1)
        let address = try #require(desk.receive(client.discover()).reply?.yourAddress)
        #expect(desk.receive(client.request(address, from: Self.vip)).type == .ack)
        let foreign = IPv4Address(10, 1, 0, 3)
        #expect(desk.receive(client.request(address, from: foreign)).dropped == .otherServer)
    }

    @Test(arguments: [
        (ServerIdentity.node, true, "10.1.0.1, this node's own address, where the client reached it"),
        (.vip, true, "10.1.0.2, the network's vip, which this node has now"),
        (
            .vip, false,
            "10.1.0.2, the network's vip, which the node up to bat has; this node does not have it now"
        ),
        (.address(IPv4Address(10, 1, 0, 9)), true, "10.1.0.9, the network's server-id"),
    ])
    func explainSaysWhich(identity: ServerIdentity, holds: Bool, answer: String) {
        let desk = Self.desk(identity, holds: holds)
        let trace = DecisionTrace()
        _ = desk.decide(TestClient(1).discover(), trace: trace)
        #expect(trace.steps.first { $0.question == "server identifier" }?.answer == answer)
    }
}
