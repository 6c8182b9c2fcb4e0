// SPDX-License-Identifier: Apache-2.0

/// `GET /api/v1/content`, a list of them; `GET /api/v1/content/{name}`, one with its files.
public struct ImageReport: Codable, Hashable, Sendable {
    /// One file of the image.
    public struct File: Codable, Hashable, Sendable {
        /// Within the image: "install/initrd.gz".
        public var path: String
        /// 64 hex digits.
        public var sha256: String
        public var bytes: Int64
        public init(path: String, sha256: String, bytes: Int64) {
            self.path = path
            self.sha256 = sha256
            self.bytes = bytes
        }
    }

    /// How far an import is. Only the node that runs it knows.
    public struct Progress: Codable, Hashable, Sendable {
        /// One stable word: "downloading", "verifying", "unpacking", "publishing", "waiting".
        public var phase: String
        public var bytesDone: Int64
        /// Nil: not known.
        public var bytesTotal: Int64?
        /// Over the last seconds.
        public var bytesPerSecond: Int64
        /// A sentence, while something is tried again: "connection refused; trying again in 4 s".
        public var note: String?
        public init(
            phase: String, bytesDone: Int64, bytesTotal: Int64? = nil, bytesPerSecond: Int64 = 0, note: String? = nil
        ) {
            self.phase = phase
            self.bytesDone = bytesDone
            self.bytesTotal = bytesTotal
            self.bytesPerSecond = bytesPerSecond
            self.note = note
        }
    }

    public var name: String
    /// "ready"; "importing"; "failed", with a `reason`; "absent": the site has a policy for it, and nobody has brought
    /// it in yet. What stood under the name before is served while another import runs, and when that has failed.
    public var state: String
    /// A sentence: why the last import failed, or why there is nothing.
    public var reason: String?
    /// Which node imports it; nil: none.
    public var importedBy: String?
    public var progress: Progress?
    /// The manifest's digest, 64 hex digits; nil: nothing has been brought in yet.
    public var digest: String?
    /// Of all its files.
    public var bytes: Int64
    /// How many.
    public var fileCount: Int
    /// Where it came from: a URL, or "upload".
    public var source: String
    /// ISO 8601, UTC; nil: nothing has been brought in yet.
    public var addedAt: String?
    /// In words: "everywhere", "2 copies", "central: http://mirror.example".
    public var placement: String
    /// How many nodes are to hold it, and how many of these do.
    public var nodesWanted: Int
    public var nodesComplete: Int
    /// By path, and no more than `Limits.imageFilesListedMax`; nil in a list, and where the manifest is not here.
    public var files: [File]?

    public init(name: String, state: String, placement: String) {
        self.name = name
        self.state = state
        self.placement = placement
        bytes = 0
        fileCount = 0
        source = ""
        nodesWanted = 0
        nodesComplete = 0
    }
}

/// How a file becomes an image. The raw value is the word in commands and requests.
public enum Unpacking: String, Codable, Hashable, Sendable, CaseIterable {
    case iso, tar
    /// The image has this one file.
    case none

    /// By the end of a file's name or an URL's path: ".iso", ".tar", ".tar.gz", ".tgz" and so on.
    public init(name: some StringProtocol) {
        let path = name.prefix { $0 != "?" && $0 != "#" }.lowercased()
        let tarSuffixes = [
            ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.zst", ".tzst", ".tar.lz4",
        ]
        if path.hasSuffix(".iso") {
            self = .iso
        } else {
            self = tarSuffixes.contains(where: path.hasSuffix) ? .tar : .none
        }
    }
}

/// `POST /api/v1/content/{name}/import`: exactly one of `url` and `upload`.
public struct ImportRequest: Codable, Hashable, Sendable {
    /// "http://..." or "https://..."; the node that runs the import fetches it.
    public var url: String?
    /// The name of a file that has been uploaded in full for this image, to this node.
    public var upload: String?
    /// Of the file as it is fetched or uploaded, before anything is unpacked: 64 hex digits. Nil: not checked.
    public var sha256: String?
    /// Nil: by the end of the name.
    public var unpack: Unpacking?

    public init(url: String? = nil, upload: String? = nil, sha256: String? = nil, unpack: Unpacking? = nil) {
        self.url = url
        self.upload = upload
        self.sha256 = sha256
        self.unpack = unpack
    }
}

/// The answer to an `ImportRequest`: 202 for "started" and "running", 200 for "there".
public struct ImportReport: Codable, Hashable, Sendable {
    public enum Outcome: String, Codable, Hashable, Sendable {
        case started
        /// The very same import was under way already.
        case running
        /// The image is what this import would make of it: nothing is done.
        case there
    }
    public var outcome: Outcome
    public var image: ImageReport
    public init(outcome: Outcome, image: ImageReport) {
        self.outcome = outcome
        self.image = image
    }
}

/// `GET` and `PUT /api/v1/content/{name}/upload`: what of a file has arrived.
public struct UploadReport: Codable, Hashable, Sendable {
    /// The node that has it. Parts, and the import after them, must reach the same one.
    public var node: String
    public var file: String
    /// From the file's beginning, without a gap: where the next part goes.
    public var received: Int64
    public var total: Int64
    /// The image has been made of a file of the `sha256` that was asked about: nothing needs to be sent.
    public var isThere: Bool
    public init(node: String, file: String, received: Int64, total: Int64, isThere: Bool = false) {
        self.node = node
        self.file = file
        self.received = received
        self.total = total
        self.isThere = isThere
    }
}

/// `GET /api/v1/content-where`: image by node, as the node that answers sees it.
public struct ContentWhereReport: Codable, Hashable, Sendable {
    public struct Node: Codable, Hashable, Sendable {
        public var name: String
        /// Nil: in no location.
        public var location: String?
        /// "alive", "silent", "process-gone", "stopped"
        public var life: String
        /// Free on the disk that content lies on; nil: it has not said.
        public var bytesFree: Int64?
        public init(name: String, location: String? = nil, life: String = "alive", bytesFree: Int64? = nil) {
            self.name = name
            self.location = location
            self.life = life
            self.bytesFree = bytesFree
        }
    }

    /// One image on one node.
    public struct Holding: Codable, Hashable, Sendable {
        public var node: String
        /// "complete"; "fetching"; "waiting": it will be fetched, in its turn or when the hours come; "failed"; "some":
        /// files that were asked for; "outdated": what the name stood for before; "none"; "unknown": it has not said.
        public var state: String
        /// The placement says that it is to be here.
        public var isWanted: Bool
        public var bytesHeld: Int64
        public var bytesTotal: Int64
        /// While fetching: over the last seconds.
        public var bytesPerSecond: Int64
        /// A sentence: why it failed, or what it waits for.
        public var reason: String?
        public init(
            node: String, state: String, isWanted: Bool, bytesHeld: Int64 = 0, bytesTotal: Int64 = 0,
            bytesPerSecond: Int64 = 0, reason: String? = nil
        ) {
            self.node = node
            self.state = state
            self.isWanted = isWanted
            self.bytesHeld = bytesHeld
            self.bytesTotal = bytesTotal
            self.bytesPerSecond = bytesPerSecond
            self.reason = reason
        }
    }

    public struct Image: Codable, Hashable, Sendable {
        public var name: String
        /// As in `ImageReport`.
        public var state: String
        public var placement: String
        public var bytes: Int64
        /// In the order of `nodes`.
        public var holdings: [Holding]
        /// Sentences: "no machine in bonn can boot it: berlin is not reachable".
        public var warnings: [String]
        public init(
            name: String, state: String, placement: String, bytes: Int64, holdings: [Holding] = [],
            warnings: [String] = []
        ) {
            self.name = name
            self.state = state
            self.placement = placement
            self.bytes = bytes
            self.holdings = holdings
            self.warnings = warnings
        }
    }

    /// The node that answers.
    public var node: String
    /// By name.
    public var nodes: [Node]
    /// By name.
    public var images: [Image]
    public init(node: String, nodes: [Node], images: [Image]) {
        self.node = node
        self.nodes = nodes
        self.images = images
    }
}

/// `POST /api/v1/content-gc`
public struct ContentGarbageRequest: Codable, Hashable, Sendable {
    /// Say what would go, and remove nothing.
    public var dryRun: Bool
    public init(dryRun: Bool) { self.dryRun = dryRun }
}

/// What no image needs any more, and has been (or would be) removed from the node that answers: every node cleans up
/// after itself.
public struct ContentGarbageReport: Codable, Hashable, Sendable {
    public var node: String
    public var dryRun: Bool
    public var files: Int
    public var bytes: Int64
    /// Files that no image needs, but that stay for now: not long enough unneeded, or still being read.
    public var filesKept: Int
    public var bytesKept: Int64
    /// After it: what content takes, and what is free on its disk (nil: not known).
    public var bytesHeld: Int64
    public var bytesFree: Int64?
    public init(node: String, dryRun: Bool, files: Int, bytes: Int64) {
        self.node = node
        self.dryRun = dryRun
        self.files = files
        self.bytes = bytes
        filesKept = 0
        bytesKept = 0
        bytesHeld = 0
    }
}
