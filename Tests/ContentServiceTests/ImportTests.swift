// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Model
import NIOCore
import Synchronization
import Testing

@testable import ContentService
@testable import Engine

@Suite(.serialized, .timeLimit(.minutes(3)))
struct ImportTests {
    private static func shell(_ script: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-ec", script]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    private func add(_ node: TestNode, _ image: String, _ request: ImportRequest) async throws -> ImportReport {
        try await node.center.startImport(image, request).get()
    }

    private func state(_ node: TestNode, _ image: String) -> String? { node.center.show(image)?.state }

    @Test func anImageFromAURLIsOnEveryNodeAndTheSameAgainIsKnown() async throws {
        let cluster = try await TestCluster()
        let bytes = noise(3 << 20)
        let origin = try TestWeb { $0 == "/linux" ? .init(bytes: bytes, tag: "\"v1\"") : nil }
        let n1 = try cluster["n1"]
        let request = ImportRequest(url: origin.base + "/linux", sha256: "\(digest(bytes))")
        #expect(try await add(n1, "debian", request).outcome == .started)
        try await eventually("every node holds it") {
            try ["n1", "n2", "n3"].allSatisfy { try cluster[$0].isComplete("debian") }
        }
        #expect(try await cluster["n3"].read("debian/linux") == bytes)
        let report = try #require(n1.center.show("debian"))
        #expect(report.state == "ready" && report.bytes == 3 << 20 && report.nodesComplete == 3)
        #expect(report.source == origin.base + "/linux")
        #expect(report.files == [.init(path: "linux", sha256: "\(digest(bytes))", bytes: 3 << 20)])
        #expect(try await add(n1, "debian", request).outcome == .there)
        #expect(origin.requests("GET", "/linux").count == 1)
        await cluster.end()
    }

    @Test func aBrokenDownloadGoesOnWhereItWas() async throws {
        let cluster = try await TestCluster(["n1"])
        let bytes = noise(2 << 20)
        let origin = try TestWeb { _ in .init(bytes: bytes, tag: "\"v1\"") }
        origin.cut(after: 700_000)
        _ = try await add(cluster["n1"], "a", ImportRequest(url: origin.base + "/file", unpack: Unpacking.none))
        try await eventually("it is ready") { try state(cluster["n1"], "a") == "ready" }
        let requests = origin.requests("GET", "/file")
        let begins = requests.map(\.from)
        #expect(begins.count >= 3 && begins.first == 0 && begins == begins.sorted() && begins[1] > 100_000)
        #expect(requests.dropFirst().allSatisfy { $0.ifRange == "\"v1\"" })
        #expect(try await cluster["n1"].read("a/file") == bytes)
        await cluster.end()
    }

    @Test(arguments: [false, true])
    func aFileThatChangesBetweenTheHalvesIsFetchedAnew(_ ignoresIfRange: Bool) async throws {
        let cluster = try await TestCluster(["n1"])
        let versions = [noise(1 << 20, seed: 1), noise(1 << 20, seed: 2)]
        let asked = Mutex(0)
        let origin = try TestWeb { _ in
            let version = asked.withLock { count in
                count += 1
                return count == 1 ? 0 : 1
            }
            return .init(bytes: versions[version], tag: "\"v\(version)\"")
        }
        origin.cut(after: 500_000)
        if ignoresIfRange { origin.ignoreIfRange() }
        _ = try await add(cluster["n1"], "a", ImportRequest(url: origin.base + "/file"))
        try await eventually("it broke once") { origin.requests.count >= 2 }
        origin.cut(after: nil)
        try await eventually("it is ready") { try state(cluster["n1"], "a") == "ready" }
        #expect(try await cluster["n1"].read("a/file") == versions[1])
        await cluster.end()
    }

    @Test func aRestartGoesOnWithTheImport() async throws {
        let cluster = try await TestCluster(["n1"])
        let bytes = noise(4 << 20)
        let origin = try TestWeb { _ in .init(bytes: bytes, tag: "\"v1\"") }
        origin.delay(milliseconds: 40)
        _ = try await add(cluster["n1"], "a", ImportRequest(url: origin.base + "/file"))
        try await eventually("a part has come") {
            try cluster["n1"].center.show("a")?.progress.map { $0.bytesDone > 400_000 } ?? false
        }
        await cluster.stop("n1")
        origin.delay(milliseconds: 0)
        try await cluster.start("n1")
        try await eventually("it is ready") { try state(cluster["n1"], "a") == "ready" }
        let second = try #require(origin.requests("GET", "/file").last)
        #expect(second.from > 400_000)
        #expect(try await cluster["n1"].read("a/file") == bytes)
        await cluster.end()
    }

    @Test func aWrongDigestIsSaidAndWhatStoodThereIsServed() async throws {
        let cluster = try await TestCluster(["n1"])
        let (good, bad) = (noise(100_000), noise(100_000, seed: 2))
        let origin = try TestWeb { .init(bytes: $0 == "/good" ? good : bad, tag: nil) }
        let n1 = try cluster["n1"]
        _ = try await add(n1, "a", ImportRequest(url: origin.base + "/good"))
        try await eventually("it is ready") { state(n1, "a") == "ready" }
        _ = try await add(n1, "a", ImportRequest(url: origin.base + "/bad", sha256: "\(digest([1]))"))
        try await eventually("it has failed") { state(n1, "a") == "failed" }
        #expect(n1.center.show("a")?.reason?.contains("\(digest(bad))") == true)
        try await eventually("it is said") { n1.texts.contains { $0.contains("could not be brought in") } }
        #expect(try await n1.read("a/good") == good)
        #expect(!n1.blobs.holds(digest(bad)))
        await cluster.end()
    }

    @Test func whatIsNotThereFailsAtOnce() async throws {
        let cluster = try await TestCluster(["n1"])
        let origin = try TestWeb { _ in nil }
        let n1 = try cluster["n1"]
        _ = try await add(n1, "a", ImportRequest(url: origin.base + "/nothing"))
        try await eventually("it has failed", within: 5) { state(n1, "a") == "failed" }
        #expect(n1.center.show("a")?.reason?.hasSuffix("does not have it (404)") == true)
        await cluster.end()
    }

    @Test(arguments: ["-cf", "--format=iso9660 -cf"]) func anArchiveIsUnpacked(_ how: String) async throws {
        let cluster = try await TestCluster(["n1"])
        let n1 = try cluster["n1"]
        let tree = n1.directory + "-tree"
        try Self.shell(
            """
            mkdir -p \(tree)/install; cd \(tree); echo kernel >linux; echo initrd >install/initrd.gz
            ln -s linux vmlinuz; ln -s /etc/passwd out; ln -s . loop; ln -s nowhere broken
            bsdtar \(how) ../\(n1.name).archive .
            """)
        let archive = [UInt8](try Data(contentsOf: URL(fileURLWithPath: tree + "/../\(n1.name).archive")))
        let origin = try TestWeb { _ in .init(bytes: archive, tag: nil) }
        let unpack: Unpacking = how.contains("iso") ? .iso : .tar
        _ = try await add(n1, "a", ImportRequest(url: origin.base + "/archive", unpack: unpack))
        try await eventually("it is ready or has failed") { ["ready", "failed"].contains(state(n1, "a")) }
        let report = try #require(n1.center.show("a"))
        #expect(report.reason == nil)
        #expect(report.files?.map(\.path) == ["install/initrd.gz", "linux", "vmlinuz"])
        #expect(try await n1.read("a/vmlinuz") == Array("kernel\n".utf8))
        #expect(try await n1.read("a/install/initrd.gz") == Array("initrd\n".utf8))
        try await eventually("it is said") { n1.texts.contains { $0.contains("were left out") } }
        await cluster.end()
    }

    @Test func whatIsNoArchiveFails() async throws {
        let cluster = try await TestCluster(["n1"])
        let n1 = try cluster["n1"]
        let origin = try TestWeb { _ in .init(bytes: noise(5_000), tag: nil) }
        _ = try await add(n1, "a", ImportRequest(url: origin.base + "/x.tar"))
        try await eventually("it has failed") { state(n1, "a") == "failed" }
        #expect(n1.center.show("a")?.reason?.contains("cannot be unpacked") == true)
        await cluster.end()
    }

    @Test func anUploadComesInPartsAndBecomesAnImage() async throws {
        let cluster = try await TestCluster(["n1"])
        let n1 = try cluster["n1"]
        let bytes = noise(300_000)
        func part(_ range: Range<Int>, breaks: Bool = false) -> any AsyncSequence<ByteBuffer, any Error> & Sendable {
            AsyncThrowingStream<ByteBuffer, any Error> { stream in
                stream.yield(ByteBuffer(bytes: bytes[range]))
                if breaks { stream.finish(throwing: CancellationError()) } else { stream.finish() }
            }
        }
        func send(_ range: Range<Int>, breaks: Bool = false) async -> Result<UploadReport, Problem> {
            await n1.center.upload(
                "a", file: "linux", total: 300_000, offset: Int64(range.lowerBound), part(range, breaks: breaks))
        }
        await #expect(throws: Problem.self) { try await send(0..<100_000, breaks: true).get() }
        #expect(n1.center.uploaded("a", file: "linux", total: 300_000, sha256: nil).received == 100_000)
        await #expect(throws: Problem.self) { try await send(200_000..<300_000).get() }
        let request = ImportRequest(upload: "linux", sha256: "\(digest(bytes))")
        let early = await n1.center.startImport("a", request)
        guard case .failure(let problem) = early else { throw problemMissing }
        #expect(problem.status == 409)
        #expect(try await send(100_000..<300_000).get().received == 300_000)
        #expect(try await add(n1, "a", request).outcome == .started)
        try await eventually("it is ready") { state(n1, "a") == "ready" }
        #expect(try await n1.read("a/linux") == bytes)
        #expect(n1.center.uploaded("a", file: "linux", total: 300_000, sha256: digest(bytes)).isThere)
        await cluster.end()
    }

    private let problemMissing = CancellationError()

    @Test(arguments: ["ftp://host/x", "http://", "http://host/a b", "http://me:secret@host/x", ""])
    func unusableAddressesAreRefused(_ url: String) {
        #expect(throws: ImportFault.self) { try ImportOrder(image: "a", ImportRequest(url: url)) }
    }

    @Test func anAddressNamesAFile() throws {
        let order = try ImportOrder(image: "a", ImportRequest(url: "https://host/x/deb%20ian.iso?a=b/c"))
        #expect(order.source == "https://host/x/deb%20ian.iso?a=b/c")
        for (url, name) in [("http://host", "a"), ("http://host/", "a"), ("http://host/%ff", "%ff")] {
            #expect(try ImportOrder(image: "a", ImportRequest(url: url)).fileName == name)
        }
        #expect(order.fileName == "deb ian.iso" && order.unpack == .iso)
        let source = ImageSource(origin: order.source, made: .init(sha256: digest([1]), unpack: .iso))
        #expect(ImageSource(source.text) == source)
        #expect(ImageSource("upload") == ImageSource(origin: "upload", made: nil))
    }
}
