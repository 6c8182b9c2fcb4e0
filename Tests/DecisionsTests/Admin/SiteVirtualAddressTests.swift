// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct SiteVirtualAddressTests {
    var draft = Draft()

    private mutating func problems(
        _ vip: IPv4Address, nodes: [IPv4Address: String] = [:], _ change: (inout Network) -> Void = { _ in }
    ) -> [String] {
        draft.network("a", ["10.64.0.0/24", "10.65.0.0/24"], pools: [["10.64.0.100-10.64.0.199"]]) { network in
            network.virtualAddress = vip
            change(&network)
        }
        return SiteValidation.check(draft.site, nodeAddresses: nodes).problems.map(\.description)
    }

    @Test mutating func anyAddressOfTheLinkThatNobodyElseHas() {
        #expect(problems(IPv4Address(10, 64, 0, 2)) == [])
        #expect(problems(IPv4Address(10, 65, 0, 2)) { $0.serverIdentity = .vip } == [])
        #expect(problems(IPv4Address(10, 64, 0, 2), nodes: [IPv4Address(10, 64, 0, 1): "n1"]) == [])
        // An excluded part of a pool is nobody's.
        let inPool = IPv4Address(10, 64, 0, 150)
        #expect(problems(inPool) { $0.subnets[0].exclusions = [IPv4Range(first: inPool, last: inPool)] } == [])
    }

    static let refused: [(IPv4Address, String)] = [
        (IPv4Address(10, 66, 0, 2), "10.66.0.2 is in no subnet of a"),
        (IPv4Address(10, 64, 0, 0), "10.64.0.0 is the address of subnet 10.64.0.0/24 itself"),
        (IPv4Address(10, 64, 0, 255), "10.64.0.255 is the broadcast address of 10.64.0.0/24"),
        (
            IPv4Address(10, 64, 0, 150),
            "10.64.0.150 is in 10.64.0.100-10.64.0.199, subnets[0].pools[0] (exclude it there, or take another one)"
        ),
        (
            IPv4Address(10, 64, 0, 9),
            "10.64.0.9 is an address of node n2 already (a virtual address is added and removed by OnDeck; take it out "
                + "of that machine's configuration)"
        ),
    ]

    @Test(arguments: refused) mutating func othersAreNot(vip: IPv4Address, problem: String) {
        #expect(problems(vip, nodes: [IPv4Address(10, 64, 0, 9): "n2"]) == ["networks.a.vip: \(problem)"])
    }

    @Test(arguments: [
        (NetworkMode.static, "every node answers there"), (.proxy, "every node offers boot data there"),
    ])
    mutating func whereNobodyIsUpToBatNobodyCouldHoldIt(mode: NetworkMode, way: String) {
        let found = problems(IPv4Address(10, 64, 0, 2)) { $0.mode = mode }
        #expect(
            found == [
                "networks.a.vip: a \(mode.rawValue) network has no node up to bat that could hold it: \(way) "
                    + "(set mode: dynamic; it needs no pools)"
            ])
    }

    @Test mutating func behindARelayNobodyCouldEither() {
        let far: [IPv4Address: String] = [IPv4Address(10, 9, 0, 1): "n1"]
        let found = problems(IPv4Address(10, 64, 0, 2), nodes: far)
        #expect(found.count == 1 && found[0].hasPrefix("networks.a.vip: no node has an address in a: "))
        #expect(problems(IPv4Address(10, 64, 0, 2), nodes: far) { $0.interface = "eth1" } == [])
    }

    @Test mutating func aReservationHasAnother() {
        draft.reservation("a", IPv4Address(10, 64, 0, 2), .mac(mac(1)))
        #expect(
            problems(IPv4Address(10, 64, 0, 2)) == [
                "reservations.a/10.64.0.2.address: 10.64.0.2 is the network's vip"
            ])
    }

    /// Subnets do not overlap, so that two networks cannot have one without a mistake that is named.
    @Test mutating func twoNetworksHaveTwo() {
        draft.network("b", ["10.70.0.0/24"]) { $0.virtualAddress = IPv4Address(10, 64, 0, 2) }
        #expect(problems(IPv4Address(10, 64, 0, 2)) == ["networks.b.vip: 10.64.0.2 is in no subnet of b"])
    }

    @Test mutating func theServerIdentifierCannotBeWhatIsNotThere() {
        draft.network("a", ["10.64.0.0/24"]) { $0.serverIdentity = .vip }
        #expect(draft.problems == ["networks.a.server-id: the network has no vip (give it one: vip: 10.64.0.2)"])
    }
}
