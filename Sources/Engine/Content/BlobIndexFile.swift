// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model
import Synchronization

/// What is known of a blob that is whole.
struct BlobEntry: Hashable, Sendable {
    var identity: BlobIdentity
    /// When its bytes were last hashed, and when it was last used; seconds since 1970.
    var verified: Int64
    var used: Int64
    /// The `used` that the index file has.
    var usedWritten: Int64
}

/// Which blobs have been verified, and how they are recognized: text that is appended to, and now and then rewritten.
///
///     ondeck-blobs 1
///     <hex> <bytes> <inode> <time of change, ns> <verified> <used>
///     - <hex>
///
/// The last line about a blob counts. A line that is lost or cannot be read costs one rehash of its blob; the file
/// itself need not be safe. A blob's line is written after the blob is on the disk, never before.
final class BlobIndexFile: Sendable {
    private static let head = "ondeck-blobs 1"

    private struct Output {
        var descriptor: Int32 = -1
        var lines = 0
    }

    private let directory: Int32
    private let output = Mutex(Output())

    /// Neither opens nor changes anything yet.
    init(directory: Int32) { self.directory = directory }

    deinit { output.withLock { if $0.descriptor >= 0 { close($0.descriptor) } } }

    // MARK: Reading

    func load() -> [Digest: BlobEntry] {
        guard let text = read() else { return [:] }
        var entries: [Digest: BlobEntry] = [:]
        // A last line without its end was cut off: even what looks whole of it may not be.
        guard let end = text.lastIndex(of: "\n") else { return [:] }
        let lines = text[..<end].split(separator: "\n")
        guard lines.first == Self.head[...] else { return [:] }
        for line in lines.dropFirst() {
            let fields = line.split(separator: " ")
            if fields.count == 2, fields[0] == "-", let digest = Digest(fields[1]) {
                entries[digest] = nil
            } else if let (digest, entry) = Self.parse(fields) {
                entries[digest] = entry
            }
        }
        return entries
    }

    /// Seconds that can be counted with; others are a disk's invention.
    private static let times: Range<Int64> = 0..<1 << 40

    private static func parse(_ fields: [Substring]) -> (Digest, BlobEntry)? {
        guard fields.count == 6, let digest = Digest(fields[0]), let bytes = Int64(fields[1]),
            let inode = UInt64(fields[2]), let changed = Int64(fields[3]), let verified = Int64(fields[4]),
            let used = Int64(fields[5]), bytes >= 0, times.contains(verified), times.contains(used)
        else { return nil }
        let identity = BlobIdentity(bytes: bytes, inode: inode, changed: changed)
        return (digest, BlobEntry(identity: identity, verified: verified, used: used, usedWritten: used))
    }

    private func read() -> String? {
        let descriptor = openat(directory, "index", O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let reader = ChunkReader()
        var bytes: [UInt8] = []
        while let chunk = try? reader.read(descriptor, at: Int64(bytes.count)), !chunk.isEmpty {
            bytes.append(contentsOf: chunk)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Writing

    static func line(_ digest: Digest, _ entry: BlobEntry) -> String {
        let identity = entry.identity
        return "\(digest) \(identity.bytes) \(identity.inode) \(identity.changed) \(entry.verified) \(entry.used)\n"
    }

    static func removal(_ digest: Digest) -> String { "- \(digest)\n" }

    /// A line that cannot be written is lost, see above.
    func append(_ lines: [String]) {
        guard !lines.isEmpty else { return }
        output.withLock { output in
            guard output.descriptor >= 0 else { return }
            put(lines.joined(), to: output.descriptor)
            output.lines += lines.count
        }
    }

    /// Writes the file anew when it is not, or has grown far beyond what it says. Lines that come at the same time
    /// wait.
    func rewrite(ifNeeded: Bool, _ entries: () -> [Digest: BlobEntry]) {
        output.withLock { output in
            let entries = entries()
            guard !ifNeeded || output.descriptor < 0 || output.lines > 2 * entries.count + 1024 else { return }
            let flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC
            let descriptor = openat(directory, "index.new", flags, 0o644)
            guard descriptor >= 0 else { return }
            let lines = [Self.head + "\n"] + entries.map { Self.line($0.key, $0.value) }
            guard put(lines.joined(), to: descriptor), fsync(descriptor) == 0,
                renameat(directory, "index.new", directory, "index") == 0
            else {
                close(descriptor)
                return
            }
            if output.descriptor >= 0 { close(output.descriptor) }
            output = Output(descriptor: descriptor, lines: entries.count)
        }
    }

    @discardableResult
    private func put(_ text: String, to descriptor: Int32) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let result = write(
                    descriptor, UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: rest)).baseAddress, rest.count)
                if result > 0 { rest = rest.dropFirst(result) } else if result == 0 || errno != EINTR { return false }
            }
            return true
        }
    }
}
