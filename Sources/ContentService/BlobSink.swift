// SPDX-License-Identifier: Apache-2.0

import Engine
import Glibc
import Model
import Synchronization

import struct Crypto.SHA256

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
        var hash = SHA256()
    }

    init(_ file: ContentFile, directory: String) throws(BlobStoreError) {
        let path = "\(directory)/passing-\(UInt64.random(in: 0 ... .max))"
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.fault(path) }
        unlink(path)
        digest = file.digest
        arriving = ArrivingFile(descriptor: descriptor, size: Int(file.bytes), version: "\(file.digest)")
    }

    var count: Int64 { state.withLock { $0.count } }

    func append(_ bytes: UnsafeRawBufferPointer) throws(BlobStoreError) {
        var offset = count
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            let written = pwrite(arriving.descriptor, base, rest.count, off_t(offset))
            guard written > 0 else { throw Self.fault("writing a file that passes through") }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            offset += Int64(written)
        }
        state.withLock { state in
            state.hash.update(bufferPointer: bytes)
            state.count = offset
        }
        arriving.advance(to: Int(offset))
    }

    func publish() throws(BlobStoreError) {
        let found = state.withLock { Digest(bytes: $0.hash.finalize()) }
        guard let found, found == digest, count == Int64(arriving.size) else {
            throw .mismatch(expected: digest, found: found ?? digest)
        }
        arriving.finish()
    }

    func suspend() {}
    func discard() {}

    private static func fault(_ what: String) -> BlobStoreError {
        let code = errno
        let text = "\(what): \(String(cString: strerror(code)))"
        return code == ENOSPC || code == EDQUOT ? .full(text) : .io(text)
    }
}
