// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// rules/dhcp 1: where the reply goes (RFC 2131 4.1), row by row.
@Suite struct ReplyRouteTests {
    @Test func aRelayGetsItsReplyOnPort67() throws {
        let desk = Desk()
        var client = TestClient(1)
        client.relay = address("10.1.0.254")
        let planned = try #require(desk.receive(client.discover()).planned)
        #expect(planned.route == .unicast(to: address("10.1.0.254"), port: 67))
        #expect(planned.source == desk.ownAddress)
    }

    @Test func aNAKThroughARelayHasTheBroadcastFlag() throws {
        let desk = Desk()
        var client = TestClient(1)
        client.relay = address("10.1.0.254")
        let planned = try #require(desk.receive(client.reboot(address("192.0.2.9"))).planned)
        #expect(planned.reply.messageType == .nak)
        #expect(planned.reply.flags & 0x8000 != 0)
        #expect(planned.route == .unicast(to: address("10.1.0.254"), port: 67))
    }

    @Test func aRenewingClientGetsUnicast() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        let planned = try #require(desk.receive(TestClient(1).extend(mine), to: desk.ownAddress).planned)
        #expect(planned.reply.messageType == .ack)
        #expect(planned.route == .unicast(to: mine, port: 68))
        #expect(planned.reply.clientAddress == mine)
    }

    @Test func theBroadcastFlagIsHonoured() throws {
        let desk = Desk()
        var client = TestClient(1)
        client.flags = 0x8000
        #expect(try #require(desk.receive(client.discover()).planned).route == .broadcast(port: 68))
    }

    @Test func anUnconfiguredClientGetsAFrameOfItsOwn() throws {
        let desk = Desk()
        let planned = try #require(desk.receive(TestClient(7).discover()).planned)
        #expect(planned.route == .linkLayer(to: planned.reply.yourAddress, mac: TestClient(7).mac, port: 68))
    }

    @Test func alwaysBroadcastIsASwitch() throws {
        let desk = Desk { $0.compatibility = [.alwaysBroadcast] }
        #expect(try #require(desk.receive(TestClient(7).discover()).planned).route == .broadcast(port: 68))
    }

    @Test func aNAKOnTheLinkIsBroadcast() throws {
        let desk = Desk()
        let planned = try #require(desk.receive(TestClient(1).reboot(address("192.0.2.9"))).planned)
        #expect(planned.reply.messageType == .nak)
        #expect(planned.route == .broadcast(port: 68))
    }

    @Test func aRelayWithASourcePortIsAnsweredThere() throws {
        let desk = Desk()
        desk.relaySourcePort = 1067
        var client = TestClient(1)
        client.relay = address("10.1.0.254")
        let plain = try #require(desk.receive(client.discover()).planned)
        #expect(plain.route == .unicast(to: client.relay, port: 67))
        client.options = [(.relayAgentInformation, [19, 0, 1, 2, 65, 66])]
        let asked = try #require(desk.receive(client.discover()).planned)
        #expect(asked.route == .unicast(to: client.relay, port: 1067))
    }

    @Test func aClientWithoutAHardwareAddressIsReachedByBroadcast() throws {
        let desk = Desk()
        var packet = TestClient(1).discover()
        packet.hardware = ClientHardware(type: 32, length: 0, high: 0, low: 0)
        packet.options.append(.clientIdentifier, [0xff, 1, 2, 3, 4, 5])
        #expect(try #require(desk.receive(packet).planned).route == .broadcast(port: 68))
    }

    @Test func withoutHardwareAddressAndIdentifierThereIsNobody() {
        let desk = Desk()
        var packet = TestClient(1).discover()
        packet.hardware = ClientHardware(type: 32, length: 0, high: 0, low: 0)
        #expect(desk.receive(packet).dropped == .noIdentity)
    }
}
