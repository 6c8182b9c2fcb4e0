// SPDX-License-Identifier: Apache-2.0

/// The SHA-256 of a file's bytes: what it is called in the content store, on every node alike.
public struct Digest: Hashable, Comparable, Sendable, CustomStringConvertible {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Nil when there are not 32 bytes.
    public init?(bytes: some Sequence<UInt8>) {
        var words: [UInt64] = [0, 0, 0, 0]
        var count = 0
        for byte in bytes {
            guard count < 32 else { return nil }
            words[count / 8] = words[count / 8] << 8 | UInt64(byte)
            count += 1
        }
        guard count == 32 else { return nil }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// 64 hex digits, of either case; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        let bytes = stride(from: 0, to: 64, by: 2).compactMap { index -> UInt8? in
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else { return nil }
            return high << 4 | low
        }
        self.init(bytes: bytes)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }

    /// 64 lower-case hex digits.
    public var description: String {
        [words.0, words.1, words.2, words.3]
            .map { word in
                let digits = String(word, radix: 16)
                return String(repeating: "0", count: 16 - digits.count) + digits
            }.joined()
    }

    public static func == (a: Self, b: Self) -> Bool { a.words == b.words }
    public static func < (a: Self, b: Self) -> Bool { a.words < b.words }
    public func hash(into hasher: inout Hasher) {
        // Digests are even already: a part of one is as good as all of it.
        hasher.combine(words.0)
    }
}

/// One file of an image.
public struct ContentFile: Hashable, Sendable {
    /// Within the image: "linux", "install/initrd.gz".
    public var path: String
    public var digest: Digest
    public var bytes: Int64
    public init(path: String, digest: Digest, bytes: Int64) {
        self.path = path
        self.digest = digest
        self.bytes = bytes
    }
}

/// What an image consists of. Immutable: its text is a file of the content store itself, so that a name in the store
/// points to one digest, however many files the image has.
public struct Manifest: Hashable, Sendable {
    /// In the order of their paths.
    public let files: [ContentFile]

    /// Of files of one path the last counts.
    public init(files: some Sequence<ContentFile>) {
        let byPath = Dictionary(files.map { ($0.path, $0) }, uniquingKeysWith: { $1 })
        self.files = byPath.values.sorted { $0.path < $1.path }
    }

    public var bytes: Int64 { files.reduce(0) { $0 + $1.bytes } }

    public func file(_ path: some StringProtocol) -> ContentFile? {
        var low = 0
        var high = files.count
        while low < high {
            let middle = (low + high) / 2
            if files[middle].path < path { low = middle + 1 } else { high = middle }
        }
        return low < files.count && files[low].path == path ? files[low] : nil
    }
}

/// An image as the store has it, under `StoreKeys.content`: a name, and what it stands for now.
public struct ImageRecord: Hashable, Sendable {
    public enum State: Hashable, Sendable {
        /// Being brought in by this node; what stood under the name before is still served.
        case importing(node: String)
        case ready
        /// The last import failed, and why: a sentence.
        case failed(String)
    }

    public var name: String
    public var state: State
    /// Nil: nothing has been brought in yet.
    public var manifest: Digest?
    public var bytes: Int64 = 0
    public var files: Int = 0
    /// Where it came from: a URL, or "upload".
    public var source: String = ""
    /// When the manifest was published, in the cluster's time.
    public var addedAt = Instant(milliseconds: 0)

    public init(name: String, state: State) { self.name = name; self.state = state }
}

/// What one node holds of one image.
public struct ImageHolding: Hashable, Sendable {
    public enum State: Hashable, Sendable {
        /// Every file is here, verified.
        case complete
        /// On its way.
        case fetching
        /// It should be here, and is not; a sentence says why.
        case failed(String)
        /// Some files, brought in on demand; the node does not mean to hold them all.
        case some
    }
    /// The manifest that this is about.
    public var manifest: Digest
    public var state: State
    public var bytesHeld: Int64
    public var bytesTotal: Int64
    /// While fetching: over the last seconds.
    public var bytesPerSecond: Int64 = 0

    public init(manifest: Digest, state: State, bytesHeld: Int64, bytesTotal: Int64) {
        self.manifest = manifest
        self.state = state
        self.bytesHeld = bytesHeld
        self.bytesTotal = bytesTotal
    }
}

/// What a node holds, by the name of the image, under `StoreKeys.holds`. Rewritten when it changes.
public struct Holdings: Hashable, Sendable {
    public var node: String
    public var images: [String: ImageHolding] = [:]
    /// Free on the disk that content lies on; nil: not known.
    public var bytesFree: Int64?
    public init(node: String) { self.node = node }
}
