// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// An open regular file, read with `pread` at any offset by any number of transfers; closed with its last user.
public final class OpenFile: Sendable {
    public let descriptor: Int32
    public let size: Int
    /// Whole seconds since 1970.
    public let modifiedSeconds: Int
    /// Changes when the file does: inode, size and time of change, or the content's digest, as hex digits. Usable as an
    /// ETag.
    public let version: String
    /// Who may do what: the mode's permission bits.
    public let permissions: UInt32

    /// Takes over `descriptor`. Nil (and closed) when it is no regular file. `version` is for files whose content has
    /// a name of its own, a digest, which then is the ETag on every node alike.
    public convenience init?(descriptor: Int32, version: String? = nil) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            Glibc.close(descriptor)
            return nil
        }
        self.init(descriptor: descriptor, status: status, version: version ?? Self.version(status))
    }

    /// Takes over the descriptor of a regular file, and what `fstat` has just said of it.
    init(descriptor: Int32, status: stat, version: String) {
        self.descriptor = descriptor
        size = Int(status.st_size)
        modifiedSeconds = status.st_mtim.tv_sec
        permissions = UInt32(status.st_mode & 0o7777)
        self.version = version
    }

    private static func version(_ status: stat) -> String {
        let changed = UInt64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ UInt64(status.st_mtim.tv_nsec)
        let parts = [UInt64(status.st_ino), UInt64(status.st_size), changed]
        // Written for each request: three numbers of up to 16 digits.
        return String(unsafeUninitializedCapacity: 3 * 16 + 2) { bytes in
            var end = 0
            for part in parts {
                if end > 0 {
                    bytes[end] = UInt8(ascii: "-")
                    end += 1
                }
                let digits = max(1, (67 - part.leadingZeroBitCount) / 4)
                for place in 0..<digits {
                    let nibble = UInt8(truncatingIfNeeded: part >> UInt64(4 * (digits - 1 - place))) & 0xf
                    bytes[end + place] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
                }
                end += digits
            }
            return end
        }
    }

    deinit { Glibc.close(descriptor) }

    /// The length by now, for the file may be cut short while it is being sent; nil when it cannot be told.
    public var sizeNow: Int? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : nil
    }
}

/// A directory whose files may be served. No path of a client ever reaches the file system other than through here.
public final class ContentDirectory: Sendable {
    public let path: String
    private let descriptor: Int32

    /// Nil when the directory cannot be opened.
    public init?(path: String) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { Glibc.close(descriptor) }

    public enum OpenFailure: Error, Hashable, Sendable {
        /// No such file, not a regular file, or a name that leads out of the directory.
        case missing
        /// The file is there and cannot be read: the operator's fault, not the client's.
        case unreadable(errno: Int32)
    }

    public func open(_ relative: String) throws(OpenFailure) -> OpenFile {
        let result = cl_open_beneath(descriptor, relative)
        guard result >= 0 else {
            switch -result {
            case ENOENT, ENOTDIR, EXDEV, ELOOP, EISDIR, ENAMETOOLONG: throw .missing
            default: throw .unreadable(errno: -result)
            }
        }
        guard let file = OpenFile(descriptor: result) else { throw .missing }
        return file
    }
}
