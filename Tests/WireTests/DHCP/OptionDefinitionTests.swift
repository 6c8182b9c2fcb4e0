// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing

@testable import Wire

private func encode(_ name: String, _ items: String...) throws -> String {
    hexText(try OptionDefinition.setting(name).encode(items))
}

private func format(_ name: String, _ hex: String) throws -> [String] {
    try #require(OptionDefinition.find(name)).format(try #require(hexBytes(hex)))
}

/// The message and the hint of a setting that is refused.
private func refusal(_ name: String, _ items: String...) -> String {
    do {
        let bytes = try OptionDefinition.setting(name).encode(items)
        return "accepted: \(hexText(bytes))"
    } catch {
        return "\(error.message) | \(error.hint)"
    }
}

@Suite("The table of options")
struct OptionTableTests {
    @Test func numbersAndNamesAreUnique() {
        let table = OptionDefinition.table
        #expect(Set(table.map(\.code)).count == table.count)
        #expect(Set(table.map(\.name)).count == table.count)
    }

    @Test func namesAreKebabCaseAndNoNumbers() {
        for name in OptionDefinition.table.map(\.name) {
            #expect(name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" }, "\(name)")
            #expect(UInt8(name) == nil)
        }
    }

    /// Spot checks against IANA's registry: the ones that a slip would hurt most.
    @Test(
        arguments: [
            ("subnet-mask", 1), ("routers", 3), ("domain-name-servers", 6), ("host-name", 12), ("domain-name", 15),
            ("root-path", 17), ("interface-mtu", 26), ("static-routes", 33), ("ntp-servers", 42),
            ("vendor-encapsulated-options", 43), ("tftp-server-name", 66), ("boot-file-name", 67),
            ("v6-only-preferred", 108), ("v4-captive-portal", 114), ("domain-search", 119),
            ("classless-static-route", 121), ("tftp-servers", 150), ("pxelinux-configfile", 209),
            ("ms-classless-static-route", 249),
        ] as [(String, UInt8)])
    func namesHaveIANAsNumbers(name: String, number: UInt8) throws {
        #expect(OptionDefinition.find(name)?.code.rawValue == number)
        #expect(OptionDefinition.find("\(number)")?.name == name)
        #expect(OptionDefinition.of(DHCPOptionCode(rawValue: number)).name == name)
    }

    /// A value of the wrong shape would be sent without a word.
    @Test(
        arguments: [
            (OptionKind.ipv4, [1, 16, 28, 32]),
            (.ipv4List, [3, 4, 5, 6, 7, 8, 9, 41, 42, 44, 45, 48, 49, 65, 69, 70, 138, 150]),
            (.ipv4Pairs, [21, 33]),
            (.boolean, [19, 20, 27, 29, 30, 31, 34, 36, 39]),
            (.uint8, [23, 37, 46]), (.uint16, [13, 22, 26]), (.uint32, [24, 35, 38, 108, 211]), (.int32, [2]),
            (.text, [12, 14, 17, 18, 40, 60, 66, 67, 114, 209, 210, 252]),
            (.domainName, [15]), (.searchList, [119]), (.classlessRoutes, [121, 249]),
            (.bytes, [43, 124, 125, 175, 208]),
        ] as [(OptionKind, [UInt8])])
    func kindsAreTheRFCs(kind: OptionKind, numbers: [UInt8]) {
        for number in numbers { #expect(OptionDefinition.of(DHCPOptionCode(rawValue: number)).kind == kind) }
    }

    @Test func unknownNumbersAreOptionsToo() throws {
        #expect(OptionDefinition.find("224") == OptionDefinition.of(DHCPOptionCode(rawValue: 224)))
        #expect(OptionDefinition.find("option-224")?.code.rawValue == 224)
        #expect(OptionDefinition.find("224")?.kind == .unknown)
        for text in ["256", "-1", "option-256", "option-", "", "Routers"] {
            #expect(OptionDefinition.find(text) == nil)
        }
    }

    @Test func everythingThatTheServerControlsIsRefused() {
        let refused = OptionDefinition.table.filter { $0.refusal != nil }.map(\.code.rawValue)
        let expected: [UInt8] = [
            0, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 77, 80, 81, 82, 90, 91, 92, 93, 94, 97, 118, 145, 255,
        ]
        #expect(refused.sorted() == expected)
        #expect(
            refusal("dhcp-lease-time", "3600")
                == "option 51 (dhcp-lease-time) cannot be set | use `lease` of the network, and `lease-max`")
        #expect(refusal("54", "10.0.0.1").hasSuffix("use `server-id` of the network"))
        #expect(refusal("255", "hex:01").hasPrefix("option 255 (end) cannot be set"))
    }

    @Test(arguments: [
        ("router", "routers"), ("Routers", "routers"), ("ntp-server", "ntp-servers"),
        ("domain_search", "domain-search"), ("doman-nam-servers", "domain-name-servers"),
    ])
    func aMisspeltNameSuggestsTheNearest(typed: String, name: String) {
        #expect(refusal(typed, "x") == "there is no DHCP option '\(typed)' | did you mean '\(name)'?")
    }

    @Test(arguments: [("dns", "domain-name-servers"), ("Gateway", "routers"), ("ntp", "ntp-servers")])
    func whatPeopleCallIt(typed: String, name: String) {
        #expect(refusal(typed, "x") == "there is no DHCP option '\(typed)' | did you mean '\(name)'?")
    }

    @Test func everyOtherNameIsNoneAndMeansOne() {
        for (other, name) in OptionDefinition.otherNames {
            #expect(OptionDefinition.find(other) == nil && OptionDefinition.find(name) != nil, "\(other)")
        }
    }

    /// Half of a short word is no slip of the pen: "dns" is not "end".
    @Test(arguments: ["dn", "edn", "xyz", "pa"])
    func aShortWordIsNotGuessed(typed: String) {
        #expect(OptionDefinition.nearest(to: typed) == nil)
    }

    @Test func aNameFarFromAllSuggestsNumbers() {
        #expect(
            refusal("balcony", "x")
                == "there is no DHCP option 'balcony' | any option can be given by its number, 1 to 254")
        #expect(OptionDefinition.nearest(to: String(repeating: "a", count: 10_000)) == nil)
    }
}

@Suite("Option values from settings")
struct OptionValueTests {
    @Test(
        arguments: [
            ("subnet-mask", ["255.255.255.0"], "ffffff00"),
            ("routers", ["10.0.0.1"], "0a000001"),
            ("domain-name-servers", ["10.0.0.1", "10.0.0.2"], "0a0000010a000002"),
            ("static-routes", ["10.1.0.0 10.0.0.1"], "0a0100000a000001"),
            ("time-offset", ["-3600"], "fffff1f0"),
            ("time-offset", ["2147483647"], "7fffffff"),
            ("default-ip-ttl", ["64"], "40"),
            ("interface-mtu", ["9000"], "2328"),
            ("arp-cache-timeout", ["4294967295"], "ffffffff"),
            ("path-mtu-plateau-table", ["68", "1500"], "004405dc"),
            ("ip-forwarding", ["true"], "01"),
            ("ip-forwarding", ["false"], "00"),
            ("host-name", ["web 1"], "7765622031"),
            ("domain-name", ["lab.example"], "6c61622e6578616d706c65"),
            ("v4-lost", ["lab.example"], "036c6162076578616d706c6500"),
            ("bcms-controller-names", ["a.b", "c.b"], "01610162000163016200"),
            ("domain-search", ["a.lab", "b.lab", "lab"], "0161036c6162000162c002c002"),
            ("classless-static-route", ["10.0.0.0/8 10.1.1.1", "0.0.0.0/0 10.0.0.1"], "080a0a010101000a000001"),
            ("ms-classless-static-route", ["10.17.0.0/16 10.1.1.1"], "100a110a010101"),
            (
                "classless-static-route", ["10.0.0.5/32 10.1.1.1", "10.64.0.0/11 10.2.2.2"],
                "200a0000050a010101 0b0a400a020202"
            ),
            ("vendor-encapsulated-options", ["hex:060108"], "060108"),
            ("224", ["some text"], "736f6d652074657874"),
            ("224", ["hex:01ff"], "01ff"),
        ] as [(String, [String], String)])
    func valuesAreEncodedAndReadBack(name: String, items: [String], hex: String) throws {
        let definition = try OptionDefinition.setting(name)
        let bytes = try definition.encode(items)
        #expect(hexText(bytes) == hex.filter { $0 != " " })
        #expect(definition.format(bytes) == items)
    }

    @Test func listsMayStandInOneItemWithCommas() throws {
        #expect(try encode("routers", "10.0.0.1, 10.0.0.2") == "0a0000010a000002")
        #expect(try encode("domain-search", "a.lab,b.lab") == encode("domain-search", "a.lab", "b.lab"))
        #expect(try encode("classless-static-route", "10.0.0.0/8 10.1.1.1, 0.0.0.0/0 10.0.0.1").hasPrefix("080a"))
    }

    @Test func everyKindTakesHexAsItIs() throws {
        for definition in OptionDefinition.table where definition.refusal == nil {
            #expect(try definition.encode(["hex:0102030405"]) == [1, 2, 3, 4, 5])
            #expect(try definition.encode(["hex:"]) == [])
        }
        #expect(try encode("43", "06:01:08") == "060108")
    }

    @Test(
        arguments: [
            ("routers", ["10.0.0"], "expected an IPv4 address such as 10.0.0.1, got '10.0.0'"),
            ("routers", ["10.0.0.1 10.0.0.2"], "expected an IPv4 address such as 10.0.0.1, got '10.0.0.1 10.0.0.2'"),
            ("routers", ["10.0.0.1,"], "expected an IPv4 address such as 10.0.0.1, got ''"),
            ("routers", [], "expected IPv4 addresses such as 10.0.0.1, got nothing"),
            ("subnet-mask", ["/24"], "expected an IPv4 address such as 10.0.0.1, got '/24'"),
            ("subnet-mask", ["10.0.0.1", "10.0.0.2"], "subnet-mask takes one value, got 2"),
            ("static-routes", ["10.0.0.1"], "expected two IPv4 addresses such as '10.1.0.0 10.0.0.1', got '10.0.0.1'"),
            ("interface-mtu", ["65536"], "expected a whole number from 0 to 65535, got '65536'"),
            ("time-offset", ["1h"], "expected a whole number from -2147483648 to 2147483647, got '1h'"),
            ("ip-forwarding", ["yes"], "expected true or false, got 'yes'"),
            ("host-name", ["caf\u{e9}\n"], "expected text in printable ASCII, got 'caf??'"),
            ("host-name", [""], "expected text in printable ASCII, got nothing"),
            ("domain-name", ["lab..example"], "expected a domain name such as lab.example, got 'lab..example'"),
            ("domain-search", ["lab example"], "expected a domain name such as lab.example, got 'lab example'"),
            (
                "classless-static-route", ["10.0.0.7/8 10.1.1.1"],
                "expected a destination without host bits, such as 10.0.0.0/8, got '10.0.0.7/8'"
            ),
            (
                "classless-static-route", ["10.0.0.0/8"],
                "expected a destination and a router such as '10.0.0.0/8 10.1.1.1', got '10.0.0.0/8'"
            ),
            ("43", ["06018"], "expected hex digits in pairs, such as hex:01ff, got '06018'"),
            ("224", ["hex:1"], "expected hex digits in pairs, such as hex:01ff, got 'hex:1'"),
        ] as [(String, [String], String)])
    func wrongValuesSayWhatWasExpected(name: String, items: [String], message: String) throws {
        let definition = try OptionDefinition.setting(name)
        #expect {
            try definition.encode(items)
        } throws: { error in
            guard let error = error as? OptionValueError else { return false }
            #expect(error.message == message)
            #expect(!error.hint.isEmpty)
            return true
        }
    }

    @Test func theHintIsALineToCopy() {
        #expect(
            refusal("routers", "10.0.0")
                == "expected an IPv4 address such as 10.0.0.1, got '10.0.0' | write it as `routers: [10.0.0.1, 10.0.0.2]`"
        )
    }

    /// The hints are settings themselves, so they must be accepted.
    @Test func everyExampleIsAccepted() throws {
        for definition in OptionDefinition.table where definition.refusal == nil {
            guard let hint = refusal(definition.name, "hex:0").split(separator: "`").dropFirst().first else {
                Issue.record("\(definition.name) has no example")
                continue
            }
            let value = hint.dropFirst(definition.name.count + 2).filter { $0 != "[" && $0 != "]" && $0 != "\"" }
            #expect(throws: Never.self, "\(hint)") { try definition.encode([String(value)]) }
        }
    }

    @Test func valuesHaveALimit() throws {
        let text = String(repeating: "a", count: 1024)
        #expect(try OptionDefinition.setting("host-name").encode([text]).count == 1024)
        #expect(
            refusal("host-name", text + "a")
                == "the value has 1025 octets; no reply can carry more than 1024 | shorten the value of host-name")
    }
}

@Suite("Option values as text")
struct OptionFormatTests {
    @Test(arguments: [
        ("routers", "0a0000"), ("routers", ""), ("subnet-mask", "0a0000010a000001"), ("static-routes", "0a000001"),
        ("ip-forwarding", "02"), ("interface-mtu", "05"), ("time-offset", "00"), ("host-name", "776500"),
        ("host-name", ""), ("domain-name", "6c61 6220"), ("224", "41"), ("224", "00010203"),
        // A text that would be read as hex.
        ("host-name", "6865783a3031"),
        // A prefix of 33 bits, host bits, a router cut off.
        ("classless-static-route", "210a000000000a010101"), ("classless-static-route", "070b0a010101"),
        ("classless-static-route", "080a0a0101"),
    ])
    func octetsThatAreNoValueAreHexAndComeBack(name: String, hex: String) throws {
        let hex = hex.filter { $0 != " " }
        #expect(try format(name, hex) == ["hex:" + hex])
        #expect(try encode(name, "hex:" + hex) == hex)
    }

    @Test func everyTextComesBackToItsOctets() throws {
        var random = SplitMix64(seed: 5)
        for round in 0..<100_000 {
            let definition = OptionDefinition.of(DHCPOptionCode(rawValue: UInt8.random(in: 1...254, using: &random)))
            var bytes = random.bytes(Int.random(in: 0...24, using: &random))
            // Small octets make labels, prefix lengths and booleans; printable ones texts.
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes = bytes.map { $0 % 4 }
            case 1: bytes = bytes.map { 0x20 + $0 % 95 }
            default: break
            }
            let items = definition.format(bytes)
            let again = try definition.encode(items)
            if definition.kind == .searchList {
                #expect(definition.format(again) == items, "round \(round): \(definition.name) \(hexText(bytes))")
            } else {
                #expect(again == bytes, "round \(round): \(definition.name) \(hexText(bytes))")
            }
        }
    }
}

@Suite("Domain names (RFC 1035, RFC 3397)")
struct DomainNamesTests {
    /// RFC 3397 section 3's own example.
    @Test func theRFCsExample() throws {
        let names = ["eng.apple.com", "marketing.apple.com"]
        let bytes = try OptionDefinition.setting("domain-search").encode(names)
        #expect(hexText(bytes) == "03656e67056170706c6503636f6d00096d61726b6574696e67c004")
        #expect(try format("119", hexText(bytes)) == names)
    }

    @Test func limitsOfLabelsAndNames() throws {
        let label = String(repeating: "a", count: 63)
        // Three labels of 64 octets, one of 62, and the root's: 255.
        let longest = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        #expect(try OptionDefinition.setting("v4-lost").encode([longest]).count == 255)
        for wrong in [longest + "b", label + "a", "", ".", "..", ".a", "a..", "a b", "a\u{0}"] {
            #expect(DomainNames.labels(wrong) == nil, "\(wrong)")
        }
        #expect(DomainNames.labels("a.b.") == ["a", "b"])
    }

    @Test(arguments: [
        "c000",  // itself
        "0161c002",  // itself, after a label
        "c002c000",  // forward, and back
        "0161c0050162c000",  // forward
        "0161",  // no end
        "0161c0",  // half a pointer
        "ff",  // half a pointer
        "4161",  // a label type that is reserved
        "0561",  // a label beyond the end
        "00",  // no name
        "c0",
    ])
    func hostileOctetsAreHex(hex: String) throws {
        #expect(try format("119", hex) == ["hex:" + hex])
    }

    /// Each name points into the one before it; reading them takes steps in proportion, and has an end.
    @Test func chainsOfPointersEnd() throws {
        var bytes: [UInt8] = [1, 0x61, 0]
        for step in 0..<300 {
            let target = step == 0 ? 0 : 3 + 4 * (step - 1)
            bytes += [1, 0x61, 0xc0 | UInt8(target >> 8), UInt8(target & 255)]
        }
        #expect(DomainNames.decode(Array(bytes.prefix(3 + 4 * 62)), compressed: true)?.count == 63)
        #expect(DomainNames.decode(bytes, compressed: true) == nil, "names beyond 255 octets, and too many of them")
    }

    @Test func aNameMayNotGrowBeyond255OctetsThroughItsPointer() {
        let label = [63] + [UInt8](repeating: 0x61, count: 63)
        let name = label + label + label + [0]
        func pointing(_ count: UInt8) -> [UInt8] { [count] + [UInt8](repeating: 0x62, count: Int(count)) + [0xc0, 0] }
        #expect(DomainNames.decode(name + pointing(61), compressed: true)?.count == 2)
        #expect(DomainNames.decode(name + pointing(62), compressed: true) == nil)
    }

    @Test func manyNamesFromAFewOctetsAreNotRead() {
        let bytes = [63] + [UInt8](repeating: 0x61, count: 63) + [0]
        let pointers = (0..<2000).flatMap { _ in [0xc0, 0] as [UInt8] }
        #expect(DomainNames.decode(bytes + pointers, compressed: true) == nil)
        #expect(DomainNames.decode(bytes + pointers.prefix(20), compressed: true)?.count == 11)
    }

    @Test func uncompressedKindsTakeNoPointers() throws {
        #expect(try format("bcms-controller-names", "0161000162c000") == ["hex:0161000162c000"])
        #expect(try format("119", "0161000162c000") == ["a", "b.a"])
    }
}
