// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model
import Testing

/// What an operator is told about a field that is wrong: the words are the interface.
@Suite struct BadFieldTests {
    static let networks: [(FieldValue, [String])] = [
        (
            ["leasemax": "2h"],
            ["networks.rack1.leasemax: unknown key (did you mean 'lease-max'?)"]
        ),
        (
            ["gateway": "10.64.0.254"],
            ["networks.rack1.gateway: unknown key (set it in 'options': routers: [10.64.0.254])"]
        ),
        (
            ["colour": "blue"],
            [
                "networks.rack1.colour: unknown key (known here: mode, nodes, interface, lease, lease-max, "
                    + "reserve, authoritative, identity, unknown, probe, vip, server-id, boot-server, location, endpoints, "
                    + "compatibility, options, parameters, subnets)"
            ]
        ),
        (
            ["mode": "dynmic"],
            [
                "networks.rack1.mode: expected static, dynamic or proxy, found \"dynmic\" "
                    + "(did you mean 'dynamic'?)"
            ]
        ),
        (["mode": 7], ["networks.rack1.mode: expected static, dynamic or proxy, found the number 7"]),
        (["lease": "soon"], ["networks.rack1.lease: expected a time such as 90s, 30m, 1h or 7d, found \"soon\""]),
        (["lease": "10s"], ["networks.rack1.lease: expected 1m to 3650d, found \"10s\""]),
        (["lease": -5], ["networks.rack1.lease: expected a time such as 90s, 30m, 1h or 7d, found the number -5"]),
        (
            ["lease": "99999999999999999999d"],
            [
                "networks.rack1.lease: expected a time such as 90s, 30m, 1h or 7d, found \"99999999999999999999d\""
            ]
        ),
        (["reserve": "4000d"], ["networks.rack1.reserve: expected 0s to 3650d, found \"4000d\""]),
        (["nodes": ["a", "b", "a"]], ["networks.rack1.nodes[2]: a is in the list twice"]),
        (["preferred-nodes": ["a"]], ["networks.rack1.preferred-nodes: unknown key (did you mean 'nodes'?)"]),
        (["lease": "2h", "lease-max": "1h"], ["networks.rack1.lease-max: 1h is shorter than lease, 2h"]),
        (
            ["probe": "yes"],
            ["networks.rack1.probe: expected true or false, found \"yes\" (YAML 1.2 has no yes, no, on and off)"]
        ),
        (["authoritative": []], ["networks.rack1.authoritative: expected true or false, found a list"]),
        (
            ["server-id": "10.64.0.256"],
            ["networks.rack1.server-id: expected node, vip or an address such as 10.64.0.20, found \"10.64.0.256\""]
        ),
        (["boot-server": "0.0.0.0"], ["networks.rack1.boot-server: 0.0.0.0 is not the address of a host"]),
        (["interface": "eth 1"], ["networks.rack1.interface: expected the name of an interface, found \"eth 1\""]),
        (
            ["compatibility": ["always-broadcast", "subnet-selektion"]],
            [
                "networks.rack1.compatibility[1]: expected no-client-id-echo, always-broadcast, "
                    + "accept-missing-server-id, accept-bare-request, dynamic-bootp, subnet-selection or "
                    + "proxy-no-discovery, found \"subnet-selektion\" (did you mean 'subnet-selection'?)"
            ]
        ),
        (
            ["subnets": 7],
            [
                "networks.rack1.subnets[0]: expected a map, found the number 7 "
                    + "(with the keys subnet, pools, exclude, relays and options)"
            ]
        ),
        (["subnets": [["pools": []]]], ["networks.rack1.subnets[0].subnet: is missing"]),
        (
            ["subnets": [["subnet": "10.64.0.7/24"]]],
            [
                "networks.rack1.subnets[0].subnet: expected a subnet such as 10.64.0.0/24, found \"10.64.0.7/24\" "
                    + "(did you mean '10.64.0.0/24'?)"
            ]
        ),
        (
            ["subnets": [["subnet": "10.64.0.0"]]],
            [
                "networks.rack1.subnets[0].subnet: expected a subnet such as 10.64.0.0/24, found \"10.64.0.0\" "
                    + "(the prefix length is missing)"
            ]
        ),
        (
            ["subnets": [["subnet": "10.0.0.0/8", "pools": ["10.0.0.9-10.0.0.1", "10.0.0.0/8", "10.0.0.1"]]]],
            [
                "networks.rack1.subnets[0].pools[0]: expected a range such as 10.64.0.100-10.64.0.199, an address or "
                    + "a subnet, found \"10.0.0.9-10.0.0.1\""
            ]
        ),
        (
            ["subnets": [["subnet": "10.64.0.0/24", "ranges": "10.64.0.5"]]],
            ["networks.rack1.subnets[0].ranges: unknown key (did you mean 'pools'?)"]
        ),
        (
            ["options": ["router": "10.64.0.254"]],
            ["networks.rack1.options.router: there is no DHCP option 'router' (did you mean 'routers'?)"]
        ),
        (
            ["options": ["subnet-mask": "255.255.255.0"]],
            [
                "networks.rack1.options.subnet-mask: option 1 (subnet-mask) cannot be set "
                    + "(the mask is that of the 'subnet')"
            ]
        ),
        (
            ["options": ["routers": "10.64.0.254", "3": "10.64.0.1"]],
            ["networks.rack1.options.3: option 3 is set twice, by name and by number"]
        ),
        (
            ["options": ["routers": ["10.64.0.254", ["10.64.0.1"]]]],
            ["networks.rack1.options.routers[1]: expected a value or a list of values, found a list"]
        ),
        (
            ["options": ["routers"]],
            ["networks.rack1.options: expected a map of option names or numbers to values, found a list"]
        ),
        (
            ["parameters": ["a.b": 1]],
            [
                "networks.rack1.parameters.a.b: \"a.b\" is not a parameter's name (letters, digits, '_' and '-'; "
                    + "templates read a dot as a step into a map)"
            ]
        ),
        (
            ["parameters": ["a": ["b": FieldValue.null]]],
            ["networks.rack1.parameters.a.b: has no value (write \"\" for an empty text)"]
        ),
        (
            ["parameters": ["version": FieldValue(.number(1.5))]],
            [
                "networks.rack1.parameters.version: expected text, a whole number, true or false, a list or a map, "
                    + "found the number 1.5 (put it in quotes)"
            ]
        ),
    ]

    @Test(arguments: networks)
    func network(fields: FieldValue, expected: [String]) {
        #expect(errors(inNetwork: fields) == expected)
    }

    static let documents: [(FieldValue, [String])] = [
        (
            ["networks"],
            [
                "expected a map, found a list (with the keys locations, networks, reservations, profiles, machines, "
                    + "environments, templates, images and parameters)"
            ]
        ),
        (["network": []], ["network: unknown key (did you mean 'networks'?)"]),
        (
            ["subnets": []],
            ["subnets: unknown key (subnets belong to a network: networks: {NAME: {subnets: [...]}})"]
        ),
        (["networks": [["name": "rack1"]]], ["networks: expected a map of names to networks, found a list"]),
        (
            ["networks": ["rack 1": [:]]],
            [
                "networks.rack 1: \"rack 1\" is not a name (a name begins with a letter or digit, has letters, digits, "
                    + "'.', '_' and '-', and at most 63 of them)"
            ]
        ),
        (
            ["reservations": ["rack1/10.64.0.20": [:]]],
            [
                "reservations: expected a list, found a map (write '- { network: NAME, address: ADDRESS, mac: MAC }', "
                    + "one a line)"
            ]
        ),
        (
            ["reservations": [["address": "10.64.0.20", "mac": "52:54:00:12:34:56"]]],
            ["reservations[0].network: is missing"]
        ),
        (
            ["reservations": [["network": "rack1", "address": "10.64.0.20"]]],
            ["reservations[0]: does not say whom it is for (give one of mac, client-id, uuid or circuit)"]
        ),
        (
            ["reservations": [["network": "a", "address": "10.64.0.20", "mac": "52:54:00:12:34:56", "circuit": "p"]]],
            ["reservations[0]: has mac and circuit; give only one of them"]
        ),
        (
            [
                "reservations": [
                    ["network": "a", "address": "10.64.0.20", "mac": "52:54:00:12:34:56"],
                    ["network": "a", "address": "10.64.0.20", "mac": "52:54:00:12:34:57"],
                ]
            ],
            ["reservations[1]: 10.64.0.20 in a is reservations[0] already"]
        ),
        (
            ["reservations": [["network": "a", "address": "10.64.0.20", "mac": "01:00:5e:00:00:01"]]],
            ["reservations[0].mac: 01:00:5e:00:00:01 is a multicast address, not a machine's"]
        ),
        (
            [
                "reservations": [
                    ["network": "a", "address": "10.64.0.20", "uuid": "00000000-0000-0000-0000-000000000000"]
                ]
            ],
            [
                "reservations[0].uuid: 00000000-0000-0000-0000-000000000000 stands for \"not set\" and names no machine"
            ]
        ),
        (
            ["reservations": [["network": "a", "address": "10.64.0.20", "client-id": "port 7"]]],
            ["reservations[0].client-id: expected hex digits such as 01:52:54:00:12:34:56, found \"port 7\""]
        ),
        (
            ["reservations": [["network": "a", "address": "10.64.0.20", "circuit": "p", "hostname": "web_1"]]],
            [
                "reservations[0].hostname: \"web_1\" is not a host name (letters, digits and hyphens, in labels "
                    + "between dots)"
            ]
        ),
        (
            ["machines": ["web1": ["mac": "52:54:00:12:34:56"]]],
            ["machines.web1.mac: unknown key (did you mean 'macs'? A machine can have several)"]
        ),
        (
            ["machines": ["web1": ["macs": ["52:54:00:12:34:56", "5254.0012.3456"]]]],
            ["machines.web1.macs[1]: 52:54:00:12:34:56 is in the list twice"]
        ),
        (
            ["machines": ["web1": ["intent": "debian-12"]]],
            [
                "machines.web1.intent: expected 'install ENVIRONMENT', 'always ENVIRONMENT', 'local' or 'hold', found "
                    + "\"debian-12\" (write 'install debian-12' to boot it once)"
            ]
        ),
        (
            ["machines": ["web1": ["intent": "locl"]]],
            [
                "machines.web1.intent: expected 'install ENVIRONMENT', 'always ENVIRONMENT', 'local' or 'hold', found "
                    + "\"locl\" (did you mean 'local'?)"
            ]
        ),
        (
            ["environments": ["os": [:]]],
            ["environments.os: does not say what to boot (give one of kernel, script, local or shell)"]
        ),
        (
            ["environments": ["os": ["local": true, "script": "go"]]],
            ["environments.os: has script and local; give only one of them"]
        ),
        (
            ["environments": ["os": ["kernel": [:]]]],
            [
                "environments.os.kernel: names no architecture (known are x86, x64, arm32, arm64, riscv64 and "
                    + "loongarch64)"
            ]
        ),
        (
            ["environments": ["os": ["kernel": ["amd64": ["kernel": "a/b"], "x64": ["initrd": "a/c"]]]]],
            [
                "environments.os.kernel.amd64: unknown key (did you mean 'x64'?)",
                "environments.os.kernel.x64.initrd: unknown key (did you mean 'initrds'?)",
                "environments.os.kernel.x64.kernel: is missing",
            ]
        ),
        (
            ["environments": ["lease": ["local": true]]],
            ["environments.lease: an environment cannot be called lease (a network's 'unknown' uses the word)"]
        ),
        (
            ["environments": ["os": ["shell": "perhaps"]]],
            ["environments.os.shell: expected true or false, found \"perhaps\""]
        ),
        (["templates": ["motd": true]], ["templates.motd: expected text, found true (put it in quotes)"]),
        (["parameters": "none"], ["parameters: expected a map, found \"none\""]),
    ]

    @Test(arguments: documents)
    func document(document: FieldValue, expected: [String]) {
        #expect(errors(in: document) == expected)
    }

    @Test func everyErrorOfADocumentIsReported() {
        let document: FieldValue = [
            "networks": ["a": ["lease": "x", "mode": "y"], "b": ["probe": 1]],
            "machines": ["c": ["uuid": "z"]],
            "bogus": 1,
        ]
        #expect(
            errors(in: document).map { $0.prefix { $0 != ":" } } == [
                "bogus", "networks.a.mode", "networks.a.lease", "networks.b.probe", "machines.c.uuid",
            ])
    }

    @Test func errorsStandInTheOrderOfTheFile() {
        let late = FieldValue(.string("x"), at: SourcePosition(line: 9, column: 3))
        let early = FieldValue(.string("y"), at: SourcePosition(line: 2, column: 3))
        #expect(
            errors(inNetwork: ["mode": late, "lease": early]) == [
                "networks.rack1.lease: expected a time such as 90s, 30m, 1h or 7d, found \"y\"",
                "networks.rack1.mode: expected static, dynamic or proxy, found \"x\"",
            ])
    }

    @Test func pastTheLimitErrorsAreCounted() {
        let bad = FieldValue.list(Array(repeating: 1, count: Limits.fieldErrorsMax + 7))
        let found = errors(in: ["reservations": bad])
        #expect(found.count == Limits.fieldErrorsMax + 1)
        #expect(found.last == "and 7 more errors")
    }

    @Test func parametersNestedTooDeepAreRefused() {
        var value: FieldValue = 1
        for _ in 0..<Limits.parameterDepthMax { value = ["a": value] }
        #expect(errors(in: ["parameters": value]) == [])
        let path = Array(repeating: "a", count: Limits.parameterDepthMax + 1).joined(separator: ".")
        #expect(errors(in: ["parameters": ["a": value]]) == ["parameters.\(path): is nested more than 16 deep"])
    }

    @Test func whatIsQuotedInAMessageIsCutAndMadeVisible() {
        let text = "\u{1b}[2J" + String(repeating: "x", count: 100)
        #expect(
            errors(inNetwork: ["lease": .string(text)]) == [
                "networks.rack1.lease: expected a time such as 90s, 30m, 1h or 7d, found "
                    + "\"\\u{1b}[2J\(String(repeating: "x", count: 56))...\""
            ])
    }
}
