// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model

import struct Crypto.SHA256

/// SHA-256 of bytes as they come.
public struct ContentHash: Sendable {
    private var hash = SHA256()

    public init() {}

    /// Of the first `count` bytes of a file. Nil when it cannot be read, or is shorter, or `goesOn` says no.
    public init?(reading descriptor: Int32, count: Int64, goesOn: (_ done: Int64) -> Bool) {
        let reader = ChunkReader()
        var done: Int64 = 0
        while done < count {
            guard goesOn(done), let chunk = try? reader.read(descriptor, at: done, atMost: count - done),
                !chunk.isEmpty
            else { return nil }
            update(chunk)
            done += Int64(chunk.count)
        }
    }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    /// Of everything so far; more may come.
    public var digest: Model.Digest {
        // SHA-256 has 32 bytes.
        Model.Digest(bytes: hash.finalize()) ?? { preconditionFailure("a SHA-256 without 32 bytes") }()
    }
}

extension Model.Digest {
    /// Of bytes that are in memory.
    public static func of(_ bytes: [UInt8]) -> Self {
        var hash = ContentHash()
        bytes.withUnsafeBytes { hash.update($0) }
        return hash.digest
    }
}

/// Reads a file in large pieces.
struct ChunkReader: ~Copyable {
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.blobChunkBytes, alignment: 4096)

    deinit { buffer.deallocate() }

    /// The bytes from `offset`, at most `count`; empty at the file's end. Throws the system's error code.
    func read(_ descriptor: Int32, at offset: Int64, atMost count: Int64 = .max) throws(ReadFailure)
        -> UnsafeRawBufferPointer
    {
        while true {
            let wanted = Int(min(Int64(buffer.count), count))
            let result = pread(descriptor, buffer.baseAddress, wanted, off_t(offset))
            if result >= 0 { return UnsafeRawBufferPointer(rebasing: buffer[..<result]) }
            guard errno == EINTR else { throw ReadFailure(code: errno) }
        }
    }

    struct ReadFailure: Error { var code: Int32 }
}

extension OpenFile {
    /// All of it; nil when it is longer, or cannot be read.
    public func bytes(atMost limit: Int) -> [UInt8]? {
        guard size <= limit else { return nil }
        let reader = ChunkReader()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        while bytes.count < size {
            guard let chunk = try? reader.read(descriptor, at: Int64(bytes.count)), !chunk.isEmpty else { return nil }
            bytes.append(contentsOf: chunk)
        }
        return bytes
    }
}

/// Writes all of it at `offset`, or throws `.full` or `.io`.
public func writeFully(
    _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64
) throws(BlobStoreError) {
    var written = 0
    try writeFully(descriptor, bytes, at: offset, written: &written)
}

/// Writes all of it at `offset`, or throws; `written` says how far it came, either way.
func writeFully(
    _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64, written: inout Int
) throws(BlobStoreError) {
    written = 0
    while written < bytes.count, let base = bytes.baseAddress {
        let result = pwrite(descriptor, base + written, bytes.count - written, off_t(offset) + off_t(written))
        if result > 0 {
            written += result
        } else if result == 0 || errno != EINTR {
            throw .system("write", result == 0 ? EIO : errno)
        }
    }
}
