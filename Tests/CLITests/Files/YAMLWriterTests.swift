// SPDX-License-Identifier: Apache-2.0

import APITypes
import CLI
import Testing
import Yams

@Suite struct YAMLWriterTests {
    @Test func aSiteAsPeopleWouldWriteIt() throws {
        let text = """
            networks:
              rack1:
                lease: 30m
                options:
                  routers: [10.64.0.254]
                  domain-name: lab.example
                  "224": hex:01ff
                subnets:
                  - subnet: 10.64.0.0/24
                    pools: [10.64.0.100-10.64.0.199, 10.64.0.9]
                    options:
                      routers: [10.64.0.1]
                  - { subnet: 10.64.1.0/24 }

            reservations:
              - { network: rack1, address: 10.64.0.20, mac: "52:54:00:12:34:56", hostname: web1 }
              - { network: rack1, address: 10.64.0.21, mac: 52:54:00:ab:cd:ef }

            machines:
              web1:
                macs: ["52:54:00:12:34:56"]
                intent: install debian-12
              web2: {}

            templates:
              motd: |
                Welcome to {{machine.name}}.

                  # Have fun.
              one-line: "no: newline"
              open: |-
                a
                b

            parameters:
              count: 3
              note: ""
              serial: "0042"
              verbose: true

            """
        let value = try YAMLSource.parse(text, file: "site.yaml")
        #expect(YAMLWriter.text(value) == text)
    }

    static let cornerValues: [(FieldValue, String)] = [
        ([:], "{}\n"), (["a": []], "a: []\n"), (["a": [:]], "a: {}\n"), (["a": FieldValue.null], "a: null\n"),
        ("x", "x\n"), ([["a": [["b": 1]]], []], "- a:\n    - { b: 1 }\n- []\n"),
        ([[["a": ["b": 1]]]], "- - a:\n      b: 1\n"),
    ]

    @Test(arguments: cornerValues)
    func corners(value: FieldValue, text: String) {
        #expect(YAMLWriter.text(value) == text)
    }

    /// Texts that some reader would take for something else.
    static let texts = [
        "", " ", "a ", " a", "~", "null", "NULL", "true", "Yes", "off", "y", "1", "-1", "+1", "0x1f", "0b1", "0o7",
        "007",
        "1_000", "1.5", "1.", ".5", "1e3", "1.5e-3", "10:20:30", "52:54:00:12:34:56", "52:54:00:ab:cd:ef", "2026-01-31",
        "10.64.0.20", "10.64.0.0/24", "a: b", "a:", ":a", "a #b", "#a", "- a", "-", "?", "? a", "|", ">", "&a", "*a",
        "!a",
        "%a", "@a", "`a", "'a'", "\"a\"", "a\"b", "a'b", "[a]", "{a}", "a,b", "a]b", "=", "<<", "a\\b", "a\tb", "\t",
        "a\nb", "a\n", "\na", "a\n\n", "\n", "\n\n", "a\n b\n", " a\nb\n", "a\nb ", "a\n \n", "a\r\nb", "\u{0}",
        "\u{1b}",
        "\u{7f}", "\u{85}", "\u{a0}", "\u{2028}", "a\u{feff}", "ü", "\u{1f600}", "a\n\u{85}\n", "---", "...", "--- a",
        "a\n---\nb\n",
        "{{x}}", "a{{x}}", "console=ttyS0,115200n8 quiet", "http://host/x?y=z#f", "inf", ".inf", "nan", "0", "00",
        "1:2",
        String(repeating: "long ", count: 60) + "x",
    ]

    @Test(arguments: texts)
    func anyTextComesBackAsItIs(text: String) throws {
        let value: FieldValue = [
            "a": .string(text), "b": [.string(text), 1], "c": [["d": .string(text)]],
            "e": [["f": ["g": .string(text)]]],
            "h": [[.string(text), ["i": 1]]],
        ]
        #expect(try YAMLSource.parse(YAMLWriter.text(value), file: "x") == value, "\(YAMLWriter.text(value))")
        if !text.isEmpty {
            let keyed = FieldValue.map(FieldMap(unique: [FieldMap.Entry(text, [["x": 1]])]))
            #expect(try YAMLSource.parse(YAMLWriter.text(keyed), file: "x") == keyed, "\(YAMLWriter.text(keyed))")
        }
    }

    /// Other programs read exports, too: Yams resolves as YAML 1.1 does, with its numbers, dates and base 60.
    @Test(arguments: texts)
    func otherReadersTakeATextForAText(text: String) throws {
        let yaml = YAMLWriter.text(["a": .string(text), "b": [.string(text)]])
        let loaded = try #require(try Yams.load(yaml: yaml) as? [String: Any])
        #expect(loaded["a"] as? String == text, "\(yaml)")
        #expect((loaded["b"] as? [Any])?.first as? String == text, "\(yaml)")
    }

    @Test func randomValuesComeBackAsTheyAre() throws {
        var random = Digits(seed: 3)
        for _ in 0..<400 {
            let value = randomMap(&random, depth: 0)
            let text = YAMLWriter.text(value)
            #expect(try YAMLSource.parse(text, file: "x") == value, "\(text)")
            #expect(YAMLWriter.text(value) == text)
        }
    }

    private func randomMap(_ random: inout Digits, depth: Int) -> FieldValue {
        var map = FieldMap()
        for _ in 0..<random.next(0...4) {
            let key = Self.texts[random.next(1...Self.texts.count - 1)]
            map[key.utf8.count > 100 || key == "<<" ? "k" : key] = randomValue(&random, depth: depth + 1)
        }
        return .map(map)
    }

    private func randomValue(_ random: inout Digits, depth: Int) -> FieldValue {
        switch random.next(0...(depth < 4 ? 6 : 3)) {
        case 0: return .integer(random.next(-5...5000))
        case 1: return .boolean(random.next(0...1) == 1)
        case 2, 3: return .string(Self.texts[random.next(0...Self.texts.count - 1)])
        case 4: return randomMap(&random, depth: depth)
        default: return .list((0..<random.next(0...4)).map { _ in randomValue(&random, depth: depth + 1) })
        }
    }
}
