// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Ports
import Synchronization
import Testing

@testable import StoreEtcd

/// etcd's JSON, read and written by hand: against Foundation's twin of it, cut anywhere, and with bytes that are not it.
@Suite struct EtcdParsingTests {
    private static func encoded(_ bytes: [UInt8]) -> String {
        var buffer = ByteBuffer()
        Base64.write(bytes, to: &buffer)
        return String(buffer: buffer)
    }

    @Test func base64IsFoundations() {
        var random = SystemRandomNumberGenerator()
        for count in 0...300 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let text = Self.encoded(bytes)
            #expect(text == Data(bytes).base64EncodedString())
            #expect(Base64.decode(Array(text.utf8)[...]) == bytes)
        }
        for wrong in ["A", "AA", "AAA", "AA=A", "====", "A===", "AA!=", "AAAA=", "AA\u{e9}="] {
            #expect(Base64.decode(Array(wrong.utf8)[...]) == nil, "\(wrong)")
        }
    }

    @Test func transactionsAreJSON() throws {
        let batch = StoreBatch(
            guards: [.at(Revision(7), "term/a"), .absent("new")],
            writes: [
                .put(key: "a\"\\", value: [0, 255]), .delete(key: "b"), .put(key: "b", value: []), .delete(key: "c"),
            ])
        let body = EtcdRequests(prefix: "/p/").transaction(batch)
        let tree = try #require(try JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any])
        let compare = try #require(tree["compare"] as? [[String: String]])
        func key(_ text: String) -> String { Data(("/p/" + text).utf8).base64EncodedString() }
        #expect(
            compare == [
                ["target": "MOD", "result": "EQUAL", "key": key("term/a"), "mod_revision": "7"],
                ["target": "MOD", "result": "EQUAL", "key": key("new"), "mod_revision": "0"],
            ])
        let success = try #require(tree["success"] as? [[String: [String: String]]])
        #expect(
            success == [
                ["request_put": ["key": key("a\"\\"), "value": "AP8="]],
                ["request_put": ["key": key("b"), "value": ""]],
                ["request_delete_range": ["key": key("c")]],
            ])
        #expect((tree["failure"] as? [[String: Any]])?.count == 2)
    }

    @Test func aPasswordIsWrittenWhole() throws {
        let (user, password) = ("\u{e9}\"\n", "\\\u{1}\u{1f600}/")
        let body = EtcdRequests.authenticate(user: user, password: password)
        let tree = try JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: String]
        #expect(tree == ["name": user, "password": password])
    }

    /// As 3.4 writes it, and as 3.6 may: with white space, and with what is not known here.
    @Test(arguments: [
        #"{"header":{"cluster_id":"15118495548433857066","member_id":"1","revision":"9","raft_term":"2"},"#
            + #""kvs":[{"key":"L3AvYQ==","create_revision":"2","mod_revision":"5","version":"1","value":"MQ=="}],"#
            + #""more":true,"count":"3"}"#,
        """
        { "new": [ {"x": null, "y": [1.5e3, "}\\"]"]}, [] ], "header" : { "cluster_id": "15118495548433857066",
          "member_id": 1, "revision": 9 }, "kvs": [ {"value": "MQ==", "mod_revision": 5, "key": "L3AvYQ==" } ] , "more" : true }
        """,
    ])
    func aPage(text: String) throws {
        var scanner = JSONScanner(Array(text.utf8))
        let page = try scanner.page()
        #expect(page.header == EtcdHeader(cluster: 15_118_495_548_433_857_066, member: 1, revision: Revision(9)))
        #expect(page.hasMore)
        let records = page.records.compactMap { EtcdRequests(prefix: "/p/").record($0) }
        #expect(records == [StoreRecord(key: "a", value: [0x31], revision: Revision(5))])
    }

    @Test(arguments: [
        (
            #"{"error":"etcdserver: \u003cno\u003e \"x\"","message":"etcdserver: \u003cno\u003e \"x\"","code":11}"#, 11,
            "etcdserver: <no> \"x\""
        ),
        (#"{"code":3, "message":"etcdserver: y", "details":[]}"#, 3, "etcdserver: y"),
        (#"{"error":"etcdserver: old","code":8}"#, 8, "etcdserver: old"),
        ("404 page not found\nmore", 0, "HTTP 404: 404 page not found (is it etcd, with its JSON gateway on?)"),
        ("", 0, "HTTP 404:  (is it etcd, with its JSON gateway on?)"),
    ])
    func aRefusal(text: String, code: Int64, message: String) {
        let refusal = EtcdRefusal(body: Array(text.utf8), status: 404)
        #expect(refusal.code == code && refusal.message == message)
    }

    /// Half a document, or one with a byte changed, is refused or read; it never traps.
    @Test func brokenDocumentsDoNotTrap() {
        let text = Array(
            #"{"header":{"revision":"9"},"kvs":[{"key":"YQ==","mod_revision":"5"}],"x":[{"\"":1}],"more":true}"#.utf8)
        for end in text.indices {
            var scanner = JSONScanner(Array(text[..<end]))
            #expect(throws: JSONScanner.Fault.self) { try scanner.page() }
        }
        var random = SystemRandomNumberGenerator()
        for _ in 1...5_000 {
            var broken = text
            broken[Int.random(in: broken.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            var scanner = JSONScanner(broken)
            _ = try? scanner.page()
            scanner = JSONScanner(broken)
            _ = try? scanner.watchMessage()
            scanner = JSONScanner(broken)
            _ = try? scanner.skip()
        }
    }
}

/// Who is asked next, by a clock that the test holds.
@Suite struct EtcdTrafficTests {
    private static func after(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .milliseconds(milliseconds)
    }

    @Test func whoOwesAnswersIsPassedOver() {
        let traffic = EtcdTraffic(endpoints: 3)
        #expect(traffic.pick(at: Self.after(0)) == 0)
        let first = traffic.began(0, at: Self.after(0)) {}
        let second = traffic.began(0, at: Self.after(250)) {}
        #expect(traffic.pick(at: Self.after(300)) == 0)
        // It answered one of them: it lives.
        traffic.ended(first, of: 0, at: Self.after(300))
        #expect(traffic.pick(at: Self.after(600)) == 0)
        #expect(traffic.pick(at: Self.after(601)) == 1)
        #expect(traffic.silent(at: Self.after(900)) == [])
        #expect(traffic.silent(at: Self.after(901)) == [0])
        traffic.ended(second, of: 0, at: Self.after(950))
        #expect(traffic.silent(at: Self.after(2_000)) == [])
        // It stays with the one that works.
        #expect(traffic.pick(at: Self.after(2_000)) == 1)
    }

    @Test func whoFailedIsLeftOnce() {
        let traffic = EtcdTraffic(endpoints: 2)
        traffic.failed(0)
        traffic.failed(0)
        #expect(traffic.pick(at: Self.after(0)) == 1)
        traffic.failed(1)
        #expect(traffic.pick(at: Self.after(0)) == 0)
    }

    @Test func whenNobodyAnswersTheSameIsAsked() {
        let traffic = EtcdTraffic(endpoints: 2)
        for index in 0...1 { _ = traffic.began(index, at: Self.after(0)) {} }
        #expect(traffic.pick(at: Self.after(5_000)) == 0)
    }

    @Test func givingUpEndsWhatIsOwed() {
        let traffic = EtcdTraffic(endpoints: 2)
        let given = Mutex<[Int]>([])
        for number in 1...3 {
            _ = traffic.began(number % 2, at: Self.after(0)) { given.withLock { $0.append(number) } }
        }
        traffic.giveUp(on: 1)
        #expect(given.withLock { $0.sorted() } == [1, 3])
    }
}

/// What a watch says, made into changes.
@Suite struct EtcdChangeReaderTests {
    private static func event(_ key: String, _ value: String?, _ revision: Int) -> String {
        let key = Data(("/p/" + key).utf8).base64EncodedString()
        guard let value else { return #"{"type":"DELETE","kv":{"key":"\#(key)","mod_revision":"\#(revision)"}}"# }
        return
            #"{"kv":{"key":"\#(key)","mod_revision":"\#(revision)","value":"\#(Data(value.utf8).base64EncodedString())"}}"#
    }

    private static func line(_ events: [String], revision: Int = 9) -> String {
        #"{"result":{"header":{"revision":"\#(revision)"},"events":[\#(events.joined(separator: ","))]}}"# + "\n"
    }

    private static let created = #"{"result":{"header":{"revision":"9"},"created":true}}"# + "\n"

    private static func read(_ text: String, after: Int64 = 2, cut: Int = .max) -> (
        told: [String], last: Int64, isEnded: Bool
    ) {
        var reader = EtcdChangeReader(prefix: "/p/", after: Revision(after))
        var (told, isEnded) = ([String](), false)
        var rest = ArraySlice(Array(text.utf8))
        while !rest.isEmpty {
            for step in reader.take(ByteBuffer(bytes: rest.prefix(cut))) {
                switch step {
                case .changes(let changes): told += changes.map(\.line)
                case .rewatch: told.append("rewatch")
                case .end: isEnded = true
                }
            }
            rest = rest.dropFirst(cut)
        }
        return (told, reader.last.value, isEnded)
    }

    @Test(arguments: [1, 2, 3, 7, 64, 1_000]) func oneChangeARevision(cut: Int) {
        let text =
            Self.created + Self.line([Self.event("a", "old", 2), Self.event("a", "1", 3), Self.event("b", nil, 3)])
            + Self.line([Self.event("b", "2", 4), Self.event("a", "3", 6), Self.event("a", "3", 6)])
            + Self.line([Self.event("c", "", 6)])
            + Self.line([Self.event("c", "late", 5), Self.event("c", "4", 8)])
        let (told, last, isEnded) = Self.read(text, cut: cut)
        #expect(told == ["3: a=1 -b", "4: b=2", "6: a=3 a=3", "8: c=4"])
        #expect(last == 8)
        #expect(!isEnded)
    }

    @Test func progressMovesOn() {
        #expect(Self.read(Self.created).last == 2)
        #expect(Self.read(#"{"result":{"header":{"revision":"40"}}}"# + "\n").last == 40)
    }

    @Test func compactionEndsIt() {
        let text = #"{"result":{"header":{},"canceled":true,"compact_revision":"5"}}"# + "\n"
        #expect(Self.read(Self.created + text).isEnded)
    }

    @Test func whatCannotBeReadEndsIt() {
        #expect(Self.read("{\"result\":}\n").isEnded)
        let foreign = #"{"kv":{"key":"\#(Data([0x2f, 0x70, 0x2f, 0xff]).base64EncodedString())","mod_revision":"4"}}"#
        #expect(Self.read(Self.line([foreign])).isEnded)
    }

    @Test(arguments: [
        #"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}"#,
        #"{"error":{"code":14,"message":"etcdserver: no leader"}}"#,
    ])
    func troubleMeansWatchAgain(text: String) { #expect(Self.read(text + "\n").told == ["rewatch"]) }
}
