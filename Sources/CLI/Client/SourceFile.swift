// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Glibc
import Model
import NIOCore

import struct Crypto.SHA256

/// A file that is to be sent: opened once, so that it stays the same one whatever its name comes to mean.
final class SourceFile: Sendable {
    let path: String
    let name: String
    let bytes: Int64
    private let descriptor: Int32

    init(path: String) throws(CommandError) {
        self.path = path
        name = path.split(separator: "/").last.map(String.init) ?? ""
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandError("\(path): \(Self.reason(errno))") }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.closing(descriptor, "\(path): \(Self.reason(errno))") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            throw Self.closing(
                descriptor, isDirectory ? "\(path) is a directory" : "\(path) is not a file",
                hint: isDirectory ? "Send it as one file: tar -cf image.tar -C \(path) ." : nil)
        }
        guard status.st_size > 0 else { throw Self.closing(descriptor, "\(path) is empty") }
        guard UploadName.isValid(name) else {
            throw Self.closing(
                descriptor, "\(path): the server takes no file of this name",
                hint: "A name has no leading dot, and at most \(Limits.uploadNameBytesMax) bytes.")
        }
        bytes = Int64(status.st_size)
    }

    deinit { close(descriptor) }

    /// Its part, or less at its end. It was as long as `bytes` once: if it no longer is, it has changed.
    func read(at offset: Int64, count: Int) throws(CommandError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        let length = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
            max(0, pread(descriptor, target.baseAddress, min(count, target.count), off_t(offset)))
        }
        guard length == count else { throw CommandError("\(path) has become shorter meanwhile, or cannot be read") }
        return buffer
    }

    /// Calls `progress` with the number of bytes that have been read.
    func digest(_ progress: (Int64) -> Void) throws -> Digest {
        var hash = SHA256()
        var offset: Int64 = 0
        while offset < bytes {
            try Task.checkCancellation()
            let block = try read(at: offset, count: Int(min(Self.blockBytes, bytes - offset)))
            block.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
            offset += Int64(block.readableBytes)
            progress(offset)
        }
        guard let digest = Digest(bytes: hash.finalize()) else { throw CommandError("\(path) cannot be hashed") }
        return digest
    }

    static let blockBytes: Int64 = 1 << 20

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)).lowercased() }

    private static func closing(_ descriptor: Int32, _ message: String, hint: String? = nil) -> CommandError {
        close(descriptor)
        return CommandError(message, hint: hint)
    }
}
