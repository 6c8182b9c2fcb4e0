// SPDX-License-Identifier: Apache-2.0

import Engine
import Glibc
import Model

import struct Crypto.SHA256

/// A file's SHA-256 as it grows, or of what is there.
struct FileDigest {
    private var hash = SHA256()
    private static let chunkBytes = 1 << 20

    /// Of the first `count` bytes of a file. Nil when it cannot be read, or is shorter, or `goesOn` says no.
    init?(reading descriptor: Int32, count: Int64, goesOn: (_ done: Int64) -> Bool) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunkBytes, alignment: 4_096)
        defer { buffer.deallocate() }
        var done: Int64 = 0
        while done < count {
            guard goesOn(done) else { return nil }
            let wanted = Int(min(Int64(buffer.count), count - done))
            let got = pread(descriptor, buffer.baseAddress, wanted, off_t(done))
            guard got > 0 else { return nil }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            done += Int64(got)
        }
    }

    init() {}

    mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    /// A whole small file; nil when it is longer, or cannot be read.
    static func bytes(of file: OpenFile, atMost limit: Int) -> [UInt8]? {
        guard file.size <= limit else { return nil }
        var bytes = [UInt8](repeating: 0, count: file.size)
        let count = bytes.withUnsafeMutableBytes { pread(file.descriptor, $0.baseAddress, $0.count, 0) }
        return count == file.size ? bytes : nil
    }

    var digest: Digest {
        guard let digest = Digest(bytes: hash.finalize()) else { preconditionFailure("a SHA-256 has 32 bytes") }
        return digest
    }
}

/// Writes all of it, or throws.
func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(ImportFault) {
    var rest = bytes
    var offset = offset
    while let base = rest.baseAddress, !rest.isEmpty {
        let count = pwrite(descriptor, base, rest.count, off_t(offset))
        guard count > 0 else {
            let code = errno
            let isFull = code == ENOSPC || code == EDQUOT
            throw .failed(isFull ? diskIsFull : "writing to the disk: \(String(cString: strerror(code)))")
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        offset += Int64(count)
    }
}

let diskIsFull = "the disk of the content store is full"
