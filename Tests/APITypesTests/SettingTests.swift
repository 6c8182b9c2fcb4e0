// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model
import Testing

/// `ondeck set KIND NAME path=text`
@Suite struct SettingTests {
    static let cases: [(FieldValue, String, String, FieldValue)] = [
        ([:], "lease", "30m", ["lease": "30m"]),
        (.null, "lease", "30m", ["lease": "30m"]),
        (["lease": "1h", "mode": "proxy"], "lease", "30m", ["lease": "30m", "mode": "proxy"]),
        (["lease": "1h", "mode": "proxy"], "lease", "", ["mode": "proxy"]),
        (["lease": "1h"], "mode", "null", ["lease": "1h"]),
        ([:], "probe", "false", ["probe": false]),
        ([:], "parameters.count", "42", ["parameters": ["count": 42]]),
        ([:], "parameters.serial", "0042", ["parameters": ["serial": "0042"]]),
        ([:], "parameters.release", "12.10", ["parameters": ["release": "12.10"]]),
        ([:], "parameters.note", "\"\"", ["parameters": ["note": ""]]),
        ([:], "parameters.note", "'42'", ["parameters": ["note": "42"]]),
        ([:], "parameters.disks", "[sda, \"s,b\", [1, true]]", ["parameters": ["disks": ["sda", "s,b", [1, true]]]]),
        ([:], "parameters.a.b.c", "1", ["parameters": ["a": ["b": ["c": 1]]]]),
        ([:], "options.routers", "10.0.0.1, 10.0.0.2", ["options": ["routers": "10.0.0.1, 10.0.0.2"]]),
        (["macs": ["x", "y"]], "macs[1]", "z", ["macs": ["x", "z"]]),
        (["macs": ["x", "y"]], "macs[2]", "z", ["macs": ["x", "y", "z"]]),
        (["macs": ["x", "y"]], "macs[]", "z", ["macs": ["x", "y", "z"]]),
        (["macs": ["x", "y"]], "macs[0]", "", ["macs": ["y"]]),
        ([:], "subnets[].subnet", "10.0.0.0/24", ["subnets": [["subnet": "10.0.0.0/24"]]]),
        (
            ["subnets": [["subnet": "10.0.0.0/24", "pools": ["a", "b"]]]], "subnets[0].pools[1]", "c",
            ["subnets": [["subnet": "10.0.0.0/24", "pools": ["a", "c"]]]]
        ),
        ([:], "answers.preseed.cfg", "debian", ["answers": ["preseed.cfg": "debian"]]),
        ([:], "answers.\"preseed.cfg\"", "debian", ["answers": ["preseed.cfg": "debian"]]),
        ([:], "answers[preseed.cfg]", "debian", ["answers": ["preseed.cfg": "debian"]]),
        (["answers": ["a": "b", "preseed.cfg": "c"]], "answers.preseed.cfg", "", ["answers": ["a": "b"]]),
        (
            ["kernel": ["x64": ["kernel": "a/b"]]], "kernel.x64.arguments", "console=ttyS0,115200 quiet",
            ["kernel": ["x64": ["kernel": "a/b", "arguments": "console=ttyS0,115200 quiet"]]]
        ),
        ("old text", "text", "new text", ["text": "new text"]),
    ]

    @Test(arguments: cases)
    func setting(fields: FieldValue, path: String, text: String, expected: FieldValue) throws {
        #expect(try fields.setting(path: path, to: text) == expected)
    }

    static let errors: [(FieldValue, String, String)] = [
        (["lease": "1h"], "lease.max", "lease.max: leads into \"1h\", which is no map"),
        (["lease": "1h"], "lease[0]", "lease[0]: leads into \"1h\", which is no list"),
        (["macs": ["x"]], "macs[2]", "macs[2]: there are only 1 elements ([] adds one)"),
        ([:], "", ": names no field"),
        ([:], "a..b", "a..b: is not a path of keys and indices (such as options.routers)"),
        ([:], "a.", "a.: is not a path of keys and indices (such as options.routers)"),
        ([:], "macs[0", "macs[0: is not a path of keys and indices (such as options.routers)"),
    ]

    @Test(arguments: errors)
    func error(fields: FieldValue, path: String, message: String) {
        let error = #expect(throws: FieldError.self) { try fields.setting(path: path, to: "1") }
        #expect(error.map { "\($0.field): \($0.message)" + ($0.hint.map { " (\($0))" } ?? "") } == message)
    }

    @Test func aSettingIsReadAsAFileWouldBe() throws {
        var fields = SiteObject.network(Network(name: "a")).fields
        fields = try fields.setting(path: "options.routers", to: "10.0.0.1, 10.0.0.2")
        fields = try fields.setting(path: "subnets[].subnet", to: "10.0.0.0/24")
        fields = try fields.setting(path: "subnets[0].pools", to: "10.0.0.10-10.0.0.19")
        guard case .network(let network) = try object(.network, "a", fields) else { Issue.record(); return }
        #expect(network.options == [OptionSetting(code: 3, value: [10, 0, 0, 1, 10, 0, 0, 2])])
        #expect(network.subnets.first?.pools.map(\.description) == ["10.0.0.10-10.0.0.19"])
    }

    @Test func anyPathIsTakenOrRefused() {
        var random = SeededGenerator(seed: 11)
        let letters = Array("ab.[]\"'0 ")
        let fields: FieldValue = ["a": ["b": [1, ["a": "x"]]], "a.b": 1, "answers": ["a.b": "t"]]
        var (taken, refused) = (0, 0)
        for _ in 0..<5_000 {
            let path = String((0..<random.number(1...9)).map { _ in random.one(of: letters) })
            do {
                let set = try fields.setting(path: path, to: "new")
                taken += 1
                #expect(set != fields, "\(path)")
            } catch {
                refused += 1
                #expect(error.field == path)
            }
        }
        #expect(taken > 500)
        #expect(refused > 500)
    }
}
