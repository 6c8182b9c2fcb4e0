// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

/// What is allowed, but probably not meant.
@Suite struct SiteWarningTests {
    private var draft = Draft()

    @Test mutating func ignoringUnknownMachinesIsSaidAloud() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.100-10.64.0.199"]]) { $0.unknown = .ignore }
        draft.machine("web1", [1, 2])
        draft.reservation("a", IPv4Address(10, 64, 0, 20), .mac(mac(1)))
        draft.reservation("a", IPv4Address(10, 64, 0, 21), .mac(mac(9)))
        draft.reservation("a", IPv4Address(10, 64, 0, 22), .circuit([1]))
        #expect(
            draft.warnings == [
                "networks.a.unknown: only the 4 machines and reservations that are known get an address "
                    + "(set unknown: lease to serve everybody)"
            ])
    }

    @Test mutating func oneKnownMachineIsOne() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.100-10.64.0.199"]]) { $0.unknown = .ignore }
        draft.machine("web1", [1])
        #expect(
            draft.warnings.first?.contains("only the 1 machine or reservation that is known gets an address") == true)
    }

    static let modes: [(NetworkMode, [[String]], String)] = [
        (
            .static, [["10.64.0.9"]],
            "networks.a.subnets[0].pools: a static network hands out no address of a pool (set mode: dynamic)"
        ),
        (
            .proxy, [["10.64.0.9"]],
            "networks.a.subnets[0].pools: a proxy network hands out no addresses: another server does "
                + "(set mode: dynamic)"
        ),
        (.dynamic, [], "networks.a: is dynamic but has no pools: only reservations get an address"),
    ]

    @Test(arguments: modes)
    mutating func poolsThatTheModeHasNoUseFor(mode: NetworkMode, pools: [[String]], warning: String) {
        draft.network("a", ["10.64.0.0/24"], pools: pools) { $0.mode = mode }
        #expect(draft.warnings == [warning])
    }

    @Test mutating func aShortLeaseIsAWarning() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9"]]) { $0.leaseSeconds = 300 }
        #expect(
            draft.warnings == [
                "networks.a.lease: 5m bridges an outage of 2m 30s only: after it clients lose their addresses "
                    + "(30m bridges 15m, 1h with a margin; ondeck window says more)"
            ])
    }

    static let leases: [(NetworkMode, UInt32, isShared: Bool, warns: Bool)] = [
        (.dynamic, 1_799, false, true), (.dynamic, 1_800, false, false), (.static, 1_799, false, true),
        (.proxy, 60, false, false), (.static, 60, true, false),
        (.dynamic, 1_440, true, true), (.dynamic, 1_450, true, false),
    ]

    @Test(arguments: leases)
    mutating func theLeaseThatIsTooShort(mode: NetworkMode, lease: UInt32, isShared: Bool, warns: Bool) {
        draft.network("a", ["10.64.0.0/24"], pools: mode == .dynamic ? [["10.64.0.9"]] : []) { network in
            network.mode = mode
            network.leaseSeconds = lease
        }
        let warnings = SiteValidation.check(draft.site, storeIsShared: isShared).warnings
        #expect(warnings.contains { $0.field == "networks.a.lease" } == warns)
    }

    @Test mutating func ourOwnAddressInAPool() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.1-10.64.0.99"]]) { network in
            network.serverIdentity = .address(IPv4Address(10, 64, 0, 1))
            network.bootServer = IPv4Address(10, 64, 0, 2)
            network.subnets[0].exclusions = [
                IPv4Range(first: IPv4Address(10, 64, 0, 2), last: IPv4Address(10, 64, 0, 5))
            ]
        }
        #expect(
            draft.warnings == [
                "networks.a.subnets[0].pools[0]: has 10.64.0.1, the network's server-id "
                    + "(exclude it, or begin the pool behind it)"
            ])
    }

    @Test mutating func serversInAPool() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.0-10.64.0.255"]]) { network in
            network.options = [
                OptionSetting(code: 3, value: [10, 64, 0, 254]),
                OptionSetting(code: 6, value: [10, 64, 0, 1, 9, 9, 9, 9]),
            ]
            network.subnets[0].exclusions = [
                IPv4Range(first: IPv4Address(10, 64, 0, 3), last: IPv4Address(10, 64, 0, 3))
            ]
        }
        draft.reservation("a", IPv4Address(10, 64, 0, 4), .mac(mac(1)))
        let nodes = [1, 2, 3, 4].map { IPv4Address(10, 64, 0, $0) } + [IPv4Address(10, 65, 0, 1)]
        let found = SiteValidation.check(
            draft.site, nodeAddresses: Dictionary(uniqueKeysWithValues: nodes.map { ($0, "n1") }))
        #expect(
            found.warnings.map(\.description)
                == [
                    "networks.a.subnets[0].pools[0]: has 10.64.0.254, the network's router",
                    "networks.a.subnets[0].pools[0]: has 10.64.0.1, the network's name server",
                    "networks.a.subnets[0].pools[0]: has 10.64.0.2, an address of node n1",
                ].map { $0 + " (exclude it, or begin the pool behind it)" })
        #expect(found.problems.isEmpty)
    }

    @Test mutating func aPoolThatIsExcludedAltogether() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9-10.64.0.19"]]) { network in
            network.subnets[0].exclusions = [
                IPv4Range(first: IPv4Address(10, 64, 0, 1), last: IPv4Address(10, 64, 0, 99))
            ]
        }
        #expect(
            draft.warnings == [
                "networks.a.subnets[0].pools[0]: every address of 10.64.0.9-10.64.0.19 is excluded"
            ])
    }

    @Test mutating func aStrayVendorClassIsAWarning() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9"]]) { network in
            network.options = [OptionSetting(code: 60, value: [0x50])]
        }
        #expect(
            draft.warnings == [
                "networks.a.options: option 60 (vendor class) can stop UEFI machines from booting "
                    + "(OnDeck sends it to the clients that need it)"
            ])
    }

    @Test mutating func poolsTooSmallForTheMachines() {
        // .0 and .7 are no hosts' addresses, .1 is excluded, .2 is reserved: four are left.
        draft.network("a", ["10.64.0.0/29"], pools: [["10.64.0.0-10.64.0.7"]]) { network in
            network.subnets[0].exclusions = [
                IPv4Range(first: IPv4Address(10, 64, 0, 1), last: IPv4Address(10, 64, 0, 1))
            ]
        }
        draft.reservation("a", IPv4Address(10, 64, 0, 2), .mac(mac(1)))
        for number in 1...5 { draft.machine("m\(number)", [number]) }
        #expect(draft.warnings == [])
        draft.machine("m6", [6])
        #expect(
            draft.warnings == [
                "networks: the pools have 4 addresses for 5 machines without a reservation"
            ])
    }

    static let doors: [(String, opens: Bool)] = [
        ("nothing", false), ("an empty list", false), ("machine", true), ("profile", true), ("network", true),
        ("site", true), ("own answers", true), ("own environment", true), ("always", true), ("late command", true),
    ]

    /// The environment that comes along makes a user whose password nobody has.
    @Test(arguments: doors)
    mutating func anInstalledMachineThatNobodyCanLogInTo(door: String, opens: Bool) {
        var shipped = BootEnvironment(name: "debian", kind: .local)
        shipped.parameters = ["ssh-keys": .list([]), "user-password-hash": .string(""), "late-command": .string("")]
        shipped.answers = ["preseed.cfg": "debian-preseed"]
        var builtIn = Site()
        builtIn.set(.environment(shipped))
        let keys: Parameters = ["ssh-keys": .list([.string("ssh-ed25519 AAAA")])]
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.100-10.64.0.199"]]) { network in
            if door == "network" { network.parameters = keys }
        }
        var profile = Profile(name: "p")
        if door == "profile" { profile.parameters = keys }
        draft.site.set(.profile(profile))
        for number in 1...3 {
            draft.machine("web\(number)", [number]) { machine in
                machine.intent = door == "always" ? .always(environment: "debian") : .install(environment: "debian")
                machine.profiles = ["p"]
                if door == "machine" { machine.parameters = keys }
                if door == "an empty list" { machine.parameters = ["ssh-keys": .list([])] }
                if door == "late command" { machine.parameters = ["late-command": .string("ansible-pull")] }
            }
        }
        if door == "site" { draft.site.set(.parameters(keys)) }
        if door == "own answers" { draft.site.set(.template(Template(name: "debian-preseed", text: ""))) }
        if door == "own environment" { draft.environment("debian", .local) }
        let warnings = SiteValidation.check(draft.site, builtIn: builtIn).warnings.map(\.description)
        #expect(
            warnings
                == (opens
                    ? []
                    : [
                        "machines.web1.intent: installs debian, and nobody could log in to it afterwards, nor to 2 others "
                            + "(give it, a profile or all machines the parameter ssh-keys or user-password-hash)"
                    ]))
    }
}
