// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model
import Testing

@Suite struct ReadingTests {
    @Test func aNetworkWithEverything() throws {
        let object = try object(
            .network, "rack1",
            [
                "mode": "static", "nodes": ["rack1-b", "rack1-a"], "interface": "eth1", "lease": "30m",
                "lease-max": 7200, "reserve": "4h", "authoritative": false,
                "identity": "client-id", "unknown": "debian-12", "probe": false, "server-id": "10.64.0.1",
                "boot-server": "10.64.0.2", "compatibility": ["always-broadcast"],
                "options": ["routers": ["10.64.0.254"], "domain-name": "lab.example", "224": "hex:01ff"],
                "parameters": ["timezone": "UTC", "disks": ["sda", 2, true], "net": ["mtu": 9000]],
                "subnets": [
                    [
                        "subnet": "10.64.0.0/24", "pools": ["10.64.0.100-10.64.0.199"], "exclude": ["10.64.0.150"],
                        "relays": ["10.9.0.1"], "options": ["routers": "10.64.0.1"],
                    ]
                ],
            ])
        var subnet = Subnet(subnet: try #require(IPv4Subnet("10.64.0.0/24")))
        subnet.pools = [IPv4Range(first: IPv4Address(10, 64, 0, 100), last: IPv4Address(10, 64, 0, 199))]
        subnet.exclusions = [IPv4Range(first: IPv4Address(10, 64, 0, 150), last: IPv4Address(10, 64, 0, 150))]
        subnet.relays = [IPv4Address(10, 9, 0, 1)]
        subnet.options = [OptionSetting(code: 3, value: [10, 64, 0, 1])]
        var network = Network(name: "rack1")
        network.mode = .static
        network.interface = "eth1"
        network.leaseSeconds = 1800
        network.leaseSecondsMax = 7200
        network.reserveSeconds = 14_400
        network.preferredNodes = ["rack1-b", "rack1-a"]
        network.authoritative = false
        network.identity = .clientIdentifier
        network.unknown = .environment("debian-12")
        network.probe = false
        network.serverIdentity = .address(IPv4Address(10, 64, 0, 1))
        network.bootServer = IPv4Address(10, 64, 0, 2)
        network.compatibility = [.alwaysBroadcast]
        network.options = [
            OptionSetting(code: 3, value: [10, 64, 0, 254]), OptionSetting(code: 15, value: Array("lab.example".utf8)),
            OptionSetting(code: 224, value: [1, 0xff]),
        ]
        network.parameters = [
            "timezone": .string("UTC"), "disks": .list([.string("sda"), .integer(2), .boolean(true)]),
            "net": .map(["mtu": .integer(9000)]),
        ]
        network.subnets = [subnet]
        #expect(object == .network(network))
    }

    @Test func theServerIdentifierIsAWordOrAnAddress() throws {
        var network = Network(name: "a")
        network.virtualAddress = IPv4Address(10, 64, 0, 2)
        #expect(try object(.network, "a", ["vip": "10.64.0.2"]) == .network(network))
        #expect(try object(.network, "a", ["vip": "10.64.0.2", "server-id": "node"]) == .network(network))
        network.serverIdentity = .vip
        #expect(try object(.network, "a", ["vip": "10.64.0.2", "server-id": "vip"]) == .network(network))
        network.serverIdentity = .address(IPv4Address(10, 64, 0, 9))
        #expect(try object(.network, "a", ["vip": "10.64.0.2", "server-id": "10.64.0.9"]) == .network(network))
    }

    @Test func whatIsLeftOutOrEmptyHasItsDefault() throws {
        #expect(try object(.network, "a", [:]) == .network(Network(name: "a")))
        #expect(try object(.network, "a", .null) == .network(Network(name: "a")))
        #expect(try object(.network, "a", ["subnets": .null, "mode": .null]) == .network(Network(name: "a")))
        #expect(try object(.machine, "a", .null) == .machine(Machine(name: "a")))
        #expect(try object(.template, "a", .null) == .template(Template(name: "a", text: "")))
    }

    @Test func theLongestLeaseFollowsTheLease() throws {
        guard case .network(let network) = try object(.network, "a", ["lease": "12h"]) else { Issue.record(); return }
        #expect(network.leaseSeconds == 43_200)
        #expect(network.leaseSecondsMax == 43_200)
    }

    @Test(
        arguments: [
            ("90s", 90), ("90", 90), ("30m", 1800), ("1h", 3600), ("7d", 604_800), ("007", 7),
        ] as [(String, UInt64)])
    func times(text: String, seconds: UInt64) {
        #expect(TimeSpan.seconds(text) == seconds)
    }

    @Test(arguments: ["", "s", "1w", "1.5h", "-1s", "+1s", "1 h", "1H", "99999999999999999d"])
    func notTimes(text: String) {
        #expect(TimeSpan.seconds(text) == nil)
    }

    @Test(arguments: [(90, "90s"), (3600, "1h"), (5400, "90m"), (86_400, "1d"), (604_800, "7d"), (0, "0s")])
    func timesAreWrittenInTheLargestUnit(seconds: Int, text: String) {
        #expect(TimeSpan.text(UInt32(seconds)) == text)
    }

    @Test func aReservationInItsForms() throws {
        let mac = try #require(MACAddress("52:54:00:12:34:56"))
        let uuid = try #require(MachineUUID("00112233-4455-6677-8899-aabbccddeeff"))
        let forms: [(FieldValue, ClientIdentity)] = [
            (["mac": "5254.0012.3456"], .mac(mac)),
            (["mac": 525_400_123_456], .mac(mac)),
            (["client-id": "01:52:54"], .clientIdentifier([1, 0x52, 0x54])),
            (["client-id": "hex:015254"], .clientIdentifier([1, 0x52, 0x54])),
            (["uuid": "00112233-4455-6677-8899-AABBCCDDEEFF"], .uuid(uuid)),
            (["circuit": "port 7"], .circuit(Array("port 7".utf8))),
            (["circuit": "hex:0007"], .circuit([0, 7])),
            (["circuit": 7], .circuit(Array("7".utf8))),
        ]
        for (fields, identity) in forms {
            let expected = Reservation(network: "a", address: IPv4Address(10, 0, 0, 9), identity: identity)
            #expect(try object(.reservation, "a/10.0.0.9", fields) == .reservation(expected))
        }
    }

    @Test func aReservationIsWhatItsURLSays() {
        func message(_ name: String, _ fields: FieldValue) -> String? {
            do { _ = try object(.reservation, name, fields) } catch { return "\(error)" }
            return nil
        }
        let mac: FieldValue = "52:54:00:12:34:56"
        #expect(message("a/10.0.0.9", ["network": "a", "address": "10.0.0.9", "mac": mac]) == nil)
        #expect(
            message("a/10.0.0.9", ["address": "10.0.0.8", "mac": mac])
                == "reservations.a/10.0.0.9: is a/10.0.0.8, but was to be a/10.0.0.9")
        #expect(
            message("10.0.0.9", ["mac": mac])
                == "reservations.10.0.0.9: \"10.0.0.9\" is not NETWORK/ADDRESS (such as rack1/10.64.0.20)")
    }

    @Test func aListMayBeOneValueOrHaveCommas() throws {
        let list = try object(.machine, "a", ["macs": ["52:54:00:12:34:56", "52:54:00:12:34:57"]])
        #expect(try object(.machine, "a", ["macs": "52:54:00:12:34:56, 52:54:00:12:34:57"]) == list)
        let one = try object(.machine, "a", ["profiles": ["web"]])
        #expect(try object(.machine, "a", ["profiles": "web"]) == one)
    }

    @Test func theParametersHaveOneName() throws {
        #expect(try object(.parameters, "global", ["a": 1]) == .parameters(["a": .integer(1)]))
        #expect(throws: FieldErrors.self) { try object(.parameters, "local", ["a": 1]) }
    }

    @Test func aTemplateIsItsText() throws {
        let template = SiteObject.template(Template(name: "motd", text: "hello\n"))
        #expect(try object(.template, "motd", "hello\n") == template)
        #expect(try object(.template, "motd", ["text": "hello\n"]) == template)
        #expect(template.fields == "hello\n")
    }

    @Test(arguments: ["a", "9", "rack-1.example_x", String(repeating: "a", count: 63)])
    func names(text: String) { #expect(ObjectNames.isValid(text)) }

    @Test(arguments: ["", "-a", ".a", "_a", "a/b", "a b", "ä", "a\n", String(repeating: "a", count: 64)])
    func notNames(text: String) { #expect(!ObjectNames.isValid(text)) }
}
