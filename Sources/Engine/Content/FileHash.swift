// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model

import struct Crypto.SHA256

/// SHA-256 of bytes as they come.
public struct ContentHash: Sendable {
    private var hash = SHA256()

    public init() {}

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
