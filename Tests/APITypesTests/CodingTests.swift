// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Foundation
import Model
import Testing

@Suite struct CodingTests {
    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static let jsonTexts: [(String, FieldValue)] = [
        ("null", .null), ("true", true), ("false", false), ("0", 0), ("1", 1), ("-9223372036854775808", .integer(.min)),
        ("1.5", FieldValue(.number(1.5))), ("\"1\"", "1"), ("\"\"", ""), ("[]", []), ("{}", [:]),
        ("[null,[1,{\"a\":\"b\"}]]", [FieldValue.null, [1, ["a": "b"]]]),
        ("{\"a\":{\"b\":[true]},\"c\":null}", ["a": ["b": [true]], "c": FieldValue.null]),
    ]

    @Test(arguments: jsonTexts)
    func values(text: String, value: FieldValue) throws {
        #expect(try JSONDecoder().decode(FieldValue.self, from: Data(text.utf8)) == value)
        #expect(try json(value) == text)
    }

    @Test func numbersAndBooleansAreNotTakenForEachOther() throws {
        let decoded = try JSONDecoder().decode(FieldValue.self, from: Data("[1,true,0,false]".utf8))
        #expect(decoded == [1, true, 0, false])
        #expect(decoded != [true, true, false, false])
    }

    @Test func aProblemAsTheAPISendsIt() throws {
        let problem = Problem.invalid([FieldError(field: "networks.a.lease", message: "is wrong", hint: "mend it")])
        #expect(
            try json(problem) == """
                {"detail":"1 error; nothing was changed","errors":[{"field":"networks.a.lease","hint":"mend it",\
                "message":"is wrong"}],"status":422,"title":"not valid","type":"about:blank"}
                """)
        #expect(try JSONDecoder().decode(Problem.self, from: Data(json(problem).utf8)) == problem)
    }

    @Test func absentFieldsAreLeftOut() throws {
        let event = EventReport(
            sequence: 7, time: "2026-01-31T12:00:00.123Z", level: "info", kind: "dhcp.ack", text: "t")
        #expect(
            try json(event)
                == #"{"kind":"dhcp.ack","level":"info","sequence":7,"text":"t","time":"2026-01-31T12:00:00.123Z"}"#)
        #expect(try json(ExplainRequest(mac: "52:54:00:12:34:56")) == #"{"mac":"52:54:00:12:34:56"}"#)
    }

    @Test func anObjectAsTheAPIShowsIt() throws {
        var machine = Machine(name: "web1")
        machine.intent = .hold
        let report = ObjectReport(.machine(machine), revision: 9)
        #expect(try json(report) == #"{"fields":{"intent":"hold"},"kind":"machine","name":"web1","revision":9}"#)
    }

    @Test(arguments: [
        ("plain words", "plain words"), ("", "\"\""), ("12", "\"12\""), ("true", "\"true\""), ("a, b", "\"a, b\""),
        ("line\n", "\"line\\u{a}\""),
    ])
    func aTextOnOneLine(text: String, line: String) {
        #expect(FieldValue.string(text).description == line)
    }

    @Test func aValueOnOneLine() {
        let value: FieldValue = ["a": [1, "x", true], "b": [:], "c": FieldValue.null]
        #expect(value.description == "{ a: [1, x, true], b: {}, c: null }")
    }
}
