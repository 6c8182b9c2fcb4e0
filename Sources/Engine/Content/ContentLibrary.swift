// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Synchronization

/// What there is to serve under a name.
public enum LibraryAnswer: Sendable {
    case file(OpenFile, contentType: String)
    /// It is on its way here, and can be sent as it comes.
    case arriving(ArrivingFile, contentType: String)
    /// Machines get it from there: a URL.
    case elsewhere(url: String)
    /// There is no such file: a 404.
    case missing(reason: String)
    /// It is here and cannot be read: the operator's fault, a 500.
    case unreadable(reason: String)
    /// There is such a file; it is not here, and nobody who has it can be reached now: a 503.
    case unavailable(reason: String)

    public var file: OpenFile? { if case .file(let file, _) = self { file } else { nil } }
}

/// "SET/PATH" -> what to serve: images first, then the directories of ondeck.yaml.
public final class ContentLibrary: Sendable {
    let index: ContentIndex
    let blobs: BlobStore
    let pull: any ContentPulling
    private let catalog: ContentCatalog
    private let manifests = Mutex<[String: (digest: Digest, manifest: Manifest)]>([:])
    let pulls: BackgroundPulls

    public init(
        index: ContentIndex, blobs: BlobStore, catalog: ContentCatalog, pull: any ContentPulling,
        clock: Clock = Clock()
    ) {
        self.index = index
        self.blobs = blobs
        self.catalog = catalog
        self.pull = pull
        pulls = BackgroundPulls(clock: clock)
    }

    // MARK: By name

    /// Opens a file by its name, and has it brought here when it is not.
    public func open(_ name: ContentPath) async -> LibraryAnswer {
        switch find(name) {
        case .answer(let answer): return answer
        case .held(let file, _): return .file(file, contentType: ContentType.of(name.path))
        case .wanted(let file, let image): return await fetch(file, image)
        case .unlisted(let digest, let image):
            guard let manifest = await pull.pullManifest(digest, image: image) else {
                return .unavailable(reason: Self.unlisted(image))
            }
            remember(manifest, digest, image: image)
            switch find(name, of: image, in: manifest) {
            case .answer(let answer): return answer
            case .held(let file, _): return .file(file, contentType: ContentType.of(name.path))
            case .wanted(let file, let image): return await fetch(file, image)
            case .unlisted(_, let image): return .unavailable(reason: Self.unlisted(image))
            }
        }
    }

    /// What is here under a name. Nil: it is to be brought here, by `open`.
    public func openHere(_ name: ContentPath) -> LibraryAnswer? {
        switch find(name) {
        case .answer(let answer): answer
        case .held(let file, _): .file(file, contentType: ContentType.of(name.path))
        case .wanted, .unlisted: nil
        }
    }

    /// Why there is nothing under a name, neither here nor to be brought here; nil where there is.
    public func absence(_ name: String) -> String? {
        guard !name.contains("://"), let path = try? ContentPath(name) else { return nil }
        switch openHere(path) {
        case .missing(let reason), .unreadable(let reason), .unavailable(let reason): return reason
        case .file, .arriving, .elsewhere, nil: return nil
        }
    }

    /// For those who cannot wait, but ask again. Nil: it is being fetched. `run` has to run.
    public func openNow(_ name: ContentPath) -> LibraryAnswer? {
        let want: BackgroundPulls.Want
        switch find(name) {
        case .answer(let answer): return answer
        case .held(let file, _): return .file(file, contentType: ContentType.of(name.path))
        case .wanted(let file, let image): want = .file(file, image: image)
        case .unlisted(let digest, let image): want = .manifest(digest, image: image)
        }
        return pulls.ask(for: want).map { .unavailable(reason: $0) }
    }

    private enum Found {
        case answer(LibraryAnswer)
        case held(OpenFile, image: String)
        /// Known, and not here.
        case wanted(ContentFile, image: String)
        /// The list of the image's files is not here.
        case unlisted(Digest, image: String)
    }

    private func find(_ name: ContentPath) -> Found {
        let (set, path) = (name.set, name.path)
        // A name of one segment names no file.
        guard !path.isEmpty else { return .answer(directory(name)) }
        if case .central(let url) = index.placement(of: set) {
            return .answer(.elsewhere(url: Self.url(url, path)))
        }
        guard let record = index.image(set) else { return .answer(directory(name)) }
        guard let digest = record.manifest else { return .answer(directory(name, orUnready: record)) }
        guard let manifest = manifest(set, digest) else { return .unlisted(digest, image: set) }
        return find(name, of: set, in: manifest)
    }

    private func find(_ name: ContentPath, of image: String, in manifest: Manifest) -> Found {
        guard let file = manifest.file(name.path) else {
            // An operator may have put a file beside the image, in a directory of the same name.
            let answer = directory(name)
            if case .missing = answer {
                return .answer(.missing(reason: "the image \"\(image)\" has no \"\(name.path)\""))
            }
            return .answer(answer)
        }
        switch blobs.open(file.digest) {
        case .file(let open): return .held(open, image: image)
        case .absent, .damaged: return .wanted(file, image: image)
        case .unreadable(let reason): return .answer(.unreadable(reason: "\(name.text): \(reason)"))
        }
    }

    private func fetch(_ file: ContentFile, _ image: String) async -> LibraryAnswer {
        let type = ContentType.of(file.path)
        let keep = index.placement(of: image) != .stream
        switch await pull.pull(file, image: image, keep: keep) {
        case .file(let open): return .file(open, contentType: type)
        case .arriving(let arriving): return .arriving(arriving, contentType: type)
        case .unavailable(let reason): return .unavailable(reason: reason)
        }
    }

    private func directory(_ name: ContentPath) -> LibraryAnswer {
        switch catalog.open(name) {
        case .file(let file, let type): .file(file, contentType: type)
        case .missing(let reason): .missing(reason: reason)
        case .unreadable(let reason): .unreadable(reason: reason)
        }
    }

    /// For an image of which nothing has been brought in yet.
    private func directory(_ name: ContentPath, orUnready image: ImageRecord) -> LibraryAnswer {
        let answer = directory(name)
        guard case .missing = answer else { return answer }
        switch image.state {
        case .importing(let node):
            return .unavailable(reason: "the image \"\(image.name)\" is still being brought in by \(node)")
        case .failed(let reason):
            return .unavailable(reason: "the image \"\(image.name)\" could not be brought in: \(reason)")
        case .ready: return .unavailable(reason: "the image \"\(image.name)\" has no list of files")
        }
    }

    static func unlisted(_ image: String) -> String {
        "the list of the files of the image \"\(image)\" is not here, and no node that has it can be reached"
    }

    /// A path has no control characters; what else could mean something in an URL is escaped.
    private static func url(_ base: String, _ path: String) -> String {
        var url = base.hasSuffix("/") ? base : base + "/"
        for byte in path.utf8 {
            let isPlain = byte > 0x20 && byte < 0x7f && !"\"#%<>?[]^`{|}".utf8.contains(byte)
            if isPlain {
                url.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                url += digits.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return url
    }

    // MARK: By digest

    /// What is here under a digest, whole.
    public func open(digest: Digest) -> LibraryAnswer {
        switch blobs.open(digest) {
        case .file(let file): .file(file, contentType: "application/octet-stream")
        case .absent: .missing(reason: "this node does not hold \(digest)")
        case .damaged(let reason): .missing(reason: "this node does not hold \(digest): \(reason)")
        case .unreadable(let reason): .unreadable(reason: "\(digest): \(reason)")
        }
    }

    // MARK: Manifests

    /// The list of an image's files; nil when the image has none, or it is not here.
    public func manifest(_ image: String) -> Manifest? {
        index.image(image)?.manifest.flatMap { manifest(image, $0) }
    }

    private func manifest(_ image: String, _ digest: Digest) -> Manifest? {
        if let known = manifests.withLock({ $0[image] }), known.digest == digest { return known.manifest }
        guard let file = blobs.open(digest).file, let bytes = file.bytes(atMost: Limits.manifestBytesMax),
            Digest.of(bytes) == digest, let manifest = try? ManifestText.decode(bytes)
        else { return nil }
        remember(manifest, digest, image: image)
        return manifest
    }

    /// One for each image there is: a manifest that is no longer current goes when the next one comes.
    private func remember(_ manifest: Manifest, _ digest: Digest, image: String) {
        let images = index.images
        manifests.withLock { manifests in
            manifests[image] = (digest, manifest)
            if manifests.count > images.count { manifests = manifests.filter { images[$0.key] != nil } }
        }
    }

    // MARK: Loaders

    /// Which of the loaders that clients may need can be served.
    public func availableLoaders() -> Set<String> {
        ClientArchitecture.everyLoader.filter { name in
            guard let path = try? ContentPath(name) else { return false }
            if manifest(path.set)?.file(path.path) != nil { return true }
            return catalog.open(path).file != nil
        }
    }
}
