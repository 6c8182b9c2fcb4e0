// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

@Suite struct BlobGarbageTests {
    private static func digest(_ number: UInt8) -> Digest { Digest(bytes: [UInt8](repeating: number, count: 32))! }

    private static func manifest(_ numbers: UInt8...) -> Manifest {
        Manifest(files: numbers.map { ContentFile(path: "f\($0)", digest: digest($0), bytes: 100) })
    }

    private static func facts(_ held: [(UInt8, used: Int64)]) -> BlobGarbage.Facts {
        var facts = BlobGarbage.Facts()
        facts.held = held.map { HeldBlob(digest: digest($0.0), bytes: 100, lastUsed: Instant(seconds: $0.used)) }
        return facts
    }

    private static func at(_ seconds: Int64) -> Instant { Instant(seconds: seconds) }

    @Test func whatNoImageNeedsGoesAfterTheGrace() {
        var garbage = BlobGarbage()
        let facts = Self.facts([(1, 0)])
        #expect(garbage.due(facts, now: Self.at(10_000), graceSeconds: 60).unneeded.isEmpty)
        #expect(garbage.due(facts, now: Self.at(10_059), graceSeconds: 60).unneeded.isEmpty)
        #expect(garbage.due(facts, now: Self.at(10_060), graceSeconds: 60).unneeded == [Self.digest(1)])
    }

    @Test func theGraceBeginsAnewWhenItWasNeededOrUsed() {
        var garbage = BlobGarbage()
        var facts = Self.facts([(1, 0)])
        _ = garbage.due(facts, now: Self.at(0), graceSeconds: 60)
        facts.manifests["a"] = (Self.digest(9), Self.manifest(1))
        facts.kept = ["a"]
        #expect(garbage.due(facts, now: Self.at(61), graceSeconds: 60) == BlobGarbage.Verdict())
        facts.manifests = [:]
        #expect(garbage.due(facts, now: Self.at(62), graceSeconds: 60).unneeded.isEmpty)
        let used = Self.facts([(1, 100)])
        #expect(garbage.due(used, now: Self.at(130), graceSeconds: 60).unneeded.isEmpty)
        #expect(garbage.due(used, now: Self.at(160), graceSeconds: 60).unneeded == [Self.digest(1)])
    }

    @Test func nothingGoesWhileAListOfFilesIsNotKnown() {
        var garbage = BlobGarbage()
        var facts = Self.facts([(1, 0)])
        facts.hasUnknownManifests = true
        #expect(garbage.due(facts, now: Self.at(10_000), graceSeconds: 0).unneeded.isEmpty)
        facts.hasUnknownManifests = false
        #expect(garbage.due(facts, now: Self.at(10_000), graceSeconds: 0).unneeded == [Self.digest(1)])
    }

    @Test func importsUnderWayAndListsStay() {
        var garbage = BlobGarbage()
        var facts = Self.facts([(1, 0), (9, 0)])
        facts.pinned = [Self.digest(1)]
        facts.manifests["a"] = (Self.digest(9), Self.manifest())
        facts.safeElsewhere = ["a"]
        facts.cacheBytesMax = 0
        #expect(garbage.due(facts, now: Self.at(10_000), graceSeconds: 0) == BlobGarbage.Verdict())
    }

    @Test func theLeastRecentlyUsedIsEvicted() {
        var garbage = BlobGarbage()
        var facts = Self.facts([(1, 30), (2, 10), (3, 20), (4, 5)])
        facts.manifests["a"] = (Self.digest(9), Self.manifest(1, 2, 3))
        facts.manifests["b"] = (Self.digest(8), Self.manifest(4))
        facts.kept = ["b"]
        facts.safeElsewhere = ["a", "b"]
        facts.cacheBytesMax = 100
        let verdict = garbage.due(facts, now: Self.at(10_000), graceSeconds: 0)
        #expect(verdict.evicted == [Self.digest(2), Self.digest(3)])
        #expect(verdict.unneeded.isEmpty)
        facts.cacheBytesMax = 300
        #expect(garbage.due(facts, now: Self.at(10_000)).evicted.isEmpty)
    }

    @Test func theLastCopyIsNotEvicted() {
        var garbage = BlobGarbage()
        var facts = Self.facts([(1, 10), (2, 20)])
        facts.manifests["a"] = (Self.digest(9), Self.manifest(1))
        facts.manifests["b"] = (Self.digest(8), Self.manifest(1, 2))
        facts.safeElsewhere = ["b"]
        facts.cacheBytesMax = 0
        #expect(garbage.due(facts, now: Self.at(10_000)).evicted == [Self.digest(2)])
    }

    @Test func aFileOfAKeptImageStaysThoughAnotherHasItToo() {
        var garbage = BlobGarbage()
        var facts = Self.facts([(1, 10)])
        facts.manifests["a"] = (Self.digest(9), Self.manifest(1))
        facts.manifests["b"] = (Self.digest(8), Self.manifest(1))
        facts.kept = ["a"]
        facts.safeElsewhere = ["a", "b"]
        facts.cacheBytesMax = 0
        #expect(garbage.due(facts, now: Self.at(10_000)) == BlobGarbage.Verdict())
    }
}
