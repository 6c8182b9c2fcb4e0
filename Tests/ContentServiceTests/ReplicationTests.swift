// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Glibc
import Model
import Ports
import Simulation
import Testing

@testable import ContentService
@testable import Engine

@Suite(.serialized, .timeLimit(.minutes(3)))
struct ReplicationTests {
    /// Puts an image of one file under a name, as if `node` had imported it.
    private func put(_ bytes: [UInt8], as image: String, on node: TestNode, file: String = "linux") async throws {
        let (digest, count) = try node.blobs.add(bytes: bytes)
        let manifest = Manifest(files: [ContentFile(path: file, digest: digest, bytes: count)])
        let (list, _) = try node.blobs.add(bytes: ManifestText.encode(manifest))
        var holdings = node.index.holdings[node.name] ?? Holdings(node: node.name)
        holdings.images[image] = ImageHolding(manifest: list, state: .complete, bytesHeld: count, bytesTotal: count)
        // In the same instant, as an import does: others must not look for a holder in vain.
        let beside = [StoreWrite.put(key: StoreKeys.holds(node.name), value: HoldingsText.encode(holdings))]
        _ = try await node.center.importer.records.update(image, attempts: 3, beside: beside) { _ throws(ImportFault) in
            var record = ImageRecord(name: image, state: .ready)
            record.manifest = list
            record.bytes = count
            record.files = 1
            record.source = "upload"
            return record
        }
    }

    @Test func aCutTransferPublishesNothingAndGoesOnWhereItWas() async throws {
        let cluster = try await TestCluster(["n1", "n2"])
        let (n1, n2) = (try cluster["n1"], try cluster["n2"])
        let (big, small) = (noise(4 << 20), noise(10_000, seed: 3))
        try await put(small, as: "small", on: n1)
        try await eventually("the small one is there") { n2.isComplete("small") }
        n1.web.cut(after: 1_500_000)
        n1.web.delay(milliseconds: 20)
        try await put(big, as: "big", on: n1)
        try await eventually("a part has come") { (n2.partialBytes(digest(big)) ?? 0) >= 1_500_000 }
        n1.web.setDown(true)
        try await eventually("it is said") { if case .failed? = n2.holding("big")?.state { true } else { false } }
        #expect(!n2.blobs.holds(digest(big)))
        #expect(try await n2.read("small/linux") == small)
        n1.web.cut(after: nil)
        n1.web.setDown(false)
        try await eventually("it is complete") { n2.isComplete("big") }
        let requests = n1.web.requests("GET", "/c/\(digest(big))")
        let last = try #require(requests.last)
        #expect(last.from >= 1_500_000 && last.ifRange == "\"\(digest(big))\"")
        #expect(try await n2.read("big/linux") == big)
        await cluster.end()
    }

    @Test func aReceiverThatDiesGoesOnWhereItWas() async throws {
        let cluster = try await TestCluster(["n1", "n2"])
        let big = noise(4 << 20)
        try cluster["n1"].web.delay(milliseconds: 30)
        try await put(big, as: "big", on: cluster["n1"])
        try await eventually("a part has come") { try cluster["n2"].partialBytes(digest(big)) ?? 0 > 500_000 }
        await cluster.stop("n2")
        try cluster["n1"].web.delay(milliseconds: 0)
        try await cluster.start("n2")
        try await eventually("it is complete") { try cluster["n2"].isComplete("big") }
        #expect(try cluster["n1"].web.requests("GET", "/c/\(digest(big))").last?.from ?? 0 > 500_000)
        await cluster.end()
    }

    @Test func whenTheSenderDiesAnotherHolderGoesOn() async throws {
        let cluster = try await TestCluster(["n1", "n2"])
        let big = noise(4 << 20)
        try await put(big, as: "big", on: cluster["n1"])
        try await eventually("two hold it") { try cluster["n2"].isComplete("big") }
        for name in ["n1", "n2"] { try cluster[name].web.delay(milliseconds: 30) }
        try await cluster.start("n3")
        try await eventually("a part has come") { try cluster["n3"].partialBytes(digest(big)) ?? 0 > 300_000 }
        let path = "/c/\(digest(big))"
        let sender = try cluster["n1"].web.requests("GET", path).isEmpty ? "n2" : "n1"
        let isFirst = try cluster["n1"].web.requests("GET", path).count
        try cluster[sender].web.setDown(true)
        try await eventually("it is complete") { try cluster["n3"].isComplete("big") }
        #expect(isFirst <= 2)
        #expect(try await cluster["n3"].read("big/linux") == big)
        await cluster.end()
    }

    @Test func aDamagedFileIsNotServedAndComesBackFromAPeer() async throws {
        let cluster = try await TestCluster(["n1", "n2"])
        let bytes = noise(500_000)
        try await put(bytes, as: "debian", on: cluster["n1"])
        let n2 = try cluster["n2"]
        try await eventually("n2 holds it") { n2.isComplete("debian") }
        let path = n2.blobPath(digest(bytes))
        chmod(path, 0o644)
        let file = open(path, O_WRONLY)
        pwrite(file, [0, 0, 0, 0], 4, 1_000)
        close(file)
        #expect(n2.library.open(digest: digest(bytes)).file == nil)
        try await eventually("it is whole again") { n2.isComplete("debian") && n2.blobs.holds(digest(bytes)) }
        #expect(try await n2.read("debian/linux") == bytes)
        try await eventually("it is said") { n2.texts.contains { $0.contains("whole again on this node, from n1") } }
        #expect(n2.texts.contains { $0.hasPrefix("debian/linux was damaged on this node's disk") })
        await cluster.end()
    }

    @Test func aListThatIsGoneIsReplaced() async throws {
        let cluster = try await TestCluster(["n1"])
        let n1 = try cluster["n1"]
        try await put(noise(1_000), as: "debian", on: n1)
        try await eventually("n1 holds it") { n1.isComplete("debian") }
        let list = try #require(n1.index.image("debian")?.manifest)
        unlink(n1.blobPath(list))
        #expect(n1.library.open(digest: list).file == nil)
        try await eventually("it is back") { n1.library.open(digest: list).file != nil }
        await cluster.end()
    }

    @Test func outsideTheHoursOnlyWhatIsAskedForComes() async throws {
        let cluster = try await TestCluster(["n1", "n2"])
        let minute = Int(cluster.clock.now().seconds % 86_400 / 60)
        func place(_ hours: [Location.Hours], _ rate: Int64?) {
            cluster.change { site in
                var location = Location(name: "berlin")
                location.nodes = ["n2"]
                location.hours = hours
                location.bytesPerSecondMax = rate
                site.locations["berlin"] = location
            }
        }
        place([.init(fromMinute: (minute + 120) % 1_440, untilMinute: (minute + 180) % 1_440)], nil)
        let n2 = try cluster["n2"]
        let bytes = noise(1 << 20)
        try await put(bytes, as: "debian", on: cluster["n1"])
        try await Task.sleep(for: .seconds(1.5))
        #expect(!n2.blobs.holds(digest(bytes)))
        try await eventually("it is seen to wait") {
            let cell = n2.center.places().images.first?.holdings.last
            return cell?.node == "n2" && cell?.state == "waiting" && cell?.reason?.contains("hours") == true
        }
        #expect(try await n2.read("debian/linux") == bytes)
        let slow = noise(1 << 20, seed: 5)
        place([], 1 << 20)
        let start = ContinuousClock.now
        try await put(slow, as: "slow", on: cluster["n1"])
        try await eventually("it is complete") { n2.isComplete("slow") }
        #expect(ContinuousClock.now - start > .milliseconds(700))
        await cluster.end()
    }

    @Test func whatTheEndOfTheHoursInterruptsHasNotFailed() async throws {
        let cluster = try await TestCluster(["n1", "n2"])
        let minute = Int(cluster.clock.now().seconds % 86_400 / 60)
        func place(_ hours: [Location.Hours]) {
            cluster.change { site in
                var location = Location(name: "berlin")
                location.nodes = ["n2"]
                location.hours = hours
                location.bytesPerSecondMax = 256 << 10
                site.locations["berlin"] = location
            }
        }
        place([])
        let (n2, bytes) = (try cluster["n2"], noise(2 << 20))
        try await put(bytes, as: "debian", on: cluster["n1"])
        try await eventually("a part has come") { (n2.partialBytes(digest(bytes)) ?? 0) > 100_000 }
        place([.init(fromMinute: (minute + 120) % 1_440, untilMinute: (minute + 180) % 1_440)])
        try await eventually("it is seen to wait") {
            let cell = n2.center.places().images.first?.holdings.last
            return cell?.node == "n2" && cell?.state == "waiting"
        }
        #expect(n2.texts.filter { $0.contains("is not complete") } == [])
        await cluster.end()
    }

    @Test func aNodeStopsWhileItLooksForAListThatNobodyHas() async throws {
        let cluster = try await TestCluster(["n1"])
        var record = ImageRecord(name: "debian", state: .ready)
        record.manifest = digest([1])
        let write = StoreWrite.put(key: StoreKeys.content("debian"), value: ImageRecordText.encode(record))
        _ = try await cluster.store.commit(StoreBatch(writes: [write]))
        for pause in 0..<10 {
            try await cluster.start("n1")
            try await Task.sleep(for: .milliseconds(40 + pause))
            await cluster.stop("n1")
        }
        await cluster.end()
    }

    @Test func whatTheStoreSaysOfThisNodeIsPutRight() async throws {
        let cluster = try await TestCluster(["n1"])
        let n1 = try cluster["n1"]
        try await put(noise(1_000), as: "debian", on: n1)
        try await eventually("it is complete") { n1.isComplete("debian") }
        _ = try await cluster.store.commit(
            StoreBatch(writes: [.put(key: StoreKeys.holds("n1"), value: HoldingsText.encode(Holdings(node: "n1")))]))
        try await eventually("the other word has come") { !n1.isComplete("debian") }
        try await eventually("it is put right", within: 15) { n1.isComplete("debian") }
        await cluster.end()
    }

    /// A file of the right length, and one that goes on after its end; to stay, and only through.
    @Test(arguments: [200_000, 900_000], [true, false])
    func aWrongFileAtOneSourceIsMadeUpForByAnother(_ count: Int, _ keeps: Bool) async throws {
        let cluster = try await TestCluster(["n1", "n2", "n3"])
        let bytes = noise(200_000)
        let bad = try TestWeb { _ in .init(bytes: noise(count, seed: 9), tag: nil) }
        bad.hideLength()
        let n3 = try cluster["n3"]
        cluster.place("debian", .onDemand)
        try await put(bytes, as: "debian", on: cluster["n1"])
        let file = ContentFile(path: "linux", digest: digest(bytes), bytes: 200_000)
        let flight = try #require(
            n3.center.fetcher.fetch(file, for: .pull(keeps: keeps)) {
                [.peer("bad", base: bad.base), .peer("n1", base: (try? cluster["n1"].web.base) ?? "")]
            })
        guard case .arrived(let from, let passedOver) = await flight.ended.value else {
            Issue.record("it has not arrived")
            return
        }
        let why = count > 200_000 ? "more than" : "SHA-256"
        #expect(from == "n1" && passedOver.count == 1 && passedOver[0].contains(why))
        await cluster.end()
    }
}
