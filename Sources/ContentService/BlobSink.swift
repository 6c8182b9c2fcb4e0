// SPDX-License-Identifier: Apache-2.0

import Engine
import Glibc
import Model
import Synchronization

/// Where a file goes that is being fetched: to stay, or only through.
protocol BlobSink: Sendable {
    var arriving: ArrivingFile { get }
    /// Bytes that are here already.
    var count: Int64 { get }
    func append(_ bytes: UnsafeRawBufferPointer) throws(BlobStoreError)
    /// All bytes are here: the file is what it should be, or `.mismatch` is thrown and it is gone.
    func publish() throws(BlobStoreError)
    /// Keeps what is here for another time.
    func suspend()
    /// Throws away what is here.
    func discard()
}

extension PartialBlob: BlobSink {}

/// A file that is not kept: it has no name on the disk, and is gone with its last reader.
final class PassingBlob: BlobSink {
    let arriving: ArrivingFile
    private let digest: Digest
    private let state = Mutex(State())

    private struct State {
        var count: Int64 = 0
        var hash = ContentHash()
    }

    init(_ file: ContentFile, directory: String) throws(BlobStoreError) {
        let path = "\(directory)/passing-\(UInt64.random(in: 0 ... .max))"
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("make a file that passes through") }
        unlink(path)
        digest = file.digest
        arriving = ArrivingFile(descriptor: descriptor, size: Int(file.bytes), version: "\(file.digest)")
    }

    var count: Int64 { state.withLock { $0.count } }

    func append(_ bytes: UnsafeRawBufferPointer) throws(BlobStoreError) {
        let offset = count
        guard Int64(bytes.count) <= Int64(arriving.size) - offset else {
            throw .surplus(bytes: Int64(arriving.size))
        }
        try writeFully(arriving.descriptor, bytes, at: offset)
        let end = offset + Int64(bytes.count)
        state.withLock { state in
            state.hash.update(bytes)
            state.count = end
        }
        arriving.advance(to: Int(end))
    }

    func publish() throws(BlobStoreError) {
        let (found, count) = state.withLock { ($0.hash.digest, $0.count) }
        guard count == Int64(arriving.size) else { throw .incomplete(bytes: count, of: Int64(arriving.size)) }
        guard found == digest else { throw .mismatch(expected: digest, found: found) }
        arriving.finish()
    }

    func suspend() {}
    func discard() { arriving.fail("the transfer was given up") }
}
