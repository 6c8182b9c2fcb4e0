// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Glibc
import Model
import NIOCore
import Ports
import Simulation
import Synchronization
import Testing

@testable import ContentService
@testable import Engine

/// Imports at the same time as something else, and from servers that cannot be relied on.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct ImportFaultTests {
    private func state(_ node: TestNode, _ image: String) -> String? { node.center.show(image)?.state }

    private func isOver(_ node: TestNode, _ image: String) -> Bool {
        ["ready", "failed"].contains(state(node, image))
    }

    @Test func twoImagesFromOneAddressDoNotGetInEachOthersWay() async throws {
        let cluster = try await TestCluster(["n1"])
        let n1 = try cluster["n1"]
        let bytes = noise(2 << 20)
        let origin = try TestWeb { _ in .init(bytes: bytes, tag: nil) }
        origin.delay(milliseconds: 20)
        for image in ["a", "b"] {
            _ = try await n1.center.startImport(image, ImportRequest(url: origin.base + "/linux")).get()
            try await Task.sleep(for: .milliseconds(200))
        }
        try await eventually("both are over") { isOver(n1, "a") && isOver(n1, "b") }
        for image in ["a", "b"] {
            #expect(n1.center.show(image)?.reason == nil)
            #expect(try await n1.read("\(image)/linux") == bytes)
        }
        await cluster.end()
    }

    @Test func nothingIsLeftOfALongerFileThatHadNoVersion() async throws {
        let cluster = try await TestCluster(["n1"])
        let n1 = try cluster["n1"]
        let (long, short) = (noise(1 << 20), noise(200_000, seed: 2))
        let asked = Mutex(0)
        let origin = try TestWeb { _ in
            let count = asked.withLock { count in
                count += 1
                return count
            }
            return .init(bytes: count == 1 ? long : short, tag: nil)
        }
        origin.cut(after: 500_000)
        _ = try await n1.center.startImport("a", ImportRequest(url: origin.base + "/linux")).get()
        try await eventually("it is over") { isOver(n1, "a") }
        #expect(origin.requests.count == 2)
        #expect(try await n1.read("a/linux") == short)
        await cluster.end()
    }

    @Test func garbageIsNotWhatTheFeedHasYetToTell() async throws {
        let cluster = try await TestCluster(["n1"])
        let n1 = try cluster["n1"]
        let bytes = noise(10_000)
        let origin = try TestWeb { _ in .init(bytes: bytes, tag: nil) }
        n1.holdFeed(true)
        _ = try await n1.center.startImport("a", ImportRequest(url: origin.base + "/linux")).get()
        try await eventually("the store says that it is ready") {
            let record = try await cluster.store.read(prefix: StoreKeys.content("a")).records.first
            return try record.map { try ImageRecordText.decode($0.value, name: "a").state == .ready } ?? false
        }
        try await Task.sleep(for: .milliseconds(300))
        #expect(n1.center.collectGarbage(dryRun: false).files == 0)
        #expect(n1.blobs.holds(digest(bytes)))
        n1.holdFeed(false)
        try await eventually("the import is over") { !n1.center.importer.isRunning }
        #expect(try await n1.read("a/linux") == bytes)
        await cluster.end()
    }

    @Test func whatTheStoreDidNotTakeIsSaidLater() async throws {
        let cluster = try await TestCluster(["n1"])
        let n1 = try cluster["n1"]
        // Until it has looked for what an earlier run has left.
        try await Task.sleep(for: .milliseconds(500))
        let record = ImageRecord(name: "a", state: .importing(node: "n1"))
        _ = try await cluster.store.commit(
            StoreBatch(writes: [.put(key: StoreKeys.content("a"), value: ImageRecordText.encode(record))]))
        try await eventually("it seems to be on its way") { state(n1, "a") == "importing" }
        cluster.store.setDown(.unavailable("gone"))
        await n1.center.importer.say(.failed("its server burns"), "a", attempts: 1)
        cluster.store.setDown(nil)
        #expect(state(n1, "a") == "importing")
        await n1.center.importer.sayAgain()
        try await eventually("it has failed") { n1.center.show("a")?.reason == "its server burns" }
        await cluster.end()
    }

    private static func directory() throws -> String {
        var template = Array("/tmp/ondeck-import-XXXXXX".utf8CString)
        return try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    private static func part() -> AsyncThrowingStream<ByteBuffer, any Error> {
        AsyncThrowingStream { stream in
            stream.yield(ByteBuffer(bytes: noise(1_000)))
            stream.finish()
        }
    }

    @Test func anUploadIsNotWrittenToWhileItIsImported() async throws {
        let directory = try Self.directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let files = try ImportFiles(directory: directory) { true }
        let inUse = Mutex<String?>(nil)
        let uploads = Uploads(files: files) { path in inUse.withLock { $0 == path } }
        #expect(try await uploads.take("a", "linux", total: 1_000, offset: 0, Self.part()) == 1_000)
        inUse.withLock { $0 = files.upload("a", "linux") }
        await #expect(throws: Uploads.Fault.self) {
            try await uploads.take("a", "linux", total: 2_000, offset: 0, Self.part())
        }
        #expect(ImportFiles.size(files.upload("a", "linux")) == 1_000)
    }

    @Test func anUploadLeavesTheLeasesTheirRoom() async throws {
        let directory = try Self.directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let uploads = Uploads(files: try ImportFiles(directory: directory) { false }) { _ in false }
        await #expect {
            try await uploads.take("a", "linux", total: 1_000, offset: 0, Self.part())
        } throws: { fault in
            if case Uploads.Fault.full = fault { true } else { false }
        }
    }

    @Test func anImportLeavesTheLeasesTheirRoom() async throws {
        let directory = try Self.directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let origin = try TestWeb { _ in .init(bytes: noise(10_000), tag: nil) }
        let order = try ImportOrder(image: "a", ImportRequest(url: origin.base + "/linux"))
        let client = WebClient()
        let download = ImportDownload(
            url: origin.base + "/linux", sha256: nil, path: directory + "/linux",
            files: try ImportFiles(directory: directory) { false }, client: client,
            job: ImportJob(order, clock: Clock()))
        await #expect {
            try await download.run()
        } throws: { fault in
            (fault as? ImportFault)?.sentence.contains("no room") == true
        }
        #expect(ImportFiles.size(directory + "/linux") == 0)
        await client.shutdown()
    }

    @Test(arguments: [(Int64.max, nil), (-1, nil), (100, Int64.max), (100, -5)] as [(Int64?, Int64?)])
    func sizesThatCannotBeAreNonsense(_ length: Int64?, _ total: Int64?) {
        let head = WebClient.Head(status: 206, length: length, from: 500, total: total)
        #expect(throws: FetchFault.self) { try ImportDownload.total(head, from: 500) }
    }

    @Test func sizesAreAddedUp() throws {
        #expect(try ImportDownload.total(.init(status: 206, length: 100, from: 500), from: 500) == 600)
        #expect(try ImportDownload.total(.init(status: 206, length: 100, from: 500, total: 900), from: 500) == 900)
        #expect(try ImportDownload.total(.init(status: 200), from: 0) == nil)
    }

    @Test func linksThatLeadEverywhereEndTheImport() throws {
        let root = try Self.directory()
        defer { try? FileManager.default.removeItem(atPath: root) }
        // Each directory has two ways into the next: a quarter of a million paths, and not one file.
        for level in 0..<18 {
            mkdir("\(root)/\(level)", 0o755)
            for name in ["a", "b"] where level < 17 { symlink("../\(level + 1)", "\(root)/\(level)/\(name)") }
        }
        #expect(throws: ImportFault.self) { try FileTree(root: root) }
    }
}
