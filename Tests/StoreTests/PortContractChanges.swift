// SPDX-License-Identifier: Apache-2.0

import Model
import Ports
import Testing

/// What every store promises of its streams of changes. See `StateStore.changes`.
@Suite struct PortContractChanges {
    @Test(arguments: StoreEngine.allCases) func everyCommitComesOnceAndInOrder(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let changes = try await store.changesFromNow()
            let first = try await store.put(["a": "1", "b": "1"])
            let second = try await store.delete("a")
            await #expect(throws: StoreError.conflict(key: "b")) { try await store.put(["c": ""], if: [.absent("b")]) }
            let third = try await store.put(["b": "2", "a": "2"])
            let told = await changes.first(3)
            #expect(told.map(\.text) == ["a=1 b=1", "-a", "b=2 a=2"])
            #expect(told.map(\.revision) == [first, second, third])
        }
    }

    @Test(arguments: StoreEngine.allCases) func onlyWhatHasThePrefix(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let changes = try await store.changesFromNow(prefix: "lease/a")
            try await store.put(["lease/b": "1"])
            let second = try await store.put(["lease/ab": "2", "lease/b": "2", "lease/a": "2"])
            try await store.put(["LEASE/a": "3", "lease": "3"])
            let fourth = try await store.delete("lease/b", "lease/a")
            let told = await changes.first(2)
            #expect(told.map(\.text) == ["lease/ab=2 lease/a=2", "-lease/a"])
            #expect(told.map(\.revision) == [second, fourth])
        }
    }

    /// A store may pass over what changes nothing.
    @Test(arguments: StoreEngine.allCases) func deletingNothingMayBeTold(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let changes = try await store.changesFromNow()
            try await store.delete("never")
            try await store.put(["last": ""])
            let told = await changes.first(upTo: { $0.writes.contains { $0.key == "last" } })
            #expect(told.map(\.text) == ["last="] || told.map(\.text) == ["-never", "last="])
        }
    }

    @Test(arguments: StoreEngine.allCases) func nothingIsMissedBetweenReadAndFollow(_ engine: StoreEngine) async throws
    {
        try await engine.withStore { store in
            try await store.put(["a": "1"])
            let snapshot = try await store.read(prefix: "")
            try await store.put(["a": "2"])
            let third = try await store.put(["a": "3"])
            let changes = try await store.changes(prefix: "", after: snapshot.revision)
            try await store.put(["a": "4"])
            #expect(await changes.first(3).map(\.text) == ["a=2", "a=3", "a=4"])
            let later = try await store.changes(prefix: "", after: third)
            try await store.put(["a": "5"])
            #expect(await later.first(2).map(\.text) == ["a=4", "a=5"])
        }
    }

    /// Readers that begin in the middle of a storm of commits: what they read and what they are told add up.
    @Test(arguments: StoreEngine.allCases) func readAndFollowAddUp(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            async let writing: Void = Self.storm(store, commits: 400)
            for _ in 1...5 {
                let snapshot = try await store.read(prefix: "n/")
                let changes = try await store.changes(prefix: "n/", after: snapshot.revision)
                let followed = await changes.first(400 - snapshot.records.count)
                let keys = snapshot.records.map(\.key) + followed.flatMap(\.writes).map(\.key)
                #expect(keys.count == 400)
                #expect(Set(keys).count == 400)
                let revisions = [snapshot.revision] + followed.map(\.revision)
                #expect(zip(revisions, revisions.dropFirst()).allSatisfy { $0 < $1 })
            }
            try await writing
        }
    }

    private static func storm(_ store: any StateStore, commits: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for number in 0..<(commits / 4) { try await store.put(["n/\(task)/\(number)": ""]) }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(arguments: StoreEngine.allCases) func aReaderWhoDoesNotReadIsCutOff(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let slow = try await store.changesFromNow()
            let other = try await store.changesFromNow(prefix: "other")
            let commits = Limits.storeChangesBufferedPerReader + 100
            let revisions = try await withThrowingTaskGroup(of: [Revision].self) { group in
                for task in 0..<50 {
                    group.addTask {
                        var revisions: [Revision] = []
                        for n in 0..<(commits / 50 + 1) {
                            revisions.append(try await store.put(["a/\(task)/\(n)": ""]))
                        }
                        return revisions
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            // What he has is without a gap; then it ends, and the store goes on.
            let received = await slow.untilEnd()
            #expect(received.count == Limits.storeChangesBufferedPerReader)
            #expect(received.map(\.revision) == Array(revisions.sorted().prefix(received.count)))
            try await store.put(["other": "1"])
            #expect(await other.first(1).flatMap(\.writes).map(\.key) == ["other"])
        }
    }

    /// A store may have forgotten what is long past, or before its start. It never leaves a part out.
    @Test(arguments: StoreEngine.allCases) func thePastComesWholeOrNotAtAll(_ engine: StoreEngine) async throws {
        try await engine.withPlace { place in
            var store = try place.open()
            let first = try await store.put(["a": "1"])
            let second = try await store.put(["a": "2"])
            await store.close()
            store = try place.open()
            let past = try await store.changes(prefix: "", after: first)
            let present = try await store.changes(prefix: "", after: second)
            try await store.put(["a": "3"])
            let received = await past.first(2).map(\.text)
            #expect(received == [] || received == ["a=2", "a=3"])
            #expect(await present.first(1).map(\.text) == ["a=3"])
            await store.close()
        }
    }

    /// A revision that is yet to come is another store's, or from before a restored backup: read again.
    @Test(arguments: StoreEngine.allCases) func theFutureEndsAtOnce(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let first = try await store.put(["a": "1"])
            // Far off: others may write to the same store meanwhile.
            let changes = try await store.changes(prefix: "", after: Revision(first.value + 1_000_000))
            try await store.put(["a": "2"])
            try await store.put(["a": "3"])
            #expect(await changes.untilEnd().map(\.text) == [])
        }
    }

    @Test(arguments: StoreEngine.allCases) func closingEndsTheStreams(_ engine: StoreEngine) async throws {
        try await engine.withPlace { place in
            let store = try place.open()
            let changes = try await store.changesFromNow()
            try await store.put(["a": "1"])
            #expect(await changes.first(1).map(\.text) == ["a=1"])
            await store.close()
            #expect(await changes.untilEnd().map(\.text) == [])
        }
    }

    @Test(arguments: StoreEngine.allCases) func aReaderMayStop(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            for _ in 1...20 {
                let changes = try await store.changes(prefix: "", after: store.read(prefix: "").revision)
                let reader = Task { await changes.first(.max).count }
                try await store.put(["a": "1"])
                reader.cancel()
                _ = await reader.value
                try await store.put(["a": "2"])
            }
            #expect(try await store.text("a") == "2")
        }
    }
}
