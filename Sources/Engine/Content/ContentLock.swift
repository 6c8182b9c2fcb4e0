// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Keeps a second OnDeck off a content store: each would throw away what the other is bringing in. The lock lies on the
/// file "lock" in the store's directory, and the kernel gives it back with the process, however that ends.
public final class ContentLock: Sendable {
    /// Why the store cannot be had.
    public struct Fault: Error, Hashable, Sendable {
        /// Names the directory, and the process that has it.
        public let sentence: String
    }

    /// -1: on a file system that is read-only, where nobody can do harm.
    private let descriptor: Int32

    /// Makes the directory where there is none yet.
    public init(directory: String) throws(Fault) {
        do throws(BlobStoreError) { try BlobFiles.makePath(directory) } catch { throw Fault(sentence: error.sentence) }
        let path = directory + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            guard errno == EROFS else { throw Self.system("open \(path)", errno) }
            return
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            let holder = Self.holder(descriptor)
            close(descriptor)
            guard reason == EWOULDBLOCK else { throw Self.system("lock \(path)", reason) }
            throw Fault(sentence: "\(directory) is in use by another ondeck\(holder)")
        }
        // For the other one's message only: on a full disk it stays empty.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static func system(_ step: String, _ code: Int32) -> Fault {
        Fault(sentence: "cannot \(step): \(String(cString: strerror(code)))")
    }

    private static func holder(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let process = Int32(String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 10 }, as: UTF8.self))
        return process.map { " (process \($0))" } ?? ""
    }
}
