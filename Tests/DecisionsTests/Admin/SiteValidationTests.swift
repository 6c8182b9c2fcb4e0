// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct SiteValidationTests {
    private var draft = Draft()

    @Test mutating func aGoodSiteHasNothingToSay() {
        draft.network("a", ["10.64.0.0/24", "10.64.1.0/24"], pools: [["10.64.0.100-10.64.0.199"]])
        draft.network("b", ["10.65.0.0/24"], pools: [["10.65.0.9", "10.65.0.10-10.65.0.19"]])
        draft.reservation("a", IPv4Address(10, 64, 1, 20), .mac(mac(1)))
        draft.machine("web1", [1, 2]) { $0.intent = .install(environment: "os") }
        draft.environment("os", .script(template: "go"), answers: ["x": "go"])
        draft.site.set(.template(Template(name: "go", text: "shell")))
        let findings = SiteValidation.check(draft.site)
        #expect(findings.problems == [])
        #expect(findings.warnings == [])
    }

    // MARK: Networks

    @Test mutating func subnetsOfTwoNetworksMustNotOverlap() {
        draft.network("a", ["10.64.0.0/16"], pools: [["10.64.0.9"]])
        draft.network("b", ["10.64.3.0/24"], pools: [["10.64.3.9"]])
        draft.network("c", ["10.64.3.128/25", "10.65.0.0/24"], pools: [["10.64.3.130"]])
        #expect(
            draft.problems == [
                "networks.b.subnets[0].subnet: 10.64.3.0/24 overlaps with 10.64.0.0/16, networks.a.subnets[0] "
                    + "(an address must belong to one network)",
                "networks.c.subnets[0].subnet: 10.64.3.128/25 overlaps with 10.64.0.0/16, networks.a.subnets[0] "
                    + "(an address must belong to one network)",
            ])
    }

    @Test mutating func subnetsOfOneNetworkMustNotOverlap() {
        draft.network("a", ["10.64.0.0/24", "10.64.0.0/24"], pools: [["10.64.0.9"]])
        #expect(
            draft.problems == [
                "networks.a.subnets[1].subnet: 10.64.0.0/24 overlaps with 10.64.0.0/24, networks.a.subnets[0]"
            ])
    }

    @Test mutating func poolsLieInTheirSubnetAndApart() {
        draft.network(
            "a", ["10.64.0.0/24"],
            pools: [
                [
                    "10.64.0.50-10.64.0.60", "10.64.0.250-10.64.1.5", "10.64.0.60-10.64.0.70",
                ]
            ])
        #expect(
            draft.problems == [
                "networks.a.subnets[0].pools[1]: 10.64.0.250-10.64.1.5 is not in subnet 10.64.0.0/24",
                "networks.a.subnets[0].pools[2]: 10.64.0.60-10.64.0.70 overlaps with 10.64.0.50-10.64.0.60, pools[0]",
            ])
    }

    @Test mutating func exclusionsLieInTheirSubnet() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9"]]) { network in
            let address = IPv4Address(10, 64, 1, 9)
            network.subnets[0].exclusions = [IPv4Range(first: address, last: address)]
        }
        #expect(draft.problems == ["networks.a.subnets[0].exclude[0]: 10.64.1.9 is not in subnet 10.64.0.0/24"])
    }

    @Test mutating func anInterfaceStandsOnOneLink() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9"]]) { $0.interface = "eth1" }
        draft.network("b", ["10.65.0.0/24"], pools: [["10.65.0.9"]]) { $0.interface = "eth1" }
        #expect(
            draft.problems == [
                "networks.b.interface: eth1 is the interface of networks.a too "
                    + "(one link is one network, with as many subnets as it has)"
            ])
    }

    @Test mutating func aRelayStandsForOneSubnet() {
        draft.network("a", ["10.64.0.0/24", "10.64.1.0/24"], pools: [["10.64.0.9"]]) { network in
            network.subnets[0].relays = [IPv4Address(10, 9, 0, 1), .any]
            network.subnets[1].relays = [IPv4Address(10, 9, 0, 1)]
        }
        #expect(
            draft.problems == [
                "networks.a.subnets[0].relays[1]: 0.0.0.0 is not the address of a relay",
                "networks.a.subnets[1].relays[0]: 10.9.0.1 is networks.a.subnets[0].relays[0] too "
                    + "(a relay's address must say which subnet is meant)",
            ])
    }

    @Test mutating func anUnknownEnvironmentForUnknownMachines() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9"]]) { $0.unknown = .environment("memtset") }
        draft.environment("memtest", .shell)
        #expect(draft.problems == ["networks.a.unknown: there is no environment memtset (known: memtest)"])
    }

    @Test mutating func leasesThatNoFileCouldHaveAreRefused() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9"]]) { $0.leaseSeconds = 5 }
        #expect(draft.problems == ["networks.a.lease: 5 s is not within 60 s to 315360000 s"])
    }

    // MARK: Reservations

    static let addresses: [(IPv4Address, String)] = [
        (
            IPv4Address(10, 64, 1, 20),
            "reservations.a/10.64.1.20.address: 10.64.1.20 is in no subnet of a (it has 10.64.0.0/24)"
        ),
        (
            IPv4Address(10, 64, 0, 0),
            "reservations.a/10.64.0.0.address: 10.64.0.0 is the address of subnet 10.64.0.0/24 itself"
        ),
        (
            IPv4Address(10, 64, 0, 255),
            "reservations.a/10.64.0.255.address: 10.64.0.255 is the broadcast address of 10.64.0.0/24"
        ),
        (
            IPv4Address(10, 64, 0, 1),
            "reservations.a/10.64.0.1.address: 10.64.0.1 is the network's server-id"
        ),
    ]

    @Test(arguments: addresses)
    mutating func anAddressThatNoClientCanHave(address: IPv4Address, problem: String) {
        draft.network("a", ["10.64.0.0/24"]) { network in
            network.mode = .static
            network.serverIdentity = .address(IPv4Address(10, 64, 0, 1))
        }
        draft.reservation("a", address, .mac(mac(1)))
        #expect(draft.problems == [problem])
    }

    @Test mutating func inASubnetOfTwoEveryAddressIsAHosts() {
        draft.network("a", ["10.64.0.0/31"]) { $0.mode = .static }
        draft.reservation("a", IPv4Address(10, 64, 0, 0), .mac(mac(1)))
        draft.reservation("a", IPv4Address(10, 64, 0, 1), .mac(mac(2)))
        #expect(draft.problems == [])
    }

    @Test mutating func oneReservationAClientInANetwork() {
        draft.network("a", ["10.64.0.0/24"]) { $0.mode = .static }
        draft.network("b", ["10.65.0.0/24"]) { $0.mode = .static }
        draft.reservation("a", IPv4Address(10, 64, 0, 20), .mac(mac(1)))
        draft.reservation("a", IPv4Address(10, 64, 0, 100), .mac(mac(1)))
        draft.reservation("b", IPv4Address(10, 65, 0, 20), .mac(mac(1)))
        #expect(
            draft.problems == [
                "reservations.a/10.64.0.100: mac 52:54:00:00:00:01 has 10.64.0.20 in a already "
                    + "(a client can have one reservation in a network)"
            ])
    }

    @Test mutating func aNetworkThatIsNotThereIsSaidOnce() {
        draft.reservation("a", IPv4Address(10, 64, 0, 20), .mac(mac(1)))
        draft.reservation("a", IPv4Address(10, 64, 0, 21), .mac(mac(2)))
        draft.network("rack", ["10.64.0.0/24"]) { $0.mode = .static }
        #expect(
            draft.problems == [
                "reservations.a/10.64.0.20.network: there is no network a; 2 reservations name it (known: rack)"
            ])
    }

    @Test mutating func aProxyNetworkReservesNothing() {
        draft.network("a", ["10.64.0.0/24"]) { $0.mode = .proxy }
        draft.reservation("a", IPv4Address(10, 99, 0, 20), .mac(mac(1)))
        #expect(draft.problems == [])
        #expect(
            draft.warnings == [
                "reservations.a/10.99.0.20: a is a proxy network: another server gives out the addresses"
            ])
    }

    // MARK: Machines and what they boot

    @Test mutating func aMACAddressIsOfOneMachine() {
        let uuid = MachineUUID(high: 1, low: 2)
        draft.machine("web1", [1, 2]) { $0.uuid = uuid }
        draft.machine("web2", [3, 2]) { $0.uuid = uuid }
        #expect(
            draft.problems == [
                "machines.web2.macs[1]: 52:54:00:00:00:02 is a MAC address of machines.web1 too",
                "machines.web2.uuid: \(uuid) is the UUID of machines.web1 too",
            ])
    }

    @Test mutating func whatAMachineNamesMustBeThere() {
        draft.machine("web1", [1]) { machine in
            machine.profiles = ["web"]
            machine.intent = .install(environment: "os")
        }
        #expect(
            draft.problems == [
                "machines.web1.profiles[0]: there is no profile web (there is none at all)",
                "machines.web1.intent: there is no environment os (there is none at all)",
            ])
    }

    @Test mutating func whatOnDeckBringsAlongMayBeNamed() {
        var builtIn = Draft()
        builtIn.environment("os", .script(template: "go"))
        builtIn.site.set(.template(Template(name: "go", text: "")))
        draft.machine("web1", [1]) { $0.intent = .install(environment: "os") }
        draft.environment("mine", .script(template: "go"))
        #expect(SiteValidation.check(draft.site, builtIn: builtIn.site).problems == [])
        #expect(draft.problems.count == 2)
    }

    @Test mutating func aMachineThatNothingTellsApart() {
        draft.machine("web1", [])
        #expect(
            draft.warnings == [
                "machines.web1: has no MAC address and no UUID: no machine will ever be this one"
            ])
    }

    @Test mutating func templatesOfAnEnvironmentMustBeThere() {
        draft.environment("os", .script(template: "go"), answers: ["b": "nope", "a": "go"])
        draft.site.set(.template(Template(name: "gone", text: "")))
        #expect(
            draft.problems == [
                "environments.os.script: there is no template go (known: gone)",
                "environments.os.answers.a: there is no template go (known: gone)",
                "environments.os.answers.b: there is no template nope (known: gone)",
            ])
    }

    @Test mutating func filesOfAnEnvironmentAreNamedAsContent() {
        var files = BootEnvironment.Files(kernel: "vmlinuz")
        files.initrds = ["set/initrd", "set/../initrd"]
        draft.environment("os", .kernel([.x64: files]))
        #expect(
            draft.problems == [
                "environments.os.kernel.x64.kernel: names no content set "
                    + "(write SET/PATH, such as debian-12/linux, or an http URL)",
                "environments.os.kernel.x64.initrds[1]: has the part \"..\" "
                    + "(write SET/PATH, such as debian-12/linux, or an http URL)",
            ])
    }

    @Test mutating func parametersMustNotHideWhatTemplatesHave() {
        let reserved: Parameters = ["url": .string("x"), "urls": .string("y")]
        draft.network("a", ["10.64.0.0/24"]) { $0.parameters = reserved }
        draft.machine("web1", [1]) { $0.parameters = reserved }
        var profile = Profile(name: "web")
        profile.parameters = reserved
        draft.site.set(.profile(profile))
        var environment = BootEnvironment(name: "os", kind: .shell)
        environment.parameters = reserved
        draft.site.set(.environment(environment))
        draft.site.parameters = reserved
        let hint = "templates have url for something else (call the parameter otherwise)"
        #expect(
            draft.problems == [
                "networks.a.parameters.url: \(hint)",
                "profiles.web.parameters.url: \(hint)",
                "machines.web1.parameters.url: \(hint)",
                "environments.os.parameters.url: \(hint)",
                "parameters.url: \(hint)",
            ])
    }

    // MARK: Size

    @Test mutating func pastTheLimitProblemsAreCounted() {
        for number in 0..<(Limits.fieldErrorsMax + 3) { draft.machine("m\(number)", [number]) { $0.profiles = ["p"] } }
        let problems = draft.problems
        #expect(problems.count == Limits.fieldErrorsMax + 1)
        #expect(problems.last == ": and 3 more")
    }

    @Test mutating func aHundredThousandReservationsAreCheckedInSeconds() {
        draft.network("a", ["10.0.0.0/8"], pools: [["10.9.0.0/16"]]) { $0.unknown = .ignore }
        for number in 0..<100_000 {
            draft.reservation("a", IPv4Address(bits: 0x0a00_0001 + UInt32(number)), .mac(mac(number)))
        }
        for number in 0..<2_000 {
            draft.network("n\(number)", ["172.\(16 + number / 256).\(number % 256).0/24"], pools: []) {
                $0.mode = .static
            }
        }
        let start = ContinuousClock.now
        let findings = SiteValidation.check(draft.site)
        // Seconds even unoptimised on a busy machine; something quadratic would take hours.
        #expect(ContinuousClock.now - start < .seconds(60))
        #expect(findings.problems == [])
        #expect(findings.warnings.map(\.field) == ["networks.a.unknown"])
    }
}
