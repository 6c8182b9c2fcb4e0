// SPDX-License-Identifier: Apache-2.0

import Ports
import Testing

/// What every store promises, run against every engine: records, guards and batches. See `StateStore`.
@Suite struct PortContract {
    // MARK: Reading

    @Test(arguments: StoreEngine.allCases) func aNewStoreIsEmpty(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let snapshot = try await store.read(prefix: "")
            #expect(snapshot.records.isEmpty)
            #expect(try await store.put(["a": ""]) > snapshot.revision)
        }
    }

    @Test(arguments: StoreEngine.allCases) func aCommitIsReadAtOnce(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            for number in 1...50 {
                let revision = try await store.put(["a": "\(number)", "b/\(number)": "x"])
                let snapshot = try await store.read(prefix: "a")
                #expect(snapshot.revision >= revision)
                #expect(
                    snapshot.records == [
                        StoreRecord(key: "a", value: Array("\(number)".utf8), revision: revision)
                    ])
            }
            #expect(try await store.keys("b/").count == 50)
        }
    }

    @Test(arguments: StoreEngine.allCases) func aPrefixIsPlainText(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            try await store.put([
                "lease/a": "", "lease/ab": "", "lease/a/1": "", "lease": "", "lease0": "", "leasf": "", "leas": "",
                "LEASE/a": "", "lease/\u{ff}": "", "lease/\u{10ffff}": "", "%": "", "_": "",
            ])
            #expect(try await store.keys("lease/a") == ["lease/a", "lease/a/1", "lease/ab"])
            #expect(try await store.keys("lease/a/") == ["lease/a/1"])
            #expect(
                try await store.keys("lease/")
                    == ["lease/a", "lease/a/1", "lease/ab", "lease/\u{ff}", "lease/\u{10ffff}"])
            #expect(try await store.keys("lease/\u{10ffff}") == ["lease/\u{10ffff}"])
            #expect(try await store.keys("%") == ["%"])
            #expect(try await store.keys("leasex") == [])
            #expect(try await store.keys().count == 12)
        }
    }

    /// Swift holds these two equal; keys are bytes.
    @Test(arguments: StoreEngine.allCases) func keysAreBytes(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let (composed, decomposed) = ("k/\u{e9}", "k/e\u{301}")
            try await store.put([composed: "one"])
            try await store.put([decomposed: "two"], if: [.absent(decomposed)])
            #expect(try await store.text(composed) == "one")
            #expect(try await store.text(decomposed) == "two")
            #expect(try await store.read(prefix: "k/e").records.count == 1)
            try await store.put(["": "empty", "nul\u{0}x": "nul"])
            #expect(try await store.text("") == "empty")
            #expect(try await store.keys("nul\u{0}") == ["nul\u{0}x"])
        }
    }

    @Test(arguments: StoreEngine.allCases) func anyValueComesBackWhole(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let large = (0..<(engine == .consul ? 300_000 : 1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let every = (0...255).map { UInt8($0) }
            _ = try await store.commit(
                StoreBatch(writes: [
                    .put(key: "large", value: large), .put(key: "none", value: []), .put(key: "every", value: every),
                ]))
            let records = try await store.read(prefix: "").records
            #expect(records.map(\.key) == ["every", "large", "none"])
            #expect(records.map(\.value) == [every, large, []])
            _ = try await store.commit(StoreBatch(writes: [.put(key: "large", value: [1])]))
            #expect(try await store.read(prefix: "large").records.map(\.value) == [[1]])
        }
    }

    @Test(arguments: StoreEngine.allCases) func aHundredThousandRecords(_ engine: StoreEngine) async throws {
        try await engine.withPlace { place in
            var store = try place.open()
            let key = { (number: Int) in "lease/rack1/" + String(1_000_000 + number) }
            let value = [UInt8](repeating: 7, count: 100)
            let revisions = try await store.commitAll((0..<100_000).map { .put(key: key($0), value: value) })
            await store.close()

            store = try place.open()
            let snapshot = try await store.read(prefix: "lease/rack1/")
            #expect(snapshot.records.count == 100_000)
            #expect(snapshot.revision >= revisions[99_999])
            let isAsWritten = zip(snapshot.records, revisions).enumerated().allSatisfy { number, record in
                record.0 == StoreRecord(key: key(number), value: value, revision: record.1)
            }
            #expect(isAsWritten)
            #expect(try await store.keys("lease/rack1/10999").count == 100)
            await store.close()
        }
    }

    // MARK: Revisions and batches

    @Test(arguments: StoreEngine.allCases) func revisionsOnlyGrow(_ engine: StoreEngine) async throws {
        try await engine.withPlace { place in
            var last = Revision.none
            for _ in 1...3 {
                let store = try place.open()
                #expect(try await store.read(prefix: "").revision >= last)
                for _ in 1...5 {
                    let put = try await store.put(["a": ""])
                    let delete = try await store.delete("a")
                    #expect(last < put && put < delete)
                    last = delete
                }
                await store.close()
            }
        }
    }

    @Test(arguments: StoreEngine.allCases) func aBatchIsAllOrNothing(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let first = try await store.put(["a": "1", "b": "1", "c": "1"])
            let refused = StoreBatch(
                guards: [.at(first, "a"), .absent("new")],
                writes: [.put(key: "a", value: [2]), .delete(key: "b"), .put(key: "new", value: [2])])
            try await store.put(["new": "there"])
            await #expect(throws: StoreError.conflict(key: "new")) { try await store.commit(refused) }
            #expect(try await store.keys() == ["a", "b", "c", "new"])
            #expect(try await store.text("a") == "1")
            try await store.delete("new")
            let second = try await store.commit(refused)
            #expect(try await store.keys() == ["a", "c", "new"])
            #expect(try await store.read(prefix: "").records.map(\.revision) == [second, first, second])
        }
    }

    @Test(arguments: StoreEngine.allCases) func aBatchIsAppliedInItsOrder(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            try await store.put(["a": "1", "b": "1", "a": "2"])
            #expect(try await store.text("a") == "2")
            _ = try await store.commit(
                StoreBatch(writes: [.delete(key: "a"), .put(key: "a", value: [0x33]), .delete(key: "b")]))
            #expect(try await store.text("a") == "3")
            #expect(try await store.keys() == ["a"])
        }
    }

    @Test(arguments: StoreEngine.allCases) func aBatchWithoutWritesIsABug(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let bug = StoreError.unavailable("refused: a batch without writes, which is a bug")
            await #expect(throws: bug) { try await store.commit(StoreBatch(guards: [.absent("a")], writes: [])) }
            let keys = try await store.keys()
            #expect(keys == [])
        }
    }

    // MARK: Guards

    @Test(arguments: StoreEngine.allCases) func aGuardHoldsForItsRevisionOnly(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let first = try await store.put(["term": "1"])
            let second = try await store.put(["term": "2"], if: [.at(first, "term")])
            await #expect(throws: StoreError.conflict(key: "term")) {
                try await store.put(["lease": ""], if: [.at(first, "term")])
            }
            await #expect(throws: StoreError.conflict(key: "term")) {
                try await store.put(["lease": ""], if: [.at(Revision(second.value + 1), "term")])
            }
            #expect(try await store.keys() == ["term"])
            try await store.put(["lease": ""], if: [.at(second, "term")])
            try await store.put(["lease": ""], if: [.at(second, "term")])
            #expect(try await store.keys() == ["lease", "term"])
        }
    }

    @Test(arguments: StoreEngine.allCases) func aGuardCanWantNoRecord(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let first = try await store.put(["a": "1"], if: [.absent("a"), .absent("b")])
            await #expect(throws: StoreError.conflict(key: "a")) {
                try await store.put(["b": "1"], if: [.absent("b"), .absent("a")])
            }
            await #expect(throws: StoreError.conflict(key: "b")) {
                try await store.put(["a": "2"], if: [.at(first, "b")])
            }
            #expect(try await store.keys() == ["a"])
        }
    }

    @Test(arguments: StoreEngine.allCases) func theFirstBrokenGuardIsNamed(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let first = try await store.put(["a": "", "b": "", "c": ""])
            await #expect(throws: StoreError.conflict(key: "b")) {
                try await store.put(["d": ""], if: [.at(first, "a"), .absent("b"), .absent("c")])
            }
        }
    }

    @Test(arguments: StoreEngine.allCases) func aDeletedRecordIsNoRecord(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            let first = try await store.put(["a": "1"])
            try await store.delete("a", if: [.at(first, "a")])
            await #expect(throws: StoreError.conflict(key: "a")) {
                try await store.put(["a": "2"], if: [.at(first, "a")])
            }
            let second = try await store.put(["a": "2"], if: [.absent("a")])
            #expect(try await store.read(prefix: "a").records.map(\.revision) == [second])
            // What is not there can be deleted: whoever wants it gone has what he wants.
            let third = try await store.delete("never", "a")
            #expect(third > second)
            #expect(try await store.delete("never") >= third)
            #expect(try await store.keys() == [])
        }
    }

    // MARK: Several at once

    /// Each adds one to a counter ten times, by compare-and-set.
    @Test(arguments: StoreEngine.allCases) func guardsSettleRaces(_ engine: StoreEngine) async throws {
        try await engine.withStore { store in
            try await store.put(["counter": "0"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...8 {
                    group.addTask { for _ in 1...10 { try await Self.increment("counter", in: store) } }
                }
                try await group.waitForAll()
            }
            #expect(try await store.text("counter") == "80")
        }
    }

    private static func increment(_ key: String, in store: any StateStore) async throws {
        for _ in 1...10_000 {
            guard let record = try await store.read(prefix: key).records.first else { return }
            let next = (Int(String(decoding: record.value, as: UTF8.self)) ?? 0) + 1
            do throws(StoreError) {
                let guards = [StoreGuard.at(record.revision, key)]
                _ = try await store.commit(
                    StoreBatch(guards: guards, writes: [.put(key: key, value: Array("\(next)".utf8))]))
                return
            } catch {
                guard error == .conflict(key: key) else { throw error }
            }
        }
        Issue.record("the counter could not be raised")
    }

    @Test(arguments: StoreEngine.allCases) func commitsAtOnceAllHaveTheirOwnRevision(_ engine: StoreEngine) async throws
    {
        try await engine.withStore { store in
            let revisions = try await withThrowingTaskGroup(of: [Revision].self) { group in
                for first in 1...100 {
                    group.addTask {
                        var revisions: [Revision] = []
                        for number in stride(from: first, through: 500, by: 100) {
                            revisions.append(try await store.put(["key/\(number)": "\(number)"]))
                        }
                        return revisions
                    }
                }
                return try await group.reduce(into: [Revision]()) { $0 += $1 }
            }
            #expect(Set(revisions).count == 500)
            let records = try await store.read(prefix: "key/").records
            #expect(Set(records.map(\.revision)) == Set(revisions))
            #expect(records.allSatisfy { $0.key == "key/" + String(decoding: $0.value, as: UTF8.self) })
        }
    }

    // MARK: Opening and closing

    @Test(arguments: StoreEngine.allCases) func reopeningKeepsEverything(_ engine: StoreEngine) async throws {
        try await engine.withPlace { place in
            var store = try place.open()
            let first = try await store.put(["a": "1", "b": "1"])
            try await store.delete("b")
            try await store.put(["c": "\u{0}\t\n"])
            let before = try await store.read(prefix: "")
            await store.close()

            store = try place.open()
            let after = try await store.read(prefix: "")
            #expect(after.records == before.records)
            #expect(after.revision >= before.revision)
            #expect(after.records.map(\.key) == ["a", "c"])
            try await store.put(["a": "2"], if: [.at(first, "a")])
            await store.close()
        }
    }

    @Test(arguments: StoreEngine.allCases.filter(\.isShared)) func aPlaceCanBeShared(_ engine: StoreEngine) async throws
    {
        try await engine.withPlace { place in
            let (first, second) = (try place.open(), try place.open())
            #expect(first.isShared)
            let changes = try await second.changes(prefix: "", after: second.read(prefix: "").revision)
            let revision = try await first.put(["a": "1"])
            #expect(try await second.text("a") == "1")
            #expect(await changes.first(1).map(\.text) == ["a=1"])
            try await second.put(["a": "2"], if: [.at(revision, "a")])
            await #expect(throws: StoreError.conflict(key: "a")) {
                try await first.put(["a": "3"], if: [.at(revision, "a")])
            }
            await first.close()
            #expect(try await second.text("a") == "2")
            await second.close()
        }
    }

    @Test(arguments: StoreEngine.allCases.filter { !$0.isShared })
    func onePlaceIsForOneStore(_ engine: StoreEngine) async throws {
        try await engine.withPlace { place in
            let first = try place.open()
            #expect(!first.isShared)
            #expect { try place.open() } throws: { error in
                guard case .unavailable(let why)? = error as? StoreError else { return false }
                return why.contains("in use")
            }
            try await first.put(["a": "1"])
            await first.close()
            let second = try place.open()
            #expect(try await second.text("a") == "1")
            await second.close()
        }
    }

    @Test(arguments: StoreEngine.allCases) func aClosedStoreSaysSo(_ engine: StoreEngine) async throws {
        try await engine.withPlace { place in
            let store = try place.open()
            await store.close()
            await store.close()
            let closed = StoreError.unavailable("the store is closed")
            await #expect(throws: closed) { try await store.read(prefix: "") }
            await #expect(throws: closed) { try await store.put(["a": ""]) }
            await #expect(throws: closed) { _ = try await store.changes(prefix: "", after: .none) }
        }
    }
}
