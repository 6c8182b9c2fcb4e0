// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model
import Ports
import Synchronization

/// Why a replica file could not be written or read. The text names the file.
public enum ReplicaFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file that was there before, if any, is untouched.
    case unwritable(path: String, step: String, errno: Int32)
    /// There is a file, and the system does not let us read it.
    case unreadable(path: String, step: String, errno: Int32)
    /// It was cut off, changed, or never was a replica file.
    case damaged(path: String, String)

    public var description: String {
        switch self {
        case .unwritable(let path, let step, let errno):
            "the replica file \(path) cannot be written: \(step): \(String(cString: strerror(errno))) (errno \(errno))"
        case .unreadable(let path, let step, let errno):
            "the replica file \(path) cannot be read: \(step): \(String(cString: strerror(errno))) (errno \(errno))"
        case .damaged(let path, let reason):
            "the replica file \(path) is damaged: \(reason); it is not used, and may be deleted"
        }
    }
}

/// What the store held when it was last heard of, on this node's own disk: enough to serve static clients and known
/// renewals after a cold start without the store.
///
/// The file, all numbers big-endian, texts and values with their length in 4 octets before them:
///
///     "OnDeckR" and the version, 1
///     revision (8), store identity, cluster time in milliseconds (8)
///     count of networks (4); for each its name, its highest epoch (8)
///     count of records (4); for each its key, its value, its revision (8)
///     CRC-32C over all before it (4)
public struct ReplicaFile: Sendable {
    public struct Content: Hashable, Sendable {
        /// The store's revision that the records were read at.
        public var revision: Int64
        public var storeIdentity: String
        /// When it was written.
        public var clusterTime: Instant
        /// The highest ever seen, by network.
        public var epochs: [String: UInt64]
        public var records: [StoreRecord]

        public init(
            revision: Int64, storeIdentity: String, clusterTime: Instant, epochs: [String: UInt64],
            records: [StoreRecord]
        ) {
            self.revision = revision
            self.storeIdentity = storeIdentity
            self.clusterTime = clusterTime
            self.epochs = epochs
            self.records = records
        }
    }

    private static let head: [UInt8] = Array("OnDeckR".utf8) + [1]

    public let path: String
    private var temporaryPath: String { path + ".new" }

    /// The file need not be there; its directory must be when it is written.
    public init(path: String) { self.path = path }

    // MARK: Writing

    /// One writer at a time in this process, since they would write to one temporary file.
    private static let writing = Mutex<Void>(())

    /// Replaces the file, readable by its owner alone. On return it is on the disk; after a crash in between, the old
    /// one or the new one is there. Blocks for as long as the disk takes.
    public func write(_ content: Content) throws(ReplicaFileError) {
        let result = Self.writing.withLock { _ in
            Result { () throws(ReplicaFileError) in
                do throws(ReplicaFileError) {
                    try writeTemporary(content)
                    try publish()
                } catch {
                    unlink(temporaryPath)
                    throw error
                }
            }
        }
        try result.get()
    }

    private func writeTemporary(_ content: Content) throws(ReplicaFileError) {
        // A leftover may have another owner or mode.
        unlink(temporaryPath)
        let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw unwritable("open") }
        var output = ReplicaOutput(descriptor: descriptor)
        do throws(ReplicaOutput.Fault) {
            try Self.put(content, into: &output)
            try output.finish()
        } catch {
            throw .unwritable(path: path, step: error.step, errno: error.errno)
        }
    }

    private static func put(_ content: Content, into output: inout ReplicaOutput) throws(ReplicaOutput.Fault) {
        try output.put(head)
        try output.put(content.revision)
        try output.put(text: content.storeIdentity)
        try output.put(content.clusterTime.milliseconds)
        try output.put(count: content.epochs.count)
        for (network, epoch) in content.epochs.sorted(by: { $0.key < $1.key }) {
            try output.put(text: network)
            try output.put(Int64(bitPattern: epoch))
        }
        try output.put(count: content.records.count)
        for record in content.records {
            try output.put(text: record.key)
            try output.put(count: record.value.count)
            try output.put(record.value)
            try output.put(record.revision.value)
        }
    }

    private func publish() throws(ReplicaFileError) {
        guard rename(temporaryPath, path) == 0 else { throw unwritable("rename") }
        // The new name, too, must outlast a power failure.
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unwritable("open its directory") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw unwritable("fsync of its directory") }
    }

    private var directory: String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func unwritable(_ step: String) -> ReplicaFileError { .unwritable(path: path, step: step, errno: errno) }

    // MARK: Reading

    /// Nil when there is none. All of it is checked before any of it is returned. Blocks for as long as the disk takes.
    public func read() throws(ReplicaFileError) -> Content? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .unreadable(path: path, step: "open", errno: errno)
        }
        do throws(ReplicaInput.Fault) {
            var input = try ReplicaInput(descriptor: descriptor)
            let content = try Self.take(from: &input)
            try input.finish()
            return content
        } catch {
            switch error {
            case .system(let step, let errno): throw .unreadable(path: path, step: step, errno: errno)
            case .damaged(let reason): throw .damaged(path: path, reason)
            }
        }
    }

    private static func take(from input: inout ReplicaInput) throws(ReplicaInput.Fault) -> Content {
        let begin = try input.bytes(head.count, "its beginning")
        guard begin.dropLast() == head.dropLast() else { throw .damaged("it is not a replica file") }
        guard begin == head else { throw .damaged("it has version \(begin[7]), and this OnDeck reads \(head[7])") }
        var content = Content(
            revision: try input.number("revision"), storeIdentity: try input.text("store identity"),
            clusterTime: Instant(milliseconds: try input.number("cluster time")), epochs: [:], records: [])
        for index in 0..<(try input.count("networks", bytesEach: 12)) {
            let network = try input.text("network \(index)")
            let epoch = UInt64(bitPattern: try input.number("epoch"))
            guard content.epochs.updateValue(epoch, forKey: network) == nil else {
                throw .damaged("it has the network \"\(network)\" twice")
            }
        }
        let count = try input.count("records", bytesEach: 16)
        content.records.reserveCapacity(count)
        for _ in 0..<count {
            let key = try input.text("key")
            let value = try input.bytes(try input.count("octets", bytesEach: 1), "value")
            let revision = Revision(try input.number("revision of a record"))
            content.records.append(StoreRecord(key: key, value: value, revision: revision))
        }
        return content
    }
}
