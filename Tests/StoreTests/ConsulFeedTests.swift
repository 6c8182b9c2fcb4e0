// SPDX-License-Identifier: Apache-2.0

import Model
import Ports
import StoreConsul
import Testing

/// How several nodes follow each other through Consul.
@Suite struct ConsulFeedTests {
    @Test func twoWritersAreSeenOnceAndInOrder() async throws {
        try await FakeConsul.with("one", "two", "three") { consul, stores in
            let followed = try await stores.asyncMap { try await $0.changes(prefix: "", after: .none) }
            let revisions = try await withThrowingTaskGroup(of: [Revision].self) { group in
                for (number, store) in stores.dropLast().enumerated() {
                    group.addTask {
                        var revisions: [Revision] = []
                        for count in 0..<100 {
                            revisions.append(try await store.put(["w\(number)/\(count)": "\(count)"]))
                        }
                        return revisions
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            for changes in followed {
                let received = await changes.first(200)
                #expect(received.map(\.revision) == revisions.sorted())
                for number in 0...1 {
                    let own = received.flatMap(\.writes).map(\.key).filter { $0.hasPrefix("w\(number)/") }
                    #expect(own == (0..<100).map { "w\(number)/\($0)" })
                }
            }
        }
    }

    /// Commits of several tasks of one process share its head, one after the other.
    @Test func oneWriterDoesNotFenceItself() async throws {
        try await FakeConsul.with("one") { consul, stores in
            let store = stores[0]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 { group.addTask { try await store.put(["k/\(number)": ""]) } }
                try await group.waitForAll()
            }
            #expect(consul.keys("head/").count == 1)
            #expect(consul.keys("feed/").count == 100)
        }
    }

    private var smallRing: ConsulTuning {
        var tuning = ConsulTuning.patient
        tuning.feedSlots = 8
        return tuning
    }

    @Test func whoFallsBehindTheRingReadsAgain() async throws {
        try await FakeConsul.with("one", "two", tuning: smallRing) { consul, stores in
            try await stores[1].put(["a": "0"])
            let changes = try await stores[0].changes(prefix: "", after: stores[0].read(prefix: "").revision)
            consul.order { $0.heldTokens = ["one"] }
            for number in 1...8 { try await stores[1].put(["a": "\(number)"]) }
            consul.order { $0.heldTokens = [] }
            #expect(await changes.first(8).map { $0.line.split(separator: " ")[1] } == (1...8).map { "a=\($0)" })

            let again = try await stores[0].changes(prefix: "", after: stores[0].read(prefix: "").revision)
            consul.order { $0.heldTokens = ["one"] }
            for number in 9...30 { try await stores[1].put(["a": "\(number)"]) }
            #expect(consul.keys("feed/").count == 8)
            consul.order { $0.heldTokens = [] }
            #expect(await again.ended() == [])
            let snapshot = try await stores[0].read(prefix: "")
            #expect(snapshot.records.map(\.value) == [Array("30".utf8)])
            let third = try await stores[0].changes(prefix: "", after: snapshot.revision)
            try await stores[1].put(["a": "31"])
            #expect(await third.first(1).flatMap(\.writes) == [.put(key: "a", value: Array("31".utf8))])
        }
    }

    @Test func aWriterMayStartAgain() async throws {
        try await FakeConsul.with("one") { consul, stores in
            let changes = try await stores[0].changes(prefix: "", after: .none)
            for number in 1...4 {
                let writer = try consul.open("two")
                try await writer.put(["a": "\(number)"])
                try await writer.put(["b": "\(number)"])
                await writer.close()
            }
            #expect(consul.keys("head/").count == 4)
            let lines = await changes.first(8).map { $0.line.split(separator: " ")[1] }
            #expect(lines == (1...4).flatMap { ["a=\($0)", "b=\($0)"] })
        }
    }

    /// Old heads go away; who had read them to their ends does not notice, and who had not reads again.
    @Test func oldHeadsAreRemoved() async throws {
        try await FakeConsul.with("one", tuning: .forgetful) { consul, stores in
            let late = try consul.open("late")
            try await stores[0].put(["a": "0"])
            let changes = try await stores[0].changes(prefix: "", after: stores[0].read(prefix: "").revision)
            let lateChanges = try await late.changes(prefix: "", after: late.read(prefix: "").revision)
            let writer = try consul.open("two")
            try await writer.put(["a": "1"])
            #expect(await lateChanges.first(1).count == 1)
            let lateAgain = try await late.changes(prefix: "", after: late.read(prefix: "").revision)
            consul.order { $0.heldTokens = ["late"] }
            try await writer.put(["a": "2"])
            await writer.close()
            let revision = try await stores[0].read(prefix: "").revision

            try await eventually { consul.keys("head/").count == 1 }
            #expect(consul.keys("feed/").count == 2)
            #expect(try await stores[0].read(prefix: "").revision > revision)
            try await stores[0].put(["a": "3"])
            #expect(await changes.first(3).map { $0.line.split(separator: " ")[1] } == ["a=1", "a=2", "a=3"])

            consul.order { $0.heldTokens = [] }
            #expect(await lateAgain.ended() == [])
            let lateLast = try await late.changes(prefix: "", after: late.read(prefix: "").revision)
            try await stores[0].put(["a": "4"])
            #expect(await lateLast.first(1).map { $0.line.split(separator: " ")[1] } == ["a=4"])
            await late.close()
        }
    }

    /// A writer that slept long loses its head, and begins another.
    @Test func aWriterWhoseHeadWasRemovedGoesOn() async throws {
        try await FakeConsul.with("one") { consul, stores in
            try await stores[0].put(["a": "1"])
            let changes = try await stores[0].changes(prefix: "", after: stores[0].read(prefix: "").revision)
            let awake = try consul.open("two", .forgetful)
            try await awake.put(["b": "0"])
            var writes = 1
            // Each write makes it look at the other's head again, which is old after a moment.
            while consul.keys("head/").count != 1, writes < 40 {
                try await Task.sleep(for: .milliseconds(400))
                try await awake.put(["b": "\(writes)"])
                writes += 1
            }
            try await eventually { consul.keys("head/").count == 1 }
            try await stores[0].put(["a": "2"])
            #expect(consul.keys("head/").count == 2)
            #expect(await changes.first(writes + 1).last?.line.split(separator: " ")[1] == "a=2")
            await awake.close()
        }
    }

    @Test func aHundredThousandRecordsCostAFollowerNothing() async throws {
        try await FakeConsul.with("one", "two", "three") { consul, stores in
            let value = [UInt8](repeating: 7, count: 100)
            consul.edit { $0.put((0..<100_000).map { ("ondeck/record/lease/rack1/\(1_000_000 + $0)", value) }) }
            let changes = try await stores[0].changes(prefix: "", after: .none)
            try await stores[1].put(["lease/rack1/1000000": "0"])
            try await stores[2].put(["lease/rack1/1000000": "0"])
            _ = await changes.first(2)
            let again = try await stores[0].changes(prefix: "", after: stores[0].read(prefix: "none").revision)
            let before = consul.bytesAnswered("one")
            for number in 1...30 { try await stores[1].put(["lease/rack1/\(1_000_000 + number)": "\(number)"]) }
            #expect(await again.first(30).count == 30)
            let perChange = (consul.bytesAnswered("one") - before) / 30
            #expect(perChange < 2_000, "\(perChange) bytes a change")
            #expect(try await stores[0].read(prefix: "lease/rack1/10999").records.count == 100)
        }
    }

    /// A server that fell behind answers: nothing goes back, nothing is told twice, and reads are not fooled.
    @Test func aServerThatFellBehindFoolsNobody() async throws {
        try await FakeConsul.with("one", "two") { consul, stores in
            let changes = try await stores[0].changes(prefix: "", after: .none)
            try await stores[1].put(["a": "1"])
            let old = consul.contents
            for number in 2...4 { try await stores[1].put(["a": "\(number)"]) }
            #expect(try await stores[0].text("a") == "4")
            let sofar = try await stores[0].changes(prefix: "", after: stores[0].read(prefix: "").revision)
            consul.order { $0.stale = old }
            try await stores[1].put(["a": "5"])
            #expect(try await stores[0].text("a") == "5")
            // The follower's question returns without a change, from the past.
            try await Task.sleep(for: .milliseconds(Limits.consulWaitMilliseconds + 500))
            consul.order { $0.stale = nil }
            try await stores[1].put(["a": "6"])
            #expect(await changes.first(6).map { $0.line.split(separator: " ")[1] } == (1...6).map { "a=\($0)" })
            #expect(await sofar.first(2).map { $0.line.split(separator: " ")[1] } == ["a=5", "a=6"])
        }
    }

    /// A restored backup: whoever follows reads again, and the writers go on.
    @Test func aRestoredBackupIsNoticed() async throws {
        try await FakeConsul.with("one", "two") { consul, stores in
            try await stores[1].put(["a": "1"])
            let backup = consul.contents
            let changes = try await stores[0].changes(prefix: "", after: stores[0].read(prefix: "").revision)
            let lost = try await stores[1].put(["a": "2"])
            #expect(await changes.first(1).count == 1)
            let again = try await stores[0].changes(prefix: "", after: lost)
            let index = consul.contents.index
            consul.edit { state in
                state = backup
                state.moveIndex(index - backup.index + 10)
            }
            #expect(await again.ended() == [])
            #expect(await (try stores[0].changes(prefix: "", after: lost)).ended() == [])
            let snapshot = try await stores[0].read(prefix: "")
            #expect(snapshot.records.map(\.value) == [Array("1".utf8)])
            let third = try await stores[0].changes(prefix: "", after: snapshot.revision)
            try await stores[1].put(["a": "3"])
            try await stores[0].put(["b": "3"])
            #expect(await third.first(2).map { $0.line.split(separator: " ")[1] } == ["a=3", "b=3"])
        }
    }

    /// A read is sometimes ahead of what its process has followed; that is no future.
    @Test func aReadAheadOfTheFeedCanBeFollowed() async throws {
        try await FakeConsul.with("one", "two") { consul, stores in
            _ = try await stores[0].read(prefix: "")
            for number in 1...50 {
                let revision = try await stores[1].put(["a": "\(number)"])
                let changes = try await stores[0].changes(prefix: "", after: revision)
                try await stores[1].put(["b": "\(number)"])
                #expect(await changes.first(1).map { $0.line.split(separator: " ")[1] } == ["b=\(number)"])
            }
        }
    }

    @Test func anEntryComesBackWhole() throws {
        let entry = FeedEntry(
            sequence: .max >> 1,
            writes: [
                .put(key: "", value: []), .put(key: "k\u{0}\u{e9}", value: Array(repeating: 9, count: 300)),
                .delete(key: "d"),
            ],
            removed: ["00ff": 7, "1": 1])
        #expect(FeedEntry(entry.bytes) == entry)
        let short = FeedEntry(sequence: 1, writes: nil)
        #expect(FeedEntry(short.bytes) == short)
        // Cut anywhere, or with anything after it, it is none.
        for count in 0..<entry.bytes.count { #expect(FeedEntry(Array(entry.bytes.prefix(count))) == nil) }
        #expect(FeedEntry(entry.bytes + [0]) == nil)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            // It must not trap; what it takes must be what it would write.
            if let entry = FeedEntry([1, 0] + bytes) { #expect(FeedEntry(entry.bytes) == entry) }
        }
    }

    private func eventually(_ isTrue: () throws -> Bool) async throws {
        // A head is looked at when Consul answers, which without news is every ten seconds.
        for _ in 1...3_000 {
            if try isTrue() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("not within a minute")
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
