// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model
import Ports
import Simulation
import Synchronization
import Testing

@testable import Engine

/// A change of the site that is too large for one batch of the store: all or nothing all the same, in one step, and
/// finished by others when who made it dies.
@Suite struct SiteJournalTests {
    private static let limit = 8
    private static let count = 40

    private static func machines(_ intent: BootIntent = .local, _ range: Range<Int> = 0..<count) -> [SiteObject] {
        range.map { index in
            var machine = Machine(name: "m\(index)")
            machine.macs = [MACAddress("52:54:00:00:00:" + (index < 16 ? "0" : "") + String(index, radix: 16))!]
            machine.intent = intent
            return .machine(machine)
        }
    }

    private static func narrow(_ disk: SimDisk = SimDisk()) async throws -> (Workbench, NarrowStore) {
        let box = Mutex<NarrowStore?>(nil)
        let bench = try await Workbench(disk: disk) { inner in
            let store = NarrowStore(inner, operationsPerBatchMax: limit)
            box.withLock { $0 = store }
            return store
        }
        return (bench, try #require(box.withLock { $0 }))
    }

    private static func journal(_ store: any StateStore) async throws -> [String] {
        try await store.read(prefix: StoreKeys.siteJournal).records.map(\.key)
    }

    @Test func everyNodeTakesItInAsAWhole() async throws {
        let (bench, narrow) = try await Self.narrow()
        let seen = Mutex<Set<Int>>([])
        bench.cache.add(
            SiteCache.Follower(
                replace: { _ in }, take: { _ in },
                siteChanged: { site in seen.withLock { _ = $0.insert(site.machines.count) } }))
        try await bench.running { () async throws in
            let report = try await bench.sites.apply(Self.machines(), prune: false, dryRun: false)
            #expect(report.changes.count == Self.count)
            #expect(bench.cache.site.machines.count == Self.count)
            try await bench.until("all is told") { seen.withLock { $0.contains(Self.count) } }
            #expect(seen.withLock { $0 }.subtracting([0]) == [Self.count])
            #expect(narrow.batches.count > Self.count / Self.limit)
            #expect(try await Self.journal(narrow) == [])
            let again = try await bench.sites.apply(Self.machines(), prune: false, dryRun: false)
            #expect(again.changes.isEmpty && again.unchanged == Self.count)
        }
    }

    /// Whoever makes it dies after so many batches: the site is the one before or the one after, and is not stuck.
    @Test(arguments: 0..<12) func deathAtAnyStepLeavesAllOrNothing(batches: Int) async throws {
        let disk = SimDisk()
        let (first, store) = try await Self.narrow(disk)
        let told = Mutex<Bool?>(nil)
        try await first.running { () async throws in
            // Its answer means that the feed is there.
            _ = try await first.sites.put(.profile(Profile(name: "p")), expected: nil)
            store.goDown(afterBatches: batches)
            do {
                _ = try await first.sites.apply(Self.machines(), prune: false, dryRun: false)
                told.withLock { $0 = true }
            } catch { told.withLock { $0 = false } }
        }
        first.store.crash()

        let (second, after) = try await Self.narrow(disk)
        try await SiteJournal(store: after, lookMilliseconds: 1).settleIfUndecided()
        try await second.running { () async throws in
            let count = second.cache.site.machines.count
            #expect(count == (told.withLock { $0 } == true ? Self.count : 0))
            // Claim and part come first; the third batch decides.
            #expect(count == (batches < 3 ? 0 : Self.count))
            _ = try await second.sites.put(.profile(Profile(name: "q")), expected: nil)
            #expect(second.cache.site.machines.count == count && second.cache.site.profiles.count == 2)
            let stored = try await after.read(prefix: StoreKeys.site(.machine, "")).records.count
            #expect(stored == count)
            #expect(try await !Self.journal(after).contains(StoreKeys.siteJournal))
            _ = try await second.sites.apply(Self.machines(.hold), prune: false, dryRun: false)
            #expect(try await Self.journal(after) == [])
        }
    }

    @Test func aDecisionWhoseAnswerIsLostIsFound() async throws {
        let (bench, store) = try await Self.narrow()
        try await bench.running { () async throws in
            store.failure = (store.batches.count + 2, .loseAnswer(.unavailable("lost")))
            _ = try await bench.sites.apply(Self.machines(), prune: false, dryRun: false)
            #expect(bench.cache.site.machines.count == Self.count)
            #expect(try await Self.journal(store) == [])
        }
    }

    @Test func whatHasChangedMeanwhileStopsItAndLeavesNothing() async throws {
        let (bench, store) = try await Self.narrow()
        try await bench.running { () async throws in
            _ = try await bench.sites.put(Self.machines()[0], expected: nil)
            let writes = Self.machines(.hold).map { object in
                StoreWrite.put(key: StoreKeys.site(object.kind, object.name), value: ObjectRecord.encode(object))
            }
            let guards = writes.map { StoreGuard(key: $0.key, revision: .none) }
            await #expect(throws: StoreError.conflict(key: "site/machine/m0")) {
                try await SiteJournal(store: store).commit(StoreBatch(guards: guards, writes: writes))
            }
            #expect(try await store.read(prefix: StoreKeys.sitePrefix).records.count == 1)
            #expect(try await Self.journal(store) == [])
        }
    }

    @Test func twoAtOnceAreOneAfterTheOther() async throws {
        let (bench, store) = try await Self.narrow()
        try await bench.running { () async throws in
            async let a = bench.sites.apply(Self.machines(.local, 0..<20), prune: false, dryRun: false)
            async let b = bench.sites.apply(Self.machines(.hold, 20..<40), prune: false, dryRun: false)
            let done = try await [a.changes.count, b.changes.count]
            #expect(done == [20, 20])
            #expect(bench.cache.site.machines.count == 40)
            #expect(try await Self.journal(store) == [])
        }
    }

    @Test func aCopyTakesWhatIsDecided() async throws {
        let disk = SimDisk()
        let (first, store) = try await Self.narrow(disk)
        try await first.running { () async throws in
            _ = try await first.sites.put(.profile(Profile(name: "p")), expected: nil)
            store.goDown(afterBatches: 4)
            _ = try await first.sites.apply(Self.machines(), prune: false, dryRun: false)
        }
        first.store.crash()
        let (source, target) = (try SimStore(disk: disk), try SimStore())
        let report = try await StoreCopy(from: source, to: target).run()
        #expect(report.siteObjects == Self.count + 1)
        #expect(try await target.read(prefix: StoreKeys.site(.machine, "")).records.count == Self.count)
    }

    @Test func partsAreReadBackAndNothingElseIsRead() throws {
        let writes: [StoreWrite] = [
            .put(key: "site/a", value: [0, 10, 255]), .delete(key: "site/ü"), .put(key: "site/b", value: []),
        ]
        let bytes = SiteJournalPart.encode(writes)
        #expect(try SiteJournalPart.decode(bytes) == writes)
        for length in 1..<bytes.count where (try? SiteJournalPart.decode(Array(bytes.prefix(length)))) != nil {
            // Only where one write ends.
            #expect(SiteJournalPart.encode(try SiteJournalPart.decode(Array(bytes.prefix(length)))).count == length)
        }
        for text in [
            "put 1 99999999999999999999\na", "put -1 3\nabc\n", "put 9223372036854775807 1\na\n", "get 1 0\na\n",
        ] {
            #expect(throws: RecordError.self) { try SiteJournalPart.decode(Array(text.utf8)) }
        }
    }
}

extension SiteJournal {
    /// Without the patience for somebody who may still be at it.
    fileprivate func settleIfUndecided() async throws {
        if try await store.read(prefix: StoreKeys.siteJournal).records.contains(where: Self.isClaim) {
            try await settle()
        }
    }

    private static func isClaim(_ record: StoreRecord) -> Bool {
        (try? SiteJournalHead.decode(record.value))?.state == .claimed
    }
}
