// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Model
import Synchronization

extension BlobStore {
    // MARK: From elsewhere

    /// Begins or goes on with a file that comes from elsewhere. What is there of it already is hashed first, which
    /// takes as long as reading it. Throws `.busy` while somebody else writes it, and `.full` when it would not fit.
    public func begin(_ digest: Digest, bytes: Int64) throws(BlobStoreError) -> PartialBlob {
        guard bytes >= 0, bytes <= Int64(Int.max / 2) else { throw .io("a file cannot have \(bytes) bytes") }
        guard state.withLock({ $0.writers.insert(digest).inserted }) else { throw .busy }
        do throws(BlobStoreError) {
            return try PartialBlob(store: self, digest: digest, bytes: bytes)
        } catch {
            endWriting(digest)
            throw error
        }
    }

    /// Puts a file whose bytes have been verified, and are on the disk, in its place. `name` is its partial file's.
    func publish(
        _ name: String, _ descriptor: Int32, _ digest: Digest, durably: Bool = true
    ) throws(BlobStoreError) {
        let hex = digest.description
        let result = changing.withLock { _ in
            Result { () throws(BlobStoreError) in
                let identity = try files.publish(name, descriptor, as: hex)
                let entry = BlobEntry(identity: identity, verified: now, used: now, usedWritten: now)
                state.withLock { state in
                    state.hold(digest, entry)
                    if !durably { state.unsynced.insert(digest) }
                }
                return entry
            }
        }
        let entry = try result.get()
        if durably {
            try files.syncShelf(hex)
            index.append([BlobIndexFile.line(digest, entry)])
        }
        onChange?()
    }

    // MARK: From here

    /// Brings in a local file. `moving`: it is taken from where it lies when that is on the same file system; nobody
    /// may write to it meanwhile. `durably` false: it may be lost with the power until `sync` has returned.
    public func add(path: String, moving: Bool = false, durably: Bool = true) throws(BlobStoreError)
        -> (digest: Digest, bytes: Int64)
    {
        let source = Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard source >= 0 else { throw .system("open \(path)") }
        defer { close(source) }
        var status = stat()
        guard fstat(source, &status) == 0 else { throw .system("look at \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .io("\(path) is not a regular file") }
        let name = importName()
        // A file that has another name, too, could be changed by it.
        if moving, status.st_nlink == 1, renameat(AT_FDCWD, path, files.partial, name) == 0 {
            return try keep(name, durably) { () throws(BlobStoreError) in
                let (digest, bytes) = try Self.hash(source)
                return (dup(source), digest, bytes)
            }
        }
        return try keep(name, durably) { () throws(BlobStoreError) in
            let output = try files.openPartial(name, O_RDWR | O_CREAT | O_EXCL)
            do throws(BlobStoreError) {
                try files.reserve(output, from: 0, bytes: Int64(status.st_size))
                let (digest, bytes) = try Self.hash(source, copyingTo: output)
                // Set aside, and not needed: the file has become shorter.
                ftruncate(output, off_t(bytes))
                return (output, digest, bytes)
            } catch {
                close(output)
                throw error
            }
        }
    }

    /// Brings in bytes: a manifest.
    public func add(bytes: [UInt8], durably: Bool = true) throws(BlobStoreError) -> (digest: Digest, bytes: Int64) {
        let name = importName()
        return try keep(name, durably) { () throws(BlobStoreError) in
            let output = try files.openPartial(name, O_RDWR | O_CREAT | O_EXCL)
            let result = bytes.withUnsafeBytes { bytes in
                Result { () throws(BlobStoreError) in try writeFully(output, bytes, at: 0) }
            }
            do throws(BlobStoreError) { try result.get() } catch {
                close(output)
                throw error
            }
            return (output, Digest.of(bytes), Int64(bytes.count))
        }
    }

    /// Everything that was added before outlasts a power failure from here on.
    public func sync() throws(BlobStoreError) {
        let unsynced = state.withLock { $0.unsynced }
        guard !unsynced.isEmpty else { return }
        let result = cl_file_sync_all(files.root)
        guard result == 0 else { throw .system("write everything to the disk", -result) }
        let lines = state.withLock { state in
            let due = unsynced.intersection(state.unsynced)
            state.unsynced.subtract(due)
            return due.compactMap { digest in state.held[digest].map { BlobIndexFile.line(digest, $0) } }
        }
        index.append(lines)
    }

    private func importName() -> String {
        state.withLock { state in
            state.importNumber += 1
            return "add-\(state.importNumber)"
        }
    }

    /// Publishes what `make` has put under the partial name, unless the same is here already. The descriptor that it
    /// gives is closed.
    private func keep(
        _ name: String, _ durably: Bool,
        _ make: () throws(BlobStoreError) -> (descriptor: Int32, digest: Digest, bytes: Int64)
    ) throws(BlobStoreError) -> (digest: Digest, bytes: Int64) {
        do throws(BlobStoreError) {
            let (descriptor, digest, bytes) = try make()
            defer { close(descriptor) }
            guard open(digest).file == nil else {
                files.removePartial(name)
                // Somebody may have brought it in who does not wait for the disk.
                if durably, state.withLock({ $0.unsynced.contains(digest) }) { try sync() }
                return (digest, bytes)
            }
            guard !durably || fsync(descriptor) == 0 else { throw .system("fsync") }
            try publish(name, descriptor, digest, durably: durably)
            return (digest, bytes)
        } catch {
            files.removePartial(name)
            throw error
        }
    }

    /// The digest and length of a file, which is copied on the way.
    static func hash(_ source: Int32, copyingTo output: Int32? = nil) throws(BlobStoreError) -> (Digest, Int64) {
        let reader = ChunkReader()
        var hash = ContentHash()
        var offset: Int64 = 0
        do {
            while true {
                let chunk = try reader.read(source, at: offset)
                if chunk.isEmpty { return (hash.digest, offset) }
                hash.update(chunk)
                if let output { try writeFully(output, chunk, at: offset) }
                offset += Int64(chunk.count)
            }
        } catch let error as BlobStoreError {
            throw error
        } catch let error as ChunkReader.ReadFailure {
            throw .system("read", error.code)
        } catch { throw .io("\(error)") }
    }
}
