// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Foundation
import Model
import NIOCore
import Testing

@testable import ContentService
@testable import Engine

@Suite(.serialized, .timeLimit(.minutes(3)))
struct PullTests {
    /// n1 at the origin holds it; n2 and n3 are elsewhere.
    private func lab(_ placement: Placement, _ bytes: [UInt8]) async throws -> (TestCluster, TestWeb) {
        let cluster = try await TestCluster()
        cluster.change { site in
            var origin = Location(name: "origin")
            origin.nodes = ["n1"]
            origin.isOrigin = true
            site.locations["origin"] = origin
            var berlin = Location(name: "berlin")
            berlin.nodes = ["n2", "n3"]
            site.locations["berlin"] = berlin
        }
        cluster.place("debian", placement)
        let web = try TestWeb { _ in .init(bytes: bytes, tag: nil) }
        // Uploads have no source but the nodes.
        let body = AsyncThrowingStream<ByteBuffer, any Error> { stream in
            stream.yield(ByteBuffer(bytes: bytes))
            stream.finish()
        }
        let n1 = try cluster["n1"]
        _ = try await n1.center.upload("debian", file: "linux", total: Int64(bytes.count), offset: 0, body).get()
        _ = try await n1.center.startImport("debian", ImportRequest(upload: "linux")).get()
        try await eventually("the origin holds it") { n1.isComplete("debian") }
        try await eventually("the lists are everywhere") {
            try ["n2", "n3"].allSatisfy { try cluster[$0].library.manifest("debian") != nil }
        }
        return (cluster, web)
    }

    @Test func manyFirstRequestsFetchOnce() async throws {
        let bytes = noise(2 << 20)
        let (cluster, _) = try await lab(.onDemand, bytes)
        let n2 = try cluster["n2"]
        #expect(!n2.blobs.holds(digest(bytes)))
        try cluster["n1"].web.delay(milliseconds: 10)
        try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            for _ in 0..<20 { group.addTask { try await n2.read("debian/linux") } }
            for try await got in group { #expect(got == bytes) }
        }
        #expect(try cluster["n1"].web.requests("GET", "/c/\(digest(bytes))").count == 1)
        try await eventually("it is kept") { n2.isComplete("debian") }
        await cluster.end()
    }

    @Test func theFirstBytesAreThereBeforeTheLast() async throws {
        let bytes = noise(2 << 20)
        let (cluster, _) = try await lab(.onDemand, bytes)
        let n2 = try cluster["n2"]
        try cluster["n1"].web.delay(milliseconds: 50)
        let start = ContinuousClock.now
        guard case .arriving(let file, _) = await n2.library.open(try ContentPath("debian/linux")) else {
            Issue.record("it does not arrive")
            return
        }
        let count = try await file.available(beyond: 0)
        #expect(count > 0 && count < bytes.count / 2)
        #expect(ContinuousClock.now - start < .milliseconds(800))
        await cluster.end()
    }

    @Test func aStreamedFileIsNotKept() async throws {
        let bytes = noise(1 << 20)
        let (cluster, _) = try await lab(.stream, bytes)
        let n2 = try cluster["n2"]
        #expect(try await n2.read("debian/linux") == bytes)
        #expect(!n2.blobs.holds(digest(bytes)))
        #expect(n2.partialBytes(digest(bytes)) == nil)
        #expect(try await n2.read("debian/linux") == bytes)
        #expect(try cluster["n1"].web.requests("GET", "/c/\(digest(bytes))").count == 2)
        await cluster.end()
    }

    @Test func aSourceThatIsGoneIsReportedBeforeAMachineAsks() async throws {
        let bytes = noise(100_000)
        let (cluster, _) = try await lab(.onDemand, bytes)
        let n2 = try cluster["n2"]
        func warned() -> [String] { n2.texts.filter { $0.contains("cannot be fetched by this node in berlin") } }
        try cluster["n1"].web.setDown(true)
        try await eventually("it is said", within: 30) { warned().count == 1 }
        try await eventually("it is in the store") {
            if case .failed? = n2.holding("debian")?.state { true } else { false }
        }
        try await eventually("the place is named") {
            let image = try cluster["n1"].center.places().images.first { $0.name == "debian" }
            return image?.warnings.contains { $0.hasPrefix("no machine in berlin can boot it") } ?? false
        }
        #expect(await n2.library.open(try ContentPath("debian/linux")).isUnavailable)
        #expect(try await cluster["n1"].read("debian/linux") == bytes)
        try cluster["n1"].web.setDown(false)
        try await eventually("it is taken back", within: 30) { n2.texts.contains { $0.contains("this node again") } }
        #expect(warned().count == 1)
        #expect(try await n2.read("debian/linux") == bytes)
        await cluster.end()
    }

    @Test func theCacheHasItsLimitAndKeepsWhatWasUsedLast() async throws {
        let bytes = noise(300_000)
        let (cluster, _) = try await lab(.onDemand, bytes)
        await cluster.stop("n2")
        let n2 = try await cluster.start("n2", cacheBytesMax: 400_000)
        #expect(try await n2.read("debian/linux") == bytes)
        try await eventually("it is kept") { n2.blobs.holds(digest(bytes)) }
        cluster.place("other", .onDemand)
        let other = noise(300_000, seed: 4)
        let web = try TestWeb { _ in .init(bytes: other, tag: nil) }
        let n1 = try cluster["n1"]
        _ = try await n1.center.startImport("other", ImportRequest(url: web.base + "/linux")).get()
        try await eventually("the origin holds it") { n1.isComplete("other") }
        try await eventually("n2 knows it") { n2.library.manifest("other") != nil }
        #expect(try await n2.read("other/linux") == other)
        try await eventually("it is kept") { n2.blobs.holds(digest(other)) }
        #expect(!n2.blobs.holds(digest(bytes)))
        #expect(n1.blobs.holds(digest(bytes)))
        await cluster.end()
    }

    @Test func whatNoImageNeedsIsRemovedWhenAsked() async throws {
        let (cluster, _) = try await lab(.everywhere, noise(50_000))
        let n1 = try cluster["n1"]
        let stray = try n1.blobs.add(bytes: noise(5_000, seed: 8))
        try await eventually("the import is over") { !n1.center.importer.isRunning }
        let dry = n1.center.collectGarbage(dryRun: true)
        #expect(dry.files == 1 && dry.bytes == 5_000 && n1.blobs.holds(stray.digest))
        #expect(n1.center.collectGarbage(dryRun: false).files == 1)
        #expect(!n1.blobs.holds(stray.digest) && n1.isComplete("debian"))
        await cluster.end()
    }
}

extension LibraryAnswer {
    fileprivate var isUnavailable: Bool { if case .unavailable = self { true } else { false } }
}
