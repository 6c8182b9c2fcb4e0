// SPDX-License-Identifier: Apache-2.0

import APITypes
import CLI
import Model
import Testing

/// What is wrong with a text, as an operator sees it; empty for good YAML.
private func lines(_ text: String) -> [String] {
    do {
        _ = try YAMLSource.parse(text, file: "site.yaml")
        return []
    } catch {
        return error.lines
    }
}

@Suite struct YAMLSourceTests {
    static let texts: [(String, FieldValue)] = [
        ("", [:]), ("# nothing\n", [:]), ("---\n", [:]), ("~", [:]),
        ("a: b", ["a": "b"]),
        ("a:\n  - 1\n  - [x, {y: z}]\n", ["a": [1, ["x", ["y": "z"]]]]),
        (
            "a: true\nb: False\nc: null\nd: ~\ne:\n",
            [
                "a": true, "b": false, "c": FieldValue.null, "d": FieldValue.null, "e": FieldValue.null,
            ]
        ),
        // What YAML 1.1 makes numbers or booleans of, and nobody means so.
        ("[yes, no, on, off, y]", ["yes", "no", "on", "off", "y"]),
        ("[52:54:00:12:34:56, 525400123456, 52e400123456]", ["52:54:00:12:34:56", 525_400_123_456, "52e400123456"]),
        (
            "[007, 0x1f, 0o17, 1_000, 1e3, 1.10, +5, -5, -0, .5]",
            ["007", "0x1f", "0o17", "1_000", "1e3", "1.10", "+5", -5, "-0", ".5"]
        ),
        ("[9223372036854775807, 9223372036854775808]", [.integer(.max), "9223372036854775808"]),
        (
            "[2026-01-31, \"12\", '12', !!str 12, ! 12, \"true\", \"\"]",
            ["2026-01-31", "12", "12", "12", "12", "true", ""]
        ),
        ("a: |\n  line\n  line\nb: >\n  folded\n  line\n", ["a": "line\nline\n", "b": "folded line\n"]),
        ("1: one\ntrue: two", ["1": "one", "true": "two"]),
        ("a: &x [1, 2]\nb: *x\n", ["a": [1, 2], "b": [1, 2]]),
        ("a: \u{1f600} ü\n", ["a": "\u{1f600} ü"]),
    ]

    @Test(arguments: texts)
    func values(text: String, value: FieldValue) throws {
        #expect(try YAMLSource.parse(text, file: "site.yaml") == value)
    }

    static let errors: [(String, [String])] = [
        (
            "a: [1, 2",
            [
                "site.yaml:2:1: not YAML: did not find expected ',' or ']', while parsing a flow sequence that "
                    + "begins in line 1"
            ]
        ),
        (
            "a:\n\t- 1\n",
            [
                "site.yaml:2:1: not YAML: found character that cannot start any token, while scanning for the "
                    + "next token that begins in line 2 (the line is indented with a tab; YAML takes blanks only)"
            ]
        ),
        ("a: b: c\n", ["site.yaml:1:5: not YAML: mapping values are not allowed in this context"]),
        ("a: *nowhere\n", ["site.yaml:1:4: not YAML: found undefined alias"]),
        (
            "a: 1\n---\nb: 2\n",
            [
                "site.yaml:2:1: not YAML: but found another document, expected a single document in the "
                    + "stream that begins in line 1"
            ]
        ),
        ("a: 1\nb: 2\na: 3\n", ["site.yaml:3:1: the key 'a' is there twice: here and in line 1"]),
        (
            "m:\n  x:\n    k: 1\n  y:\n    k: 2\n  x:\n    k: 3\n",
            ["site.yaml:6:3: the key 'x' is there twice: here and in line 2"]
        ),
        ("l:\n  - b: 1\n    a: 1\n    b: 2\n", ["site.yaml:4:5: the key 'b' is there twice: here and in line 2"]),
        ("m: {aa: 1, a: 2, \"aa\": 3}\n", ["site.yaml:1:18: the key 'aa' is there twice: here and in line 1"]),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", ["site.yaml:3:3: merge keys (<<) are not supported"]),
        ("a: !include other.yaml\n", ["site.yaml:1:4: tags such as !include are not supported"]),
        ("? [a]\n: b\n", ["site.yaml:1:3: a key must be a text"]),
        ("a: \u{1}\n", ["site.yaml:1: not YAML: control characters are not allowed"]),
    ]

    @Test(arguments: errors)
    func error(text: String, expected: [String]) {
        #expect(lines(text) == expected)
    }

    @Test func positionsAreThoseOfTheFile() throws {
        let text = "networks:\n  rack1:\n    lease: 1h\n    pools: [a, b]\n"
        let document = try YAMLSource.parse(text, file: "site.yaml")
        let locator = FieldLocator(document)
        #expect(locator.position(of: "networks.rack1.lease") == SourcePosition(line: 3, column: 12))
        #expect(locator.position(of: "networks.rack1.pools[1]") == SourcePosition(line: 4, column: 16))
        #expect(locator.position(of: "networks.rack1") == SourcePosition(line: 2, column: 3))
    }

    @Test func nestingHasALimit() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(lines(nested(Limits.documentDepthMax)) == [])
        #expect(lines(nested(Limits.documentDepthMax + 1)) == ["site.yaml:1:65: is nested more than 64 deep"])
        #expect(lines(nested(100_000)).count == 1)
    }

    /// Forty lines that unfold to 3^40 values.
    @Test func aliasesMustNotUnfoldWithoutEnd() {
        var text = "a0: &a0 [x, x, x]\n"
        for level in 1..<40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1), *a\(level - 1)]\n" }
        let found = lines(text)
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix("the aliases unfold to too many values") == true)
    }

    @Test func anyBytesAreReadOrRefused() {
        var random = Digits(seed: 7)
        let letters = Array("ab:-[]{},&*!|>'\"#%@`?\n\n \t0~<\\")
        var (good, bad) = (0, 0)
        for _ in 0..<3_000 {
            let text = String((0..<random.next(1...30)).map { _ in letters[random.next(0...letters.count - 1)] })
            if lines(text).isEmpty { good += 1 } else { bad += 1 }
        }
        #expect(good > 100)
        #expect(bad > 100)
    }
}

/// A small generator of the same numbers each time.
struct Digits {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next(_ range: ClosedRange<Int>) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return range.lowerBound + Int((state >> 33) % UInt64(range.count))
    }
}
