// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// rules/dhcp 2 and 4: what a reply carries.
@Suite struct ReplyOptionTests {
    static let routers = OptionSetting(code: 3, value: [10, 1, 0, 254])
    static let classless = OptionSetting(code: 121, value: [0, 10, 1, 0, 254])
    static let dns = OptionSetting(code: 6, value: [10, 1, 0, 1])

    private func codes(_ options: DHCPOptions) -> [UInt8] {
        var codes: [UInt8] = []
        for (code, _) in options { codes.append(code.rawValue) }
        return codes
    }

    private func offer(
        _ desk: Desk, asking list: [UInt8]?, _ more: [(DHCPOptionCode, [UInt8])] = []
    ) throws -> DHCPReply {
        var client = TestClient(1)
        client.options = more
        if let list { client.options.append((.parameterRequestList, list)) }
        return try #require(desk.receive(client.discover()).reply)
    }

    @Test func theServersOwnComeFirstAndTimesAreTheRFCs() throws {
        let desk = Desk()
        let offer = try offer(desk, asking: [])
        #expect(codes(offer.options) == [54, 51, 58, 59, 1])
        #expect(offer.options.uint32(.leaseTime) == 3600)
        #expect(offer.options.uint32(.renewalTime) == 1800)
        #expect(offer.options.uint32(.rebindingTime) == 3150)
        #expect(offer.options.address(.subnetMask) == address("255.255.255.0"))
        #expect(offer.options.address(.serverIdentifier) == address("10.1.0.1"))
    }

    @Test func theOperatorsComeInTheClientsOrder() throws {
        let desk = Desk { $0.options = [Self.routers, Self.dns, OptionSetting(code: 42, value: [10, 1, 0, 9])] }
        #expect(codes(try offer(desk, asking: [6, 3]).options).suffix(2) == [6, 3])
        #expect(codes(try offer(desk, asking: [3, 6, 3]).options).suffix(2) == [3, 6])
    }

    @Test func withoutAListAllAreSent() throws {
        let desk = Desk { $0.options = [Self.routers, Self.dns] }
        #expect(codes(try offer(desk, asking: nil).options).suffix(2) == [3, 6])
    }

    @Test func reservationBeatsSubnetBeatsNetwork() throws {
        let desk = Desk {
            $0.options = [Self.routers, Self.dns]
            $0.subnets[0].options = [OptionSetting(code: 3, value: [10, 1, 0, 253])]
        }
        #expect(try offer(desk, asking: [3]).options.address(.routers) == address("10.1.0.253"))
        var reservation = Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac))
        reservation.options = [OptionSetting(code: 3, value: [10, 1, 0, 252])]
        desk.add(.reservation(reservation))
        let own = try offer(desk, asking: [3, 6])
        #expect(own.options.address(.routers) == address("10.1.0.252"))
        #expect(own.options.address(.domainNameServers) == address("10.1.0.1"))
    }

    @Test func classlessRoutesSuppressRoutersAndStaticRoutes() throws {
        let desk = Desk {
            $0.options = [Self.routers, Self.classless, OptionSetting(code: 33, value: [1, 2, 3, 4, 10, 1, 0, 254])]
        }
        #expect(codes(try offer(desk, asking: [1, 3, 33, 121]).options).suffix(1) == [121])
        #expect(codes(try offer(desk, asking: [3, 33]).options).suffix(2) == [3, 33])
    }

    @Test func microsoftsNumberForClasslessRoutesIsAnAlias() throws {
        let desk = Desk { $0.options = [Self.classless] }
        let offer = try offer(desk, asking: [249])
        #expect(offer.options.bytes(.microsoftClasslessRoutes) == Self.classless.value)
    }

    @Test func theClientIdentifierIsEchoedUnlessSwitchedOff() throws {
        let desk = Desk()
        #expect(
            try offer(desk, asking: [], [(.clientIdentifier, [1, 2, 3])]).options.bytes(.clientIdentifier) == [1, 2, 3])
        let old = Desk { $0.compatibility = [.noClientIdentifierEcho] }
        #expect(try offer(old, asking: [], [(.clientIdentifier, [1, 2, 3])]).options.bytes(.clientIdentifier) == nil)
    }

    @Test func option82IsEchoedByteForByte() throws {
        let desk = Desk()
        var client = TestClient(1)
        client.relay = address("10.1.0.254")
        client.options = [(.relayAgentInformation, [1, 2, 7, 8, 2, 1, 9, 151, 1, 0])]
        #expect(desk.receive(client.discover()).reply?.relayAgentInformation == [1, 2, 7, 8, 2, 1, 9, 151, 1, 0])
    }

    @Test func option82OfARenewingClientIsEchoed() throws {
        let desk = Desk()
        let mine = try #require(desk.bind(TestClient(1)))
        var packet = TestClient(1).extend(mine)
        packet.options.append(.relayAgentInformation, [1, 1, 5])
        #expect(desk.receive(packet, to: desk.ownAddress).reply?.relayAgentInformation == [1, 1, 5])
    }

    @Test func linkSelectionChoosesTheSubnetAndGiaddrGetsTheReply() throws {
        let desk = Desk()
        var far = Network(name: "far")
        far.unknown = .lease
        var subnet = Subnet(subnet: IPv4Subnet("10.9.0.0/24")!)
        subnet.pools = [IPv4Range("10.9.0.10-10.9.0.20")!]
        far.subnets = [subnet]
        desk.add(.network(far))
        var client = TestClient(1)
        client.relay = address("10.1.0.254")
        client.options = [(.relayAgentInformation, [5, 4, 10, 9, 0, 1])]
        let planned = try #require(desk.receive(client.discover()).planned)
        #expect(IPv4Range("10.9.0.10-10.9.0.20")!.contains(planned.reply.yourAddress))
        #expect(planned.route == .unicast(to: address("10.1.0.254"), port: 67))
        client.options = [(.relayAgentInformation, [5, 4, 192, 0, 2, 1])]
        #expect(desk.receive(client.discover()).dropped == .noNetwork)
    }

    @Test func theRelaysServerIdentifierStandsInTheReplyAndIsAcceptedLater() throws {
        let desk = Desk()
        var client = TestClient(1)
        client.relay = address("10.1.0.254")
        client.options = [(.relayAgentInformation, [11, 4, 10, 1, 0, 254])]
        let offer = try #require(desk.receive(client.discover()).reply)
        #expect(offer.options.address(.serverIdentifier) == address("10.1.0.254"))
        #expect(desk.receive(client.request(offer.yourAddress, from: address("10.1.0.254"))).type == .ack)
    }

    @Test func subnetSelectionIsOffUntilSwitchedOnAndThenEchoed() throws {
        func network(_ network: inout Network) {
            var second = Subnet(subnet: IPv4Subnet("10.2.0.0/24")!)
            second.pools = [IPv4Range("10.2.0.10-10.2.0.20")!]
            network.subnets.append(second)
        }
        let wish: [(DHCPOptionCode, [UInt8])] = [(.subnetSelection, [10, 2, 0, 0])]
        let off = Desk(network)
        let plain = try offer(off, asking: [], wish)
        #expect(IPv4Subnet("10.1.0.0/24")!.contains(plain.yourAddress))
        #expect(plain.options[.subnetSelection] == nil)
        let on = Desk {
            network(&$0); $0.compatibility = [.subnetSelection]
        }
        let chosen = try offer(on, asking: [], wish)
        #expect(IPv4Subnet("10.2.0.0/24")!.contains(chosen.yourAddress))
        #expect(chosen.options.bytes(.subnetSelection) == [10, 2, 0, 0])
    }

    @Test func theLeaseIsWhatTheClientWishesWithinBounds() throws {
        let desk = Desk { $0.leaseSecondsMax = 7200 }
        func lease(_ wish: UInt32) throws -> UInt32? {
            var bytes: [UInt8] = []
            bytes.append(uint32: wish)
            return try offer(desk, asking: [], [(.leaseTime, bytes)]).options.uint32(.leaseTime)
        }
        #expect(try lease(600) == 600)
        #expect(try lease(100_000) == 7200)
        #expect(try lease(.max) == 7200)
        #expect(try lease(1) == Limits.leaseSecondsMin)
    }

    @Test func aHostnameIsSentWhenItIsAskedFor() throws {
        let desk = Desk()
        var reservation = Reservation(network: "rack", address: address("10.1.0.20"), identity: .mac(TestClient(1).mac))
        reservation.hostname = "web1"
        desk.add(.reservation(reservation))
        #expect(try offer(desk, asking: [12]).options.bytes(.hostName) == Array("web1".utf8))
        #expect(try offer(desk, asking: [1]).options.bytes(.hostName) == nil)
    }

    @Test func severalSubnetsOfALinkFillOneAfterTheOther() throws {
        let desk = Desk {
            $0.subnets[0].pools = [IPv4Range("10.1.0.100")!]
            var second = Subnet(subnet: IPv4Subnet("10.2.0.0/25")!)
            second.pools = [IPv4Range("10.2.0.10")!]
            $0.subnets.append(second)
        }
        #expect(desk.receive(TestClient(1).discover()).reply?.yourAddress == address("10.1.0.100"))
        let second = try #require(desk.receive(TestClient(2).discover()).reply)
        #expect(second.yourAddress == address("10.2.0.10"))
        #expect(second.options.address(.subnetMask) == address("255.255.255.128"))
        #expect(desk.receive(TestClient(3).discover()).dropped == .poolFull)
    }

    @Test func aRelayOutsideItsSubnetIsFoundByName() throws {
        let desk = Desk { $0.subnets[0].relays = [address("192.0.2.1")] }
        var client = TestClient(1)
        client.relay = address("192.0.2.1")
        #expect(desk.receive(client.discover()).type == .offer)
        client.relay = address("192.0.2.2")
        #expect(desk.receive(client.discover()).dropped == .noNetwork)
    }
}
