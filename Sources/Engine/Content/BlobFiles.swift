// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Model

/// What is remembered of a blob's file from the moment it was verified: whoever writes to it, cuts it, or puts another
/// in its place changes one of them.
struct BlobIdentity: Hashable, Sendable {
    var bytes: Int64
    var inode: UInt64
    /// The inode's time of change in nanoseconds, which no program can set back.
    var changed: Int64

    init(bytes: Int64, inode: UInt64, changed: Int64) {
        self.bytes = bytes
        self.inode = inode
        self.changed = changed
    }

    init(_ status: stat) {
        self.init(
            bytes: Int64(status.st_size), inode: UInt64(status.st_ino),
            changed: Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec))
    }
}

/// The content store's directories, held open: what is mounted over them later does not matter. Every name in them is
/// made here.
///
///     blobs/ab/<hex>   whole, verified, read-only
///     partial/<hex>    on its way; partial/add-<n> is a local file that is being brought in
///     damaged/         what lay in a blob's place and is no file
///     index            see BlobIndexFile
final class BlobFiles: Sendable {
    let root: Int32
    let blobs: Int32
    let partial: Int32
    private let damaged: Int32

    init(directory: String) throws(BlobStoreError) {
        try Self.makePath(directory)
        root = try Self.directory(AT_FDCWD, directory)
        do throws(BlobStoreError) {
            blobs = try Self.made(root, "blobs")
            partial = try Self.made(root, "partial")
            damaged = try Self.made(root, "damaged")
        } catch {
            close(root)
            throw error
        }
    }

    deinit { for descriptor in [root, blobs, partial, damaged] { close(descriptor) } }

    static func makePath(_ path: String) throws(BlobStoreError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += part + "/"
            guard mkdir(made, 0o755) == 0 || errno == EEXIST || errno == EROFS else {
                throw .system("make the directory \(made)")
            }
        }
    }

    private static func made(_ root: Int32, _ name: String) throws(BlobStoreError) -> Int32 {
        guard mkdirat(root, name, 0o755) == 0 || errno == EEXIST else { throw .system("make the directory \(name)") }
        return try directory(root, name)
    }

    private static func directory(_ parent: Int32, _ name: String) throws(BlobStoreError) -> Int32 {
        let descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open the directory \(name)") }
        return descriptor
    }

    // MARK: Blobs

    private static func place(_ hex: String) -> String { hex.prefix(2) + "/" + hex }

    /// A descriptor, or -errno. Never follows a link.
    func openBlob(_ hex: String) -> Int32 {
        let descriptor = openat(blobs, Self.place(hex), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        return descriptor >= 0 ? descriptor : -errno
    }

    /// What lies in a blob's place; nil when nothing does.
    func identity(_ hex: String) -> BlobIdentity? {
        var status = stat()
        guard fstatat(blobs, Self.place(hex), &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG
        else { return nil }
        return BlobIdentity(status)
    }

    /// Puts a whole file, already on the disk, in its place, read-only; returns how it is recognized.
    func publish(_ name: String, _ descriptor: Int32, as hex: String) throws(BlobStoreError) -> BlobIdentity {
        let shelf = String(hex.prefix(2))
        guard fchmod(descriptor, 0o444) == 0 else { throw .system("make the file read-only") }
        guard mkdirat(blobs, shelf, 0o755) == 0 || errno == EEXIST else { throw .system("make the directory \(shelf)") }
        if renameat(partial, name, blobs, Self.place(hex)) != 0 {
            guard errno == EISDIR else { throw .system("rename") }
            takeAway(hex)
            guard renameat(partial, name, blobs, Self.place(hex)) == 0 else { throw .system("rename") }
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("stat") }
        return BlobIdentity(status)
    }

    /// After this, the name of a published blob outlasts a power failure.
    func syncShelf(_ hex: String) throws(BlobStoreError) {
        let shelf = try Self.directory(blobs, String(hex.prefix(2)))
        defer { close(shelf) }
        guard fsync(shelf) == 0, fsync(blobs) == 0 else { throw .system("fsync of a directory") }
    }

    /// Removes what lies in a blob's place, whatever it is.
    func takeAway(_ hex: String) {
        guard unlinkat(blobs, Self.place(hex), 0) != 0, errno == EISDIR else { return }
        _ = renameat(blobs, Self.place(hex), damaged, hex)
    }

    /// The names that look like blobs.
    func blobNames() -> [String] {
        Self.names(blobs).filter { $0.utf8.count == 2 }.flatMap { shelf -> [String] in
            let descriptor = openat(blobs, shelf, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { return [] }
            defer { close(descriptor) }
            return Self.names(descriptor).filter { $0.utf8.count == 64 && $0.hasPrefix(shelf) }
        }
    }

    // MARK: Partial files

    /// Opens or makes a partial file. Throws `.system`.
    func openPartial(_ name: String, _ flags: Int32) throws(BlobStoreError) -> Int32 {
        let descriptor = openat(partial, name, flags | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("open a partial file") }
        return descriptor
    }

    func removePartial(_ name: String) { unlinkat(partial, name, 0) }

    /// Names, and when they were last written to, in seconds.
    func partialNames() -> [(name: String, written: Int64)] {
        Self.names(partial).compactMap { name in
            var status = stat()
            guard fstatat(partial, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
            return (name, Int64(status.st_mtim.tv_sec))
        }
    }

    /// What is in a directory but "." and "..".
    private static func names(_ directory: Int32) -> [String] {
        // readdir moves the descriptor's position, so it gets one of its own.
        let descriptor = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        guard let stream = fdopendir(descriptor) else {
            close(descriptor)
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    // MARK: Room

    /// Bytes that may still be written, and the disk's size; nil when the system does not say.
    func room() -> (free: Int64, total: Int64)? {
        var status = statvfs()
        guard fstatvfs(root, &status) == 0 else { return nil }
        let unit = Int64(status.f_frsize)
        return (Int64(status.f_bavail) * unit, Int64(status.f_blocks) * unit)
    }

    /// Sees to it that so many more bytes fit, and leave the reserve free. Where the file system can, they are set
    /// aside, so that a transfer fails before it begins and not near its end.
    func reserve(_ descriptor: Int32, from offset: Int64, bytes: Int64) throws(BlobStoreError) {
        guard bytes > 0 else { return }
        if let (free, total) = room() {
            // What was set aside for this file before is part of what is no longer free.
            let there = allocated(descriptor) - offset
            let reserve = min(Limits.blobDiskReserveBytes, total / 20)
            guard bytes - max(0, there) <= free - reserve else {
                throw .full(
                    "the disk of the content store has no room: \(bytes) bytes are needed, and \(free) are free, "
                        + "of which \(reserve) must stay so")
            }
        }
        let result = -cl_file_reserve(descriptor, offset, bytes)
        if result == ENOSPC || result == EDQUOT { throw .system("set room aside", result) }
    }

    private func allocated(_ descriptor: Int32) -> Int64 {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int64(status.st_blocks) * 512 : 0
    }
}
