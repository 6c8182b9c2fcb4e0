// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPService

/// RFC 9110 13 and 14, case by case.
struct FileAnswerTests {
    static let tag = "\"v1\""
    static let modified = 784_111_777  // Sun, 06 Nov 1994 08:49:37 GMT

    @Test(
        arguments: [
            ("bytes=0-0", .part(0..<1)), ("bytes=0-99", .part(0..<100)), ("bytes=10-19", .part(10..<20)),
            ("bytes=90-1000", .part(90..<100)), ("bytes=99-", .part(99..<100)), ("bytes=0-", .part(0..<100)),
            ("bytes=-1", .part(99..<100)), ("bytes=-100", .part(0..<100)), ("bytes=-500", .part(0..<100)),
            ("BYTES=5-6", .part(5..<7)),
            ("bytes=100-", .unsatisfiable), ("bytes=100-200", .unsatisfiable), ("bytes=-0", .unsatisfiable),
            ("bytes=99999999999999999999-", .unsatisfiable),
            ("bytes=0-99999999999999999999", .part(0..<100)), ("bytes=-99999999999999999999", .part(0..<100)),
            ("bytes=5-4", .whole), ("bytes=0-1,5-6", .whole), ("bytes=-", .whole), ("bytes=", .whole),
            ("bytes", .whole),
            ("bytes=a-b", .whole), ("bytes=1-2-3", .whole), ("bytes= 1-2", .whole), ("bytes=+1-2", .whole),
            ("lines=1-2", .whole), ("", .whole),
        ] as [(String, FileAnswer)])
    func `a range of a file of 100 octets`(range: String, expected: FileAnswer) {
        #expect(FileAnswer.parse(range: range, size: 100) == expected)
    }

    @Test(arguments: ["bytes=0-", "bytes=0-0", "bytes=-5"])
    func `no range of an empty file can be had`(range: String) {
        #expect(FileAnswer.parse(range: range, size: 0) == .unsatisfiable)
    }

    private func decide(_ conditions: FileAnswer.Conditions) -> FileAnswer {
        FileAnswer.decide(conditions, tag: Self.tag, size: 100, modifiedSeconds: Self.modified)
    }

    @Test func `the tag that the client has is not sent again`() {
        #expect(decide(.init(ifNoneMatch: "\"v1\"")) == .notModified)
        #expect(decide(.init(ifNoneMatch: "\"v0\", W/\"v1\"")) == .notModified)
        #expect(decide(.init(ifNoneMatch: "*")) == .notModified)
        #expect(decide(.init(ifNoneMatch: "\"v0\"")) == .whole)
    }

    @Test func `a date counts only without a tag`() {
        let then = "Sun, 06 Nov 1994 08:49:37 GMT"
        let before = "Sun, 06 Nov 1994 08:49:36 GMT"
        #expect(decide(.init(ifModifiedSince: then)) == .notModified)
        #expect(decide(.init(ifModifiedSince: before)) == .whole)
        #expect(decide(.init(ifModifiedSince: "yesterday")) == .whole)
        #expect(decide(.init(ifNoneMatch: "\"v0\"", ifModifiedSince: then)) == .whole)
    }

    @Test func `If-Match takes the same strong tag or any`() {
        #expect(decide(.init(ifMatch: "\"v1\"")) == .whole)
        #expect(decide(.init(ifMatch: "*")) == .whole)
        #expect(decide(.init(ifMatch: "W/\"v1\"")) == .preconditionFailed)
        #expect(decide(.init(ifMatch: "\"v0\"")) == .preconditionFailed)
        #expect(decide(.init(ifUnmodifiedSince: "Sun, 06 Nov 1994 08:49:36 GMT")) == .preconditionFailed)
        #expect(decide(.init(ifUnmodifiedSince: "Sun, 06 Nov 1994 08:49:37 GMT")) == .whole)
    }

    @Test func `If-Range gives the rest of the same file and the whole of another`() {
        #expect(decide(.init(ifRange: "\"v1\"", range: "bytes=50-")) == .part(50..<100))
        #expect(decide(.init(ifRange: "\"v0\"", range: "bytes=50-")) == .whole)
        #expect(decide(.init(ifRange: "W/\"v1\"", range: "bytes=50-")) == .whole)
        #expect(decide(.init(ifRange: "Sun, 06 Nov 1994 08:49:37 GMT", range: "bytes=50-")) == .part(50..<100))
        #expect(decide(.init(ifRange: "Sun, 06 Nov 1994 08:49:38 GMT", range: "bytes=50-")) == .whole)
    }

    @Test func `a fresh copy beats a range`() {
        #expect(decide(.init(ifNoneMatch: "\"v1\"", range: "bytes=50-")) == .notModified)
    }
}

struct HTTPDateTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ])
    func `seconds and text are each other's inverse`(seconds: Int, text: String) {
        #expect(HTTPDate.text(seconds) == text)
        #expect(HTTPDate.seconds(text) == seconds)
    }

    @Test func `every day of 400 years comes back`() {
        for day in 0..<146_097 {
            let seconds = day * 86_400 + 43_210
            guard HTTPDate.seconds(HTTPDate.text(seconds)) == seconds else {
                Issue.record("day \(day): \(HTTPDate.text(seconds))")
                return
            }
        }
    }

    @Test(arguments: [
        "", "now", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 1894 08:49:37 GMT",
    ])
    func `anything else is no date`(text: String) {
        #expect(HTTPDate.seconds(text) == nil)
    }
}
