// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Foundation
import Glibc
import Logging
import Model
import Ports
import Simulation
import Synchronization
import Testing

@testable import ContentService
@testable import Engine

/// Several nodes on one store in memory, each with a directory and a boot port of its own.
final class TestCluster: Sendable {
    let store: SimStore
    let clock: Clock
    private let state = Mutex(State())
    private let directory: String

    private struct State {
        var site = Site()
        var nodes: [String: TestNode] = [:]
        var absent: Set<String> = []
        var offset: Int64 = 0
    }

    init(_ names: [String] = ["n1", "n2", "n3"]) async throws {
        store = try SimStore()
        clock = Clock()
        var template = Array("/tmp/ondeck-content-XXXXXX".utf8CString)
        directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        for name in names { try await start(name) }
    }

    subscript(_ name: String) -> TestNode {
        get throws { try #require(state.withLock { $0.nodes[name] }) }
    }

    var site: Site { state.withLock { $0.site } }
    func change(_ body: (inout Site) -> Void) {
        let nodes = state.withLock { state in
            body(&state.site)
            return Array(state.nodes.values)
        }
        for node in nodes { node.center.placesChanged() }
    }
    func place(_ image: String, _ placement: Placement) {
        change { site in
            var policy = ImagePolicy(name: image)
            policy.placement = placement
            site.images[image] = policy
        }
    }

    func setAbsent(_ name: String, _ isAbsent: Bool) {
        state.withLock { state in
            if isAbsent { state.absent.insert(name) } else { state.absent.remove(name) }
        }
    }

    var peers: [ContentPeer] {
        state.withLock { state in
            state.nodes.values.map { node in
                let isAlive = !state.absent.contains(node.name)
                return ContentPeer(
                    node: node.name, address: IPv4Address("127.0.0.1"), port: node.web.port, isAlive: isAlive,
                    life: isAlive ? "alive" : "silent")
            }
        }
    }

    @discardableResult
    func start(_ name: String, cacheBytesMax: Int64 = .max) async throws -> TestNode {
        let node = try await TestNode(
            name, cluster: self, directory: "\(directory)/\(name)", cacheBytesMax: cacheBytesMax)
        state.withLock { $0.nodes[name] = node }
        return node
    }

    /// As a process that ends: what it had on the disk stays.
    func stop(_ name: String) async {
        await state.withLock { $0.nodes.removeValue(forKey: name) }?.stop()
    }

    func end() async {
        for name in state.withLock({ Array($0.nodes.keys) }) { await stop(name) }
        try? FileManager.default.removeItem(atPath: directory)
    }
}

final class TestNode: Sendable {
    let name: String
    let directory: String
    let blobs: BlobStore
    let index = ContentIndex()
    let library: ContentLibrary
    let center: ContentCenter
    let timeline: Timeline
    let web: TestWeb
    private let feed = Gate()
    private let tasks: [Task<Void, Never>]

    init(_ name: String, cluster: TestCluster, directory: String, cacheBytesMax: Int64) async throws {
        self.name = name
        self.directory = directory
        blobs = try BlobStore(directory: directory, clock: cluster.clock)
        let pulling = ContentCenter.Pulling()
        library = ContentLibrary(index: index, blobs: blobs, catalog: ContentCatalog(sets: [:]), pull: pulling)
        var logger = Logger(label: name)
        logger.logLevel = .critical
        timeline = Timeline(clock: cluster.clock, logger: logger)
        let library = library
        web = try TestWeb { path in
            guard path.hasPrefix("/c/"), let digest = Digest(path.dropFirst(3)),
                let file = library.open(digest: digest).file
            else { return nil }
            var bytes = [UInt8](repeating: 0, count: file.size)
            let count = bytes.withUnsafeMutableBytes { pread(file.descriptor, $0.baseAddress, $0.count, 0) }
            return TestWeb.File(bytes: Array(bytes[..<count]), tag: "\"\(file.version)\"")
        }
        center = try ContentCenter(
            .init(node: name, directory: directory, cacheBytesMax: cacheBytesMax), index: index, blobs: blobs,
            library: library, pulling: pulling, site: { cluster.site }, store: cluster.store,
            timeline: timeline, clock: cluster.clock, peers: { cluster.peers })
        let snapshot = try await cluster.store.read(prefix: "")
        index.replace(snapshot.records)
        let changes = try await cluster.store.changes(prefix: "", after: snapshot.revision)
        let (index, center, feed) = (index, center, feed)
        tasks = [
            Task {
                for await change in changes {
                    await feed.pass()
                    index.take(change)
                }
            },
            Task { await center.run() },
        ]
    }

    func stop() async {
        web.stop()
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    /// While it is held, this node learns nothing new from the store.
    func holdFeed(_ isHeld: Bool) { feed.isShut.withLock { $0 = isHeld } }

    private final class Gate: Sendable {
        let isShut = Mutex(false)
        func pass() async {
            while isShut.withLock({ $0 }), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(10)) }
        }
    }

    // MARK: Looking

    var texts: [String] { timeline.events(after: 0).map(\.text) }

    func holding(_ image: String) -> ImageHolding? { index.holdings[name]?.images[image] }

    func isComplete(_ image: String) -> Bool {
        guard let manifest = index.image(image)?.manifest, let holding = holding(image) else { return false }
        return holding.state == .complete && holding.manifest == manifest
    }

    func read(_ path: String) async throws -> [UInt8]? {
        switch await library.open(try ContentPath(path)) {
        case .file(let file, _): return Self.bytes(file.descriptor, file.size)
        case .arriving(let file, _):
            _ = try await file.available(beyond: max(0, file.size - 1))
            return Self.bytes(file.descriptor, file.size)
        default: return nil
        }
    }

    private static func bytes(_ descriptor: Int32, _ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return Array(bytes[..<max(0, got)])
    }

    func blobPath(_ digest: Digest) -> String { "\(directory)/blobs/\("\(digest)".prefix(2))/\(digest)" }
    func partialBytes(_ digest: Digest) -> Int64? { ImportFiles.size("\(directory)/partial/\(digest)") }
}

/// Waits until it is so.
func eventually(
    _ what: Comment, within seconds: Double = 60, sourceLocation: SourceLocation = #_sourceLocation,
    _ isSo: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
        if try await isSo() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record(what, sourceLocation: sourceLocation)
    throw CancellationError()
}

/// Bytes that do not repeat.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}

func digest(_ bytes: [UInt8]) -> Digest { Digest.of(bytes) }
