// SPDX-License-Identifier: Apache-2.0

import Addresses
import Foundation
import Model
import Ports
import Simulation
import StoreSQLite
import Synchronization
import Testing

@testable import Engine

/// Moving to another store and back: everything arrives, epochs go on, and what is cut short is finished by the next.
@Suite struct StoreCopyTests {
    // MARK: There and back

    @Test func everythingArrivesAndEpochsGoOn() async throws {
        try await withSQLite { sqlite in
            try await Self.fill(sqlite, leases: 700)
            try await sqlite.put("beat/a", "1\tx")
            try await sqlite.put("order/rack", "a")
            try await sqlite.put("drain/a", "")
            try await sqlite.put("cluster", "secret")
            let cluster = try SimStore()
            let report = try await StoreCopy(from: sqlite, to: cluster).run()
            #expect(report.siteObjects == 3)
            #expect(report.bootStates == 1)
            #expect(report.leases == 700)
            #expect(report.terms == 1)
            #expect(report.written == 705)
            for prefix in ["site/", "site-boot/", "lease/"] {
                let (old, new) = try await (sqlite.values(prefix), cluster.values(prefix))
                #expect(old == new)
            }
            for prefix in ["beat/", "order/", "drain/", "cluster"] { #expect(try await cluster.values(prefix).isEmpty) }
            let term = try await Self.term(cluster)
            #expect(term.epoch == Epoch(17))
            #expect(term.holder == NodeRun(node: "a", incarnation: 0))
            #expect(term.cause == .start)
            #expect(term.since == Instant(seconds: 900))
        }
    }

    /// Images' names are the site's; what nodes hold of them, and what machines have been given, is not.
    @Test func imagesAreCopiedAndWhatNodesSayOfThemIsNot() async throws {
        try await withSQLite { sqlite in
            try await Self.fill(sqlite, leases: 1)
            try await sqlite.put("site-content/debian-12", "1\tx")
            for key in ["site-holds/a", "site-target/a", "site-served/52-54-00-00-00-01"] {
                try await sqlite.put(key, "1\tx")
            }
            let cluster = try SimStore()
            let report = try await StoreCopy(from: sqlite, to: cluster).run()
            #expect(report.images == 1)
            #expect(report.siteObjects == 3)
            #expect(try await cluster.values("site-content/") == sqlite.values("site-content/"))
            for prefix in ["site-holds/", "site-target/", "site-served/"] {
                #expect(try await cluster.values(prefix).isEmpty)
            }
            try await cluster.put("site-content/debian-12", "1\ty")
            try await cluster.put("site-holds/b", "1\tx")
            var holdings = StoreCopyRefusal.Holdings()
            holdings.images = 1
            await #expect(throws: StoreCopyRefusal.targetHolds(holdings)) {
                try await StoreCopy(from: sqlite, to: cluster).run()
            }
        }
    }

    @Test func theWayBackGivesUpWhatStoodThereBefore() async throws {
        try await withSQLite { sqlite in
            try await Self.fill(sqlite, leases: 3)
            let cluster = try SimStore()
            _ = try await StoreCopy(from: sqlite, to: cluster).run()
            // The cluster lives on: a term changes, a lease goes, one comes, one is renewed, and a network is added.
            try await cluster.put("term/rack", Self.term(epoch: 25))
            _ = try await cluster.commit(StoreBatch(writes: [.delete(key: "lease/rack/0a000000")]))
            try await cluster.put("lease/rack/0a0000ff", "new")
            try await cluster.put("lease/rack/0a000001", "renewed")
            try await cluster.put("site/network/other", "network")

            let holdings = StoreCopyRefusal.Holdings(siteObjects: 0, bootStates: 0, leases: 2)
            let before = try await sqlite.values("")
            await #expect(throws: StoreCopyRefusal.targetHolds(holdings)) {
                try await StoreCopy(from: cluster, to: sqlite).run()
            }
            #expect(try await sqlite.values("") == before)

            _ = try await StoreCopy(from: cluster, to: sqlite, replaces: true).run()
            for prefix in ["site/", "lease/"] {
                let (old, new) = try await (cluster.values(prefix), sqlite.values(prefix))
                #expect(old == new)
            }
            #expect(try await Self.term(sqlite).epoch == Epoch(25))
        }
    }

    /// An old copy over a newer store: the site goes back, the epoch must not.
    @Test func anEpochNeverGoesBack() async throws {
        let (old, cluster) = (try SimStore(), try SimStore())
        try await Self.fill(old, leases: 1)
        try await Self.fill(cluster, leases: 2)
        try await cluster.put("term/rack", Self.term(epoch: 40))
        try await cluster.put("term/gone", Self.term(epoch: 3))
        _ = try await StoreCopy(from: old, to: cluster, replaces: true).run()
        #expect(try await Self.term(cluster).epoch == Epoch(40))
        #expect(try await cluster.values("lease/").count == 1)
        #expect(try await cluster.values("term/gone").count == 1)
    }

    @Test func theTermOfAnOldVersionIsRewritten() async throws {
        let (source, target) = (try SimStore(), try SimStore())
        try await Self.fill(source, leases: 1)
        try await source.put("term/rack", "1\told-host\t9")
        _ = try await StoreCopy(from: source, to: target).run()
        let term = try await Self.term(target)
        #expect(term.holder == NodeRun(node: "old-host", incarnation: 0) && term.epoch == Epoch(9))
    }

    @Test func aSecondCopyHasNothingToDo() async throws {
        let (source, target) = (try SimStore(), try SimStore())
        try await Self.fill(source, leases: 5)
        _ = try await StoreCopy(from: source, to: target).run()
        let before = try await target.read(prefix: "").records
        let report = try await StoreCopy(from: source, to: target).run()
        #expect(report.written == 0 && report.leases == 5)
        #expect(try await target.read(prefix: "").records == before)
    }

    // MARK: Faults

    /// At whichever batch it is cut short, whether that was written or not: a node started then is silent or finds
    /// every lease, and the next copy finishes.
    @Test(arguments: [false, true], [false, true])
    func anInterruptedCopyIsFinishedByTheNext(isAnswerLost: Bool, replaces: Bool) async throws {
        let error = StoreError.unavailable("the line is cut")
        for failing in 0..<30 {
            let source = try SimStore()
            try await Self.fill(source, leases: 40)
            let target = NarrowStore(try SimStore(), operationsPerBatchMax: 4)
            if replaces {
                // The same network, and half of the leases are of another time.
                try await Self.fill(target.inner, leases: 60)
                for index in 0..<20 { try await target.inner.put(Self.leaseKey(index), "stale") }
            }
            target.failure = (failing, isAnswerLost ? .loseAnswer(error) : .fail(error))
            let copy = StoreCopy(from: source, to: target, replaces: replaces)
            var isFinished = false
            do throws(StoreCopyRefusal) {
                _ = try await copy.run()
                isFinished = true
            } catch { #expect(error == .store(.target, .unavailable("the line is cut"))) }
            if isFinished {
                #expect(failing > 10)
                break
            }
            if try await !target.values("site/network/").isEmpty {
                let isUntouched = replaces && target.batches.count <= 1
                if !isUntouched { #expect(try await target.values("lease/") == source.values("lease/")) }
            }
            let report = try await copy.run()
            #expect(report.leases == 40)
            for prefix in ["site/", "site-boot/", "lease/"] {
                let (old, new) = try await (source.values(prefix), target.values(prefix))
                #expect(old == new)
            }
            #expect(target.batches.allSatisfy { (1...4).contains($0) })
        }
    }

    @Test func batchesHaveBytesEnough() async throws {
        let (source, target) = (try SimStore(), NarrowStore(try SimStore(), operationsPerBatchMax: 100))
        let large = String(repeating: "x", count: Limits.storeCopyBatchBytesMax / 3)
        for index in 0..<7 { try await source.put("site/template/t\(index)", large) }
        try await source.put("site/template/z", large + large + large + large)
        _ = try await StoreCopy(from: source, to: target).run()
        #expect(target.batches == [2, 2, 2, 1, 1])
    }

    /// Between reading and comparing, somebody writes.
    @Test func aWriterInBetweenIsNoticed() async throws {
        let (source, target) = (try SimStore(), NarrowStore(try SimStore(), operationsPerBatchMax: 100))
        try await Self.fill(source, leases: 5)
        target.afterBatch = { source.commit(Self.batch(Self.leaseKey(0), "renewed")) { _ in } }
        await #expect(throws: StoreCopyRefusal.sourceChanged(Self.leaseKey(0))) {
            try await StoreCopy(from: source, to: target).run()
        }
        let other = NarrowStore(try SimStore(), operationsPerBatchMax: 100)
        other.afterBatch = { other.inner.commit(Self.batch(Self.leaseKey(77), "somebody's")) { _ in } }
        await #expect(throws: StoreCopyRefusal.targetDiffers(Self.leaseKey(77))) {
            try await StoreCopy(from: source, to: other).run()
        }
    }

    // MARK: Refusals

    @Test(arguments: [StoreCopyRefusal.Side.source, .target])
    func aRunningNodeIsNoticed(side: StoreCopyRefusal.Side) async throws {
        let (source, target) = (
            NarrowStore(try SimStore(), isShared: true), NarrowStore(try SimStore(), isShared: true)
        )
        try await Self.fill(source.inner, leases: 1)
        let busy = side == .source ? source : target
        for store in [source, target] { try await store.inner.put("beat/stopped", "1") }
        async let beats: Void = Self.beat(on: busy)
        await #expect(throws: StoreCopyRefusal.running(["rack1-b"], side)) {
            try await StoreCopy(from: source, to: target, quietMilliseconds: 200).run()
        }
        await beats
        #expect(try await target.values("site/").isEmpty)
        // Now it is quiet.
        _ = try await StoreCopy(from: source, to: target, quietMilliseconds: 50).run()
    }

    @Test func nothingIsNotCopied() async throws {
        let (source, target) = (try SimStore(), try SimStore())
        try await Self.fill(target, leases: 1)
        await #expect(throws: StoreCopyRefusal.sourceIsEmpty) {
            try await StoreCopy(from: source, to: target, replaces: true).run()
        }
        #expect(try await target.values("lease/").count == 1)
    }

    @Test func aTermThatCannotBeReadStopsIt() async throws {
        let (source, target) = (try SimStore(), try SimStore())
        try await Self.fill(source, leases: 1)
        try await source.put("term/rack", "9\twhat")
        do {
            _ = try await StoreCopy(from: source, to: target).run()
            Issue.record("copied a term that nobody can read")
        } catch {
            #expect("\(error)".hasPrefix("the source: it cannot be read (term/rack: "))
        }
        #expect(try await target.values("").isEmpty)
    }

    // MARK: Parts

    private static func leaseKey(_ index: Int) -> String {
        StoreKeys.lease("rack", IPv4Address(bits: 0x0a00_0000 + UInt32(index)))
    }

    private static func batch(_ key: String, _ text: String) -> StoreBatch {
        StoreBatch(writes: [.put(key: key, value: Array(text.utf8))])
    }

    /// A node that runs for a second.
    private static func beat(on store: NarrowStore) async {
        for count in 0..<20 {
            _ = try? await store.inner.put("beat/rack1-b", "\(count)")
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func term(epoch: UInt64) -> String {
        let term = Term(
            network: "rack", holder: NodeRun(node: "a", incarnation: 12345), epoch: Epoch(epoch), cause: .silent,
            since: Instant(seconds: 900))
        return String(decoding: TermRecord.encode(term), as: UTF8.self)
    }

    private static func fill(_ store: any StateStore, leases: Int) async throws {
        try await store.put("site/network/rack", "network")
        try await store.put("site/machine/web1", "machine")
        try await store.put("site/reservation/rack/10.0.0.9", "reservation")
        try await store.put("site-boot/web1", "state")
        try await store.put("term/rack", term(epoch: 17))
        let writes = (0..<leases).map { StoreWrite.put(key: leaseKey($0), value: Array("lease \($0)".utf8)) }
        _ = try await store.commit(StoreBatch(writes: writes))
    }

    private static func term(_ store: any StateStore) async throws -> Term {
        let record = try #require(try await store.read(prefix: "term/rack").records.first)
        return try TermRecord.decode(record.value, network: "rack")
    }

    private func withSQLite(_ body: (SQLiteStore) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ondeck-copy-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try SQLiteStore(path: folder + "/ondeck.sqlite")
        try await body(store)
        await store.close()
    }
}

extension StateStore {
    @discardableResult
    fileprivate func put(_ key: String, _ text: String) async throws -> Revision {
        try await commit(StoreBatch(writes: [.put(key: key, value: Array(text.utf8))]))
    }

    fileprivate func values(_ prefix: String) async throws -> [String: [UInt8]] {
        let pairs = try await read(prefix: prefix).records.map { ($0.key, $0.value) }
        return Dictionary(pairs, uniquingKeysWith: { _, last in last })
    }
}
