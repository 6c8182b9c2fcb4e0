// SPDX-License-Identifier: Apache-2.0

import Engine
import Foundation
import Glibc
import Model
import Synchronization
import Testing

/// A content store in a directory of its own, and the tools to do it harm.
final class BlobWorkshop: Sendable {
    let path: String
    /// What `onDamage` was told, in order.
    let damage = Mutex<[(digest: Digest, reason: String)]>([])

    init() throws {
        var template = Array("/tmp/ondeck-blobs-XXXXXX\0".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// As a process that starts: what an earlier one left is found.
    func open() throws -> BlobStore {
        let store = try BlobStore(directory: path)
        store.onDamage = { [weak self] digest, reason in self?.damage.withLock { $0.append((digest, reason)) } }
        return store
    }

    var damaged: [Digest] { damage.withLock { $0.map(\.digest) } }

    func blob(_ digest: Digest) -> String { "\(path)/blobs/\(digest.description.prefix(2))/\(digest)" }
    func partial(_ digest: Digest) -> String { "\(path)/partial/\(digest)" }
    var index: String { "\(path)/index" }

    func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: file) }

    func write(_ file: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(filePath: file)) }

    func read(_ file: String) throws -> [UInt8] { try Array(Data(contentsOf: URL(filePath: file))) }

    /// Long enough that what happens next has another time of change.
    static func tick() { usleep(20_000) }

    /// So many bytes that do not repeat.
    static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }
}

extension PartialBlob {
    func append(_ bytes: some Sequence<UInt8>) throws { try Array(bytes).withUnsafeBytes { try append($0) } }
}

extension OpenFile {
    var content: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        return pread(descriptor, &bytes, size, 0) == size ? bytes : []
    }
}

extension BlobAnswer {
    var word: String {
        switch self {
        case .file: "file"
        case .absent: "absent"
        case .damaged: "damaged"
        case .unreadable: "unreadable"
        }
    }
}
