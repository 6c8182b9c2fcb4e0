// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import Ports
import Synchronization

/// How a node keeps content.
public struct ContentCenterSettings: Hashable, Sendable {
    public var node: String
    /// Of the content store: `BlobStore` has the same.
    public var directory: String
    /// For files that are kept only while there is room.
    public var cacheBytesMax: Int64
    public var web = WebSettings()
    public init(node: String, directory: String, cacheBytesMax: Int64) {
        self.node = node
        self.directory = directory
        self.cacheBytesMax = cacheBytesMax
    }
}

/// What the parts of this room share.
struct ContentParts: Sendable {
    var node: String
    var index: ContentIndex
    var blobs: BlobStore
    var library: ContentLibrary
    var planner: ContentPlanner
    var store: any StateStore
    var timeline: Timeline
    var clock: Clock
}

/// Content on one node: brings images in, replicates them, pulls them through, checks and cleans them, and answers what
/// the API asks about them. `run` has to run for anything to move.
public final class ContentCenter: Sendable {
    let settings: ContentCenterSettings
    let parts: ContentParts
    let importer: Importer
    let uploads: Uploads
    let replicator: Replicator
    let keeper: HoldingsKeeper
    let reach: ReachCheck
    let sweeper: Sweeper
    let fetcher: ContentFetcher
    let client: WebClient
    let peers: @Sendable () -> [ContentPeer]

    /// What `ContentLibrary` is made with, before there is a center.
    public final class Pulling: ContentPulling {
        private let pull = Once<PullThrough>()
        public init() {}
        func connect(_ pull: PullThrough) { self.pull.set(pull) }

        public func pull(_ file: ContentFile, image: String, keep: Bool) async -> PullAnswer {
            await pull.value.pull(file, image: image, keep: keep)
        }

        public func pullManifest(_ digest: Digest, image: String) async -> Manifest? {
            await pull.value.pullManifest(digest, image: image)
        }
    }

    /// `pulling` is the library's own. `peers`: the nodes that are known, with or without this one.
    /// Throws `.failed` when the directories cannot be made.
    public init(
        _ settings: ContentCenterSettings, index: ContentIndex, blobs: BlobStore, library: ContentLibrary,
        pulling: Pulling, site: @escaping @Sendable () -> Site, store: any StateStore, timeline: Timeline, clock: Clock,
        peers: @escaping @Sendable () -> [ContentPeer]
    ) throws(ImportFault) {
        let planner = ContentPlanner(node: settings.node, index: index, site: site, peers: peers, clock: clock)
        let parts = ContentParts(
            node: settings.node, index: index, blobs: blobs, library: library, planner: planner, store: store,
            timeline: timeline, clock: clock)
        let files = try ImportFiles(directory: settings.directory + "/import") {
            blobs.bytesFree.map { $0 > 0 } ?? true
        }
        let client = WebClient(settings.web)
        let room = Room()
        let fetcher = ContentFetcher(blobs: blobs, client: client, directory: files.directory) { room.make($0) }
        let importer = Importer(
            node: settings.node, files: files, blobs: blobs, index: index, store: store, client: client,
            fetcher: fetcher, timeline: timeline, clock: clock,
            isAlive: { name in peers().contains { $0.node == name && $0.isAlive } })
        let pull = PullThrough(blobs: blobs, fetcher: fetcher, client: client, planner: planner)
        let keeper = HoldingsKeeper(parts)
        let reach = ReachCheck(parts, client: client)
        let sweeper = Sweeper(parts, cacheBytesMax: settings.cacheBytesMax) { importer.pinned }
        pulling.connect(pull)
        room.connect(sweeper)
        self.settings = settings
        self.parts = parts
        self.peers = peers
        self.client = client
        self.fetcher = fetcher
        self.importer = importer
        self.keeper = keeper
        self.reach = reach
        self.sweeper = sweeper
        uploads = Uploads(files: files) { importer.isUsing($0) }
        replicator = Replicator(parts, fetcher: fetcher, pull: pull, keeper: keeper, reach: reach)
    }

    /// The site or who is there has changed: the placement may want something else.
    public func placesChanged() { replicator.stale() }

    /// Until the task is cancelled.
    public func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [fetcher] in await fetcher.run() }
            group.addTask { [parts] in
                await parts.blobs.run(scrubBytesPerSecond: Limits.contentScrubBytesPerSecond)
            }
            group.addTask { [parts] in await parts.library.run() }
            group.addTask { [replicator] in await replicator.run() }
            group.addTask { [reach, replicator] in await reach.run { replicator.stale() } }
            group.addTask { [sweeper] in await sweeper.run() }
            group.addTask { [importer] in await importer.run() }
        }
        await client.shutdown()
    }

    /// Makes room for what is fetched, once there is somebody who can.
    private final class Room: Sendable {
        private let sweeper = Mutex<Sweeper?>(nil)
        func connect(_ sweeper: Sweeper) { self.sweeper.withLock { $0 = sweeper } }
        func make(_ bytes: Int64) { sweeper.withLock { $0 }?.makeRoom(bytes) }
    }
}
