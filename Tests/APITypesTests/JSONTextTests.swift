// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import APITypes

struct JSONTextTests {
    private func parse(_ text: String) throws -> FieldValue { try JSONText.parse(Array(text.utf8)) }

    @Test(
        arguments: [
            ("null", .null), ("true", true), (" false\n", false), ("0", 0), ("-17", -17),
            ("9223372036854775807", .integer(.max)),
            ("1.5", FieldValue(.number(1.5))), ("-2E-2", FieldValue(.number(-0.02))), ("1e2", FieldValue(.number(100))),
            ("9223372036854775808", FieldValue(.number(9_223_372_036_854_775_808))),
            ("\"\"", ""), ("\"a\\n\\t\\\"\\\\\\/\\b\\f\\rz\"", "a\n\t\"\\/\u{8}\u{c}\rz"), ("\"grüße\"", "grüße"),
            ("\"\\u00fc\\ud83d\\ude00\\u0000\"", "ü😀\0"), ("[]", []), ("[ 1 , [ ] ,\"x\"]", [1, [], "x"]), ("{}", [:]),
            ("{\"a\": {\"b\": null}, \"c\":[true]}", ["a": ["b": .null], "c": [true]]),
        ] as [(String, FieldValue)])
    func `JSON is read`(text: String, value: FieldValue) throws {
        #expect(try parse(text) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "True", "tru", "+1", "01", "-", "1.", ".5", "1e", "1e999", "--1", "0x1", "NaN", "\"", "\"a",
        "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u+123\"", "\"\\ud800\"", "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"a\nb\"", "'a'", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{", "{\"a\"", "{\"a\":", "{\"a\":1",
        "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "1 2", "{} x", "// x\n1", "\u{feff}1",
    ])
    func `what is not JSON is refused`(text: String) {
        #expect(throws: JSONText.Failure.self) { try parse(text) }
    }

    @Test func `a failure says where it is`() {
        let failure = #expect(throws: JSONText.Failure.self) { try parse("{\n  \"a\": 1,\n  \"b\": x\n}") }
        #expect(failure?.description == "no JSON value begins like this in line 3, column 8")
    }

    @Test(arguments: [2, 20])
    func `a key that stands twice is refused`(count: Int) {
        let members = (0..<count).map { "\"k\($0)\": 1" } + ["\"k0\": 2"]
        let failure = #expect(throws: JSONText.Failure.self) { try parse("{" + members.joined(separator: ",") + "}") }
        #expect(failure?.message.contains("\"k0\" stands twice") == true)
    }

    @Test func `octets that are not UTF-8 are refused`() {
        for bytes: [UInt8] in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc3]] {
            #expect(throws: JSONText.Failure.self) { try JSONText.parse([0x22] + bytes + [0x22]) }
            #expect(throws: JSONText.Failure.self) { try JSONText.parse([0x22, 0x5c, 0x6e] + bytes + [0x22]) }
        }
    }

    @Test func `nesting has an end`() throws {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(try parse(deep).asList?.count == 1)
        #expect(throws: JSONText.Failure.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONText.Failure.self) { try parse(String(repeating: "{\"a\":", count: 1_000_000)) }
    }

    @Test func `keys keep their order, and people get lines`() throws {
        let value = try parse("{\"z\": [1, {}], \"a\": []}")
        #expect(String(decoding: JSONText.bytes(value), as: UTF8.self) == "{\"z\":[1,{}],\"a\":[]}")
        let text = "{\n  \"z\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}"
        #expect(String(decoding: JSONText.bytes(value, indented: true), as: UTF8.self) == text)
    }

    /// Values of every kind, made from a seed.
    private func value(_ random: inout SplitMix, depth: Int) -> FieldValue {
        switch random.next() % (depth > 3 ? 5 : 7) {
        case 0: return .null
        case 1: return .boolean(random.next() % 2 == 0)
        case 2: return .integer(Int(truncatingIfNeeded: random.next()))
        case 3: return FieldValue(.number(Double(Int32(truncatingIfNeeded: random.next())) / 256 + 0.001))
        case 4: return .string(text(&random))
        case 5: return .list((0..<random.next() % 5).map { _ in value(&random, depth: depth + 1) })
        default:
            let entries = (0..<random.next() % 20).map { index in
                FieldMap.Entry("\(index)" + text(&random), value(&random, depth: depth + 1))
            }
            return .map(FieldMap(unique: entries))
        }
    }

    private func text(_ random: inout SplitMix) -> String {
        let scalars = (0..<random.next() % 12).compactMap { _ in
            Unicode.Scalar(UInt32(random.next() % [0x80, 0x800, 0x11_0000][Int(random.next() % 3)]))
        }
        return String(String.UnicodeScalarView(scalars))
    }

    @Test func `what is written is read again, by others too`() throws {
        var random = SplitMix(state: 42)
        for _ in 0..<200 {
            let value = value(&random, depth: 0)
            for indented in [false, true] {
                let bytes = JSONText.bytes(value, indented: indented)
                #expect(try JSONText.parse(bytes) == value)
                #expect(try JSONDecoder().decode(FieldValue.self, from: Data(bytes)) == value)
            }
        }
    }

    @Test(arguments: [nil, 7] as [Int64?])
    func `an object's report is the same JSON either way`(revision: Int64?) throws {
        let report = ObjectReport(kind: "machine", name: "web1", revision: revision, fields: ["intent": "local"])
        let bytes = JSONText.bytes(report.value)
        #expect(try JSONDecoder().decode(ObjectReport.self, from: Data(bytes)) == report)
        #expect(ObjectReport(try JSONText.parse(Array(try JSONEncoder().encode(report)))) == report)
        #expect(ObjectReport(["kind": "machine"]) == nil)
    }

    @Test func `random octets are never more than refused`() {
        var random = SplitMix(state: 7)
        let alphabet = Array("{}[]\",:\\u0019eE+-.truefalsn \n\u{c}ü".utf8)
        var read = 0
        for _ in 0..<20_000 {
            let bytes = (0..<random.next() % 24).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            if (try? JSONText.parse(bytes)) != nil { read += 1 }
        }
        #expect(read > 100)
    }
}

/// A sequence that is the same every time.
private struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
