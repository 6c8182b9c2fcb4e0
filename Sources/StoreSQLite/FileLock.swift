// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import Synchronization

/// Keeps a second OnDeck off a database. The lock lies on a file beside the database: closing any descriptor of the
/// database itself would drop SQLite's own POSIX locks. The kernel drops it with the process, however that ends.
final class FileLock: Sendable {
    private let descriptor: Mutex<Int32>

    /// Throws `.unavailable`, naming the database and the process that has it.
    init(database: String) throws(StoreError) {
        let path = database + ".lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unavailable("cannot open \(path): \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            let holder = Self.holder(descriptor)
            Foundation.close(descriptor)
            guard reason == EWOULDBLOCK else {
                throw .unavailable("cannot lock \(path): \(String(cString: strerror(reason)))")
            }
            throw .unavailable("\(database) is in use by another ondeck\(holder)")
        }
        self.descriptor = Mutex(descriptor)
        // For the other one's message only: on a full disk it stays empty.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
    }

    deinit { release() }

    func release() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { Foundation.close(descriptor) }
            descriptor = -1
        }
    }

    private static func holder(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0, let process = Int32(String(decoding: bytes.prefix(count).prefix { $0 != 10 }, as: UTF8.self))
        else { return "" }
        return " (process \(process))"
    }
}
