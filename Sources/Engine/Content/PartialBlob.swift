// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Model
import Synchronization

/// A file that is coming in, from its start to its end, and is hashed on the way. When the last reference goes, it is
/// kept for whoever goes on with it.
public final class PartialBlob: Sendable {
    public let digest: Digest
    /// Of the whole file.
    public let bytes: Int64
    /// For those who read it while it comes.
    public let arriving: ArrivingFile

    private struct Work {
        var hash = ContentHash()
        var count: Int64 = 0
        /// Up to here the kernel has been told to write.
        var writtenBack: Int64 = 0
        var isOver = false
    }

    private let store: BlobStore
    private let descriptor: Int32
    private let name: String
    private let work: Mutex<Work>

    /// To be called by the store, which has noted the writer.
    init(store: BlobStore, digest: Digest, bytes: Int64) throws(BlobStoreError) {
        let name = digest.description
        let descriptor = try store.files.openPartial(name, O_RDWR | O_CREAT)
        let opened: (Work, Int32)
        var here: Int64 = 0
        do throws(BlobStoreError) {
            let work = try Self.resume(descriptor, bytes)
            here = work.count
            try store.files.reserve(descriptor, from: work.count, bytes: bytes - work.count)
            opened = (work, try store.files.openPartial(name, O_RDONLY))
        } catch {
            close(descriptor)
            if here == 0 { store.files.removePartial(name) }
            throw error
        }
        self.store = store
        self.digest = digest
        self.bytes = bytes
        self.name = name
        self.descriptor = descriptor
        work = Mutex(opened.0)
        arriving = ArrivingFile(descriptor: opened.1, size: Int(bytes), version: name)
        arriving.advance(to: Int(opened.0.count))
    }

    deinit {
        suspend()
        close(descriptor)
    }

    /// Hashes what is there; a file that is too long cannot be right from its start.
    private static func resume(_ descriptor: Int32, _ bytes: Int64) throws(BlobStoreError) -> Work {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("look at a partial file") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .io("a partial file is no file") }
        guard Int64(status.st_size) <= bytes else {
            guard ftruncate(descriptor, 0) == 0 else { throw .system("cut a partial file") }
            return Work()
        }
        var work = Work()
        let reader = ChunkReader()
        do throws(ChunkReader.ReadFailure) {
            while work.count < Int64(status.st_size) {
                let chunk = try reader.read(descriptor, at: work.count, atMost: Int64(status.st_size) - work.count)
                if chunk.isEmpty { break }
                work.hash.update(chunk)
                work.count += Int64(chunk.count)
            }
        } catch {
            // What cannot be read back is no beginning.
            guard ftruncate(descriptor, 0) == 0 else { throw .system("read a partial file", error.code) }
            return Work()
        }
        work.writtenBack = work.count
        return work
    }

    /// How many bytes, from the start, are here.
    public var count: Int64 { work.withLock { $0.count } }

    // MARK: Filling

    /// The next bytes. When it throws `.full` or `.io`, those that were written before the fault count.
    public func append(_ piece: UnsafeRawBufferPointer) throws(BlobStoreError) {
        let result = work.withLock { work in
            Result { () throws(BlobStoreError) in try append(piece, to: &work) }
        }
        arriving.advance(to: Int(count))
        try result.get()
    }

    private func append(_ piece: UnsafeRawBufferPointer, to work: inout Work) throws(BlobStoreError) {
        guard !work.isOver else { throw .io("the transfer is over") }
        guard Int64(piece.count) <= bytes - work.count else { throw .surplus(bytes: bytes) }
        var written = 0
        defer {
            work.hash.update(UnsafeRawBufferPointer(rebasing: piece[..<written]))
            work.count += Int64(written)
        }
        try writeFully(descriptor, piece, at: work.count, written: &written)
        let end = work.count + Int64(written)
        if end - work.writtenBack >= Limits.blobWriteBackBytes {
            // Only begun, not waited for: the fsync at the end then has little left to do.
            cl_file_write_back(descriptor, work.writtenBack, end - work.writtenBack)
            work.writtenBack = end
        }
    }

    // MARK: Ending

    /// All of it is here: verifies, and puts it in its place on the disk. Throws `.incomplete` (it can be gone on
    /// with), `.mismatch` (what came is thrown away), and `.full` or `.io` (likewise: what a failed fsync leaves is
    /// unknown).
    public func publish() throws(BlobStoreError) {
        let here = work.withLock { work -> Result<Digest, BlobStoreError> in
            guard !work.isOver else { return .failure(.io("the transfer is over")) }
            guard work.count == bytes else { return .failure(.incomplete(bytes: work.count, of: bytes)) }
            work.isOver = true
            return .success(work.hash.digest)
        }
        let found = try here.get()
        do throws(BlobStoreError) {
            guard found == digest else { throw .mismatch(expected: digest, found: found) }
            guard fsync(descriptor) == 0 else { throw .system("fsync") }
            try store.publish(name, descriptor, digest)
        } catch {
            giveUp(error.sentence)
            throw error
        }
        store.endWriting(digest)
        arriving.finish()
    }

    private func giveUp(_ reason: String) {
        store.files.removePartial(name)
        store.endWriting(digest)
        arriving.fail(reason)
    }

    /// Stops here; what has come is kept, and `BlobStore.begin` goes on with it.
    public func suspend() {
        guard end() else { return }
        // What is not there needs no name, and what was set aside for the rest is others' again.
        let count = count
        if count == 0 { store.files.removePartial(name) } else { ftruncate(descriptor, off_t(count)) }
        store.endWriting(digest)
        arriving.fail("the transfer was interrupted")
    }

    /// Stops here and throws away what has come.
    public func discard() {
        guard end() else { return }
        giveUp("the transfer was given up")
    }

    /// False: it was over already.
    private func end() -> Bool {
        work.withLock { work in
            defer { work.isOver = true }
            return !work.isOver
        }
    }
}
