// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct VirtualAddressPlanTests {
    static let vip = IPv4Address(10, 64, 0, 2)

    static func network(_ change: (inout Network) -> Void = { _ in }) -> Network {
        var network = Network(name: "lab")
        network.subnets = [
            Subnet(subnet: IPv4Subnet("10.63.0.0/24")!), Subnet(subnet: IPv4Subnet("10.64.0.0/24")!),
        ]
        network.virtualAddress = vip
        change(&network)
        return network
    }

    static func place(_ name: String, _ addresses: String...) -> VirtualAddressPlan.Place {
        VirtualAddressPlan.Place(
            name: name,
            addresses: addresses.map { text in
                let parts = text.split(separator: "/")
                return (IPv4Address(String(parts[0]))!, Int(parts[1])!)
            })
    }

    static func plan(
        of network: Network = network(), held: Set<String> = ["lab"], doubtful: Set<String> = [],
        _ places: VirtualAddressPlan.Place...
    ) -> VirtualAddressPlan {
        VirtualAddressPlan([network], held: held, doubtful: doubtful, places: places)
    }

    @Test func whoIsUpToBatHasItWhereItStands() {
        let plan = Self.plan(Self.place("eth0", "10.9.0.1/24"), Self.place("eth1", "10.64.0.7/24"))
        #expect(plan.wishes.map(\.address) == [VirtualAddress(Self.vip, prefixLength: 24, interface: "eth1")])
        #expect(plan.wishes.allSatisfy { $0.network == "lab" && $0.isFirm })
        #expect(plan.impossible.isEmpty)
    }

    @Test func nobodyElseHasIt() {
        let place = Self.place("eth1", "10.64.0.7/24")
        #expect(Self.plan(held: [], place) == VirtualAddressPlan())
        #expect(Self.plan(held: ["other"], place) == VirtualAddressPlan())
        #expect(Self.plan(of: Self.network { $0.virtualAddress = nil }, place) == VirtualAddressPlan())
        #expect(Self.plan(of: Self.network { $0.mode = .static }, place) == VirtualAddressPlan())
    }

    @Test func whoCannotKnowHasItWithADoubt() {
        let plan = Self.plan(held: [], doubtful: ["lab"], Self.place("eth1", "10.64.0.7/24"))
        #expect(plan.wishes.map(\.isFirm) == [false])
    }

    /// Its own subnet before another one of the link; itself is no reason to stay.
    @Test func theInterfaceIsTheOneOnTheLink() {
        let both = Self.plan(Self.place("eth0", "10.63.0.7/24"), Self.place("eth1", "10.64.0.7/24"))
        #expect(both.wishes.first?.address.interface == "eth1")
        let other = Self.plan(Self.place("eth0", "10.63.0.7/24"))
        #expect(other.wishes.first?.address == VirtualAddress(Self.vip, prefixLength: 24, interface: "eth0"))
        let itself = Self.plan(Self.place("eth0", "10.64.0.2/24"))
        #expect(itself.wishes.isEmpty)
        #expect(
            itself.impossible == [
                "lab": "virtual address 10.64.0.2: no interface of this machine has an address in lab"
            ])
        let named = Self.plan(of: Self.network { $0.interface = "br0" }, Self.place("eth1", "10.64.0.7/24"))
        #expect(named.wishes.first?.address == VirtualAddress(Self.vip, prefixLength: 24, interface: "br0"))
    }

    /// Then it is a second address beside the first one, and no route changes.
    @Test func thePrefixIsThatOfTheInterfacesOwnAddress() {
        #expect(Self.plan(Self.place("eth1", "10.64.0.7/16")).wishes.first?.address.prefixLength == 16)
    }
}

@Suite struct VirtualAddressDeskTests {
    static let address = VirtualAddress(VirtualAddressPlanTests.vip, prefixLength: 24, interface: "eth0")
    static let wish = VirtualAddressPlan.Wish(network: "lab", address: address)
    static let doubt = VirtualAddressPlan.Wish(network: "lab", address: address, isFirm: false)

    var desk = VirtualAddressDesk()
    var present: Set<VirtualAddress> = []
    var now = Uptime(milliseconds: 1_000_000)

    /// Does what the desk says, in a world where everything succeeds.
    mutating func look(_ wanted: [VirtualAddressPlan.Wish], after milliseconds: Int64 = 0) -> [VirtualAddressDesk.Step]
    {
        now = now.adding(milliseconds: milliseconds)
        var all: [VirtualAddressDesk.Step] = []
        for _ in 0..<3 {
            for step in desk.steps(wanted: wanted, present: present, now: now) {
                all.append(step)
                switch step {
                case .add(let wish): present.insert(wish.address)
                case .remove(let address): present.remove(address)
                case .announce: continue
                }
                desk.ended(Self.address, isDone: true, now: now)
            }
        }
        return all
    }

    @Test mutating func itIsAddedAndAnnouncedAndRemoved() {
        #expect(look([]) == [] && desk.nextLook == nil)
        #expect(look([Self.wish]) == [.add(Self.wish), .announce(Self.address)])
        #expect(look([Self.wish]) == [])
        #expect(look([]) == [.remove(Self.address)])
        #expect(desk.nextLook == nil)
    }

    /// Several times at first, then for ever: a frozen node still answers ARP.
    @Test mutating func itIsAnnouncedAgainAndAgain() {
        _ = look([Self.wish])
        let start = now
        var times: [Int64] = []
        while now.millisecondsSince(start) < 10_000 {
            let next = desk.nextLook ?? now
            #expect(next > now)
            let steps = look([Self.wish], after: next.millisecondsSince(now))
            if steps == [.announce(Self.address)] { times.append(now.millisecondsSince(start)) }
        }
        #expect(times == [100, 300, 1_000, 2_000, 4_000, 6_000, 8_000, 10_000])
    }

    @Test mutating func whatSomebodyTookAwayComesBackAndWhatACrashLeftGoes() {
        _ = look([Self.wish])
        present = []
        #expect(look([Self.wish], after: 500) == [.add(Self.wish), .announce(Self.address)])
        let old = VirtualAddress(IPv4Address(10, 64, 0, 9), prefixLength: 24, interface: "eth0")
        present.insert(old)
        #expect(look([Self.wish], after: 10) == [.remove(old)])
    }

    @Test mutating func whatTheKernelRefusesIsTriedEverySecond() {
        #expect(desk.steps(wanted: [Self.wish], present: [], now: now) == [.add(Self.wish)])
        desk.ended(Self.address, isDone: false, now: now)
        #expect(desk.steps(wanted: [Self.wish], present: [], now: now) == [])
        #expect(desk.nextLook == now.adding(milliseconds: 1_000))
        #expect(look([Self.wish], after: 999) == [])
        #expect(look([Self.wish], after: 1) == [.add(Self.wish), .announce(Self.address)])
    }

    @Test mutating func inDoubtItIsKeptUntilSomebodyElseAnnouncesIt() {
        #expect(look([Self.doubt]) == [])
        _ = look([Self.wish])
        #expect(look([Self.doubt], after: 50) == [])
        #expect(desk.heard(Self.address, now: now) == .yield)
        #expect(look([Self.doubt]) == [.remove(Self.address)])
        #expect(look([Self.doubt], after: 1_000) == [])
        #expect(desk.heard(Self.address, now: now) == .ignore)
        #expect(look([Self.wish], after: 1_000) == [.add(Self.wish), .announce(Self.address)])
    }

    @Test mutating func itIsDefendedAndThatIsSaidOnce() {
        #expect(desk.heard(Self.address, now: now) == .ignore)
        _ = look([Self.wish])
        #expect(desk.heard(Self.address, now: now) == .defend(isNews: true))
        #expect(desk.heard(Self.address, now: now) == .ignore)
        #expect(desk.heard(Self.address, now: now.adding(milliseconds: 500)) == .defend(isNews: false))
    }

    /// It may have lost the term while it stood still, and would take the address away from the new holder.
    @Test mutating func afterStandingStillNothingIsAnnouncedAtOnce() {
        _ = look([Self.wish])
        now = now.adding(milliseconds: 4_000)
        #expect(desk.heard(Self.address, now: now) == .ignore)
        #expect(look([Self.wish]) == [])
        #expect(look([Self.wish], after: 299) == [])
        #expect(look([Self.wish], after: 1) == [.announce(Self.address)])
    }
}
