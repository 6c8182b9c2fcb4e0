// SPDX-License-Identifier: Apache-2.0

import Foundation
import Model
import Ports
import StoreConsul
import Testing

/// Consul over HTTP: what lies in it, and what its refusals and faults become.
@Suite struct ConsulStoreTests {
    // MARK: What lies in Consul

    @Test func anOperatorCanReadIt() async throws {
        try await FakeConsul.with("one") { consul, stores in
            let first = try await stores[0].put(["a": "1", "nul\u{0}\u{2028}<>&\u{e9}": "x"])
            #expect(consul.keys("record/") == ["record/a", "record/nul\u{0}\u{2028}<>&\u{e9}"])
            #expect(consul.contents.entries[FakeConsulKey("ondeck/record/a")]?.value == Array("1".utf8))
            #expect(consul.contents.entries[FakeConsulKey("ondeck/record/a")]?.modifyIndex == first.value)
            let head = try #require(consul.keys("head/").first)
            #expect(consul.contents.entries[FakeConsulKey("ondeck/" + head)]?.value == Array("1\t1024\tone".utf8))
            // The feed and the heads are nobody's records.
            #expect(try await stores[0].keys() == ["a", "nul\u{0}\u{2028}<>&\u{e9}"])
            #expect(try await stores[0].keys("head/") == [])
        }
    }

    /// Consul takes a put that changes nothing for no write; who wrote it is guarded by its new revision all the same.
    @Test func thePutOfTheSameValueIsAWrite() async throws {
        try await FakeConsul.with("one") { _, stores in
            let first = try await stores[0].put(["a": "1"])
            let second = try await stores[0].put(["a": "1"], if: [.at(first, "a")])
            #expect(second > first)
            #expect(try await stores[0].read(prefix: "a").records.map(\.revision) == [second])
            await #expect(throws: StoreError.conflict(key: "a")) {
                try await stores[0].put(["a": "1"], if: [.at(first, "a")])
            }
            try await stores[0].put(["a": "1"], if: [.at(second, "a")])
        }
    }

    @Test func twoPrefixesAreTwoStores() async throws {
        try await FakeConsul.with { consul in
            let first = try ConsulPlace(address: consul.address, prefix: "a/").open()
            let second = try ConsulPlace(address: consul.address, prefix: "a/b/").open()
            try await first.put(["b/record/x": "1"])
            #expect(try await second.keys() == [])
            try await second.put(["y": "2"])
            #expect(try await first.keys() == ["b/record/x"])
            let identities = await [first.status().identity, second.status().identity]
            #expect(!identities.contains("") && identities[0] != identities[1])
            await first.close()
            await second.close()
        }
    }

    /// Other users of Consul move its index; an operator's own write is read, and guarded.
    @Test func othersUseConsulToo() async throws {
        try await FakeConsul.with("one") { consul, stores in
            let changes = try await stores[0].changes(prefix: "", after: .none)
            let first = try await stores[0].put(["a": "1"])
            consul.edit { $0.moveIndex(40) }
            #expect(try await stores[0].read(prefix: "").revision == first)
            consul.edit { $0.put([("ondeck/record/b", [0x32]), ("other/c", [0x33])]) }
            let snapshot = try await stores[0].read(prefix: "")
            #expect(snapshot.revision == first)
            #expect(snapshot.records.map(\.key) == ["a", "b"])
            await #expect(throws: StoreError.conflict(key: "b")) {
                try await stores[0].put(["b": ""], if: [.absent("b")])
            }
            try await stores[0].delete("a", if: [.at(snapshot.records[1].revision, "b")])
            consul.edit { $0.reapTombstones() }
            let third = try await stores[0].put(["c": "3"])
            #expect(await changes.first(3).map(\.writes.count) == [1, 1, 1])
            #expect(try await stores[0].read(prefix: "").revision == third)
        }
    }

    // MARK: Limits

    @Test func aBatchHasSixtyOperations() async throws {
        try await FakeConsul.with("one") { consul, stores in
            let writes = (0..<60).map { StoreWrite.put(key: "k/\($0)", value: [1]) }
            _ = try await stores[0].commit(StoreBatch(writes: writes))
            #expect(try await stores[0].keys().count == stores[0].operationsPerBatchMax)
            let refused = StoreBatch(guards: [.absent("x")], writes: writes)
            try await expectUnavailable("61 operations") { _ = try await stores[0].commit(refused) }
        }
    }

    @Test func whatIsTooLargeIsRefusedAndWhatIsLargeIsReadAgain() async throws {
        try await FakeConsul.with("one", "two") { consul, stores in
            try await stores[0].put(["a": "1"])
            let changes = try await stores[1].changes(prefix: "", after: stores[1].read(prefix: "").revision)
            try await expectUnavailable("Consul takes 524288") {
                _ = try await stores[0].commit(
                    StoreBatch(writes: [.put(key: "large", value: [UInt8](repeating: 1, count: 400_000))]))
            }
            #expect(consul.keys("record/") == ["record/a"])
            let large = [UInt8](repeating: 2, count: 300_000)
            let revision = try await stores[0].commit(StoreBatch(writes: [.put(key: "large", value: large)]))
            #expect(await changes.ended() == [])
            let snapshot = try await stores[1].read(prefix: "")
            #expect(snapshot.revision == revision)
            #expect(snapshot.records.last?.value == large)
            let again = try await stores[1].changes(prefix: "", after: snapshot.revision)
            try await stores[0].put(["a": "2"])
            #expect(await again.first(1).flatMap(\.writes).map(\.key) == ["a"])
        }
    }

    // MARK: Faults

    /// The error says that nobody knows; the feed does, and the next batch is not held up.
    @Test func anAnswerCanBeLost() async throws {
        try await FakeConsul.with("one", "two") { consul, stores in
            let changes = try await stores[1].changes(prefix: "", after: .none)
            try await stores[0].put(["a": "1"])
            consul.order { $0.answersLost = 1 }
            try await expectUnavailable("is not known") { try await stores[0].put(["a": "2"]) }
            #expect(try await stores[0].text("a") == "2")
            consul.order { $0.requestsLost = 1 }
            try await expectUnavailable("is not known") { try await stores[0].put(["a": "3"]) }
            #expect(try await stores[0].text("a") == "2")
            try await stores[0].put(["a": "4"])
            let values = await changes.first(3).map { String($0.line.split(separator: " ")[1]) }
            #expect(values == ["a=1", "a=2", "a=4"])
        }
    }

    @Test func withoutALeaderNothingIsWritten() async throws {
        try await FakeConsul.with("one", "two") { consul, stores in
            let changes = try await stores[1].changes(prefix: "", after: .none)
            try await stores[0].put(["a": "1"])
            consul.order { $0.hasNoLeader = true }
            try await expectUnavailable("has no leader; nothing was written") { try await stores[0].put(["a": "2"]) }
            try await expectUnavailable("has no leader") { _ = try await stores[0].read(prefix: "") }
            let status = await stores[0].status()
            #expect(!status.hasQuorum)
            #expect(status.alarms.contains("consul: there is no leader"))
            consul.order { $0.hasNoLeader = false }
            try await stores[0].put(["a": "3"])
            #expect(await changes.first(2).map { $0.line.split(separator: " ")[1] } == ["a=1", "a=3"])
        }
    }

    @Test func otherRefusalsSayWhatIsKnown() async throws {
        try await FakeConsul.with("one") { consul, stores in
            try await stores[0].put(["a": "1"])
            consul.order { $0.status = 500 }
            try await expectUnavailable("answered 500: ordered 500; whether the batch was written is not known") {
                try await stores[0].put(["a": "2"])
            }
            consul.order { $0.status = 429 }
            try await expectUnavailable("answered 429: ordered 429; nothing was written") {
                try await stores[0].put(["a": "2"])
            }
            consul.order { $0.status = 403 }
            try await expectUnavailable("key_prefix \"ondeck/\" { policy = \"write\" }") {
                try await stores[0].put(["a": "2"])
            }
        }
    }

    /// What waits behind a batch without an answer is not sent, and says so, when its time is over.
    @Test func aSilentConsulHoldsNobodyForLong() async throws {
        try await FakeConsul.with("one", tuning: ConsulTuning()) { consul, stores in
            try await untilWritten { try await stores[0].put(["a": "1"]) }
            consul.order { $0.heldTokens = ["one"] }
            let start = ContinuousClock.now
            let store = stores[0]
            async let first = outcome { try await store.put(["a": "2"]) }
            try await Task.sleep(for: .milliseconds(50))
            async let second = outcome { try await store.put(["a": "3"]) }
            let texts = await [first, second]
            #expect(texts[0].contains("does not answer; whether the batch was written is not known"))
            #expect(texts[1].contains("nothing was written") || texts[1].contains("is not known"))
            #expect(ContinuousClock.now - start < .seconds(4))
            consul.order { $0.heldTokens = [] }
            try await untilWritten { try await stores[0].put(["a": "4"]) }
            #expect(try await stores[0].text("a") == "4")
        }
    }

    @Test func whereNobodyListensNothingIsWritten() async throws {
        var settings = ConsulSettings(address: "http://127.0.0.1:9", node: "n1")
        settings.token = "secret-token-of-a-test"
        let store = try ConsulStore(settings)
        try await expectUnavailable("http://127.0.0.1:9 cannot be reached: connection refused; nothing was written") {
            try await store.put(["a": "1"])
        }
        try await expectUnavailable("cannot be reached") { _ = try await store.read(prefix: "") }
        let status = await store.status()
        #expect(!status.hasQuorum && status.members.isEmpty && status.engine == "consul")
        #expect(!"\(status)".contains("secret"))
        await store.close()
    }

    /// It has one task that outlives it, and frees everything.
    @Test func aStoreThatIsForgottenEnds() async throws {
        try await FakeConsul.with { consul in
            do { try await (try consul.open("one")).put(["a": "1"]) }
            try await Task.sleep(for: .milliseconds(500))
            let requests = consul.requests("one")
            try await Task.sleep(for: .milliseconds(Limits.consulWaitMilliseconds + 500))
            #expect(consul.requests("one") == requests)
        }
    }
}

// MARK: Words

/// What a call's error says; "" when there is none.
func outcome(_ body: () async throws -> Void) async -> String {
    do { try await body() } catch { return "\(error)" }
    return ""
}

extension ConsulStoreTests {
    /// A busy machine is a slow Consul.
    fileprivate func untilWritten(_ body: () async throws -> Void) async throws {
        for _ in 1...20 where await outcome(body).isEmpty { return }
        Issue.record("not written")
    }

    fileprivate func expectUnavailable(
        _ text: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
            Issue.record("there was no error", sourceLocation: sourceLocation)
        } catch StoreError.unavailable(let why) {
            #expect(why.contains(text), "\(why)", sourceLocation: sourceLocation)
        }
    }
}
