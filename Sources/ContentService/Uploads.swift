// SPDX-License-Identifier: Apache-2.0

import Engine
import Glibc
import Model
import NIOCore
import Synchronization

/// Files that operators send, in parts: what has come stays, and the next part goes on there.
final class Uploads: Sendable {
    enum Fault: Error, Sendable {
        /// Somebody else is sending it, or it is being imported.
        case busy
        /// So much is here: that is where to go on.
        case elsewhere(received: Int64)
        /// A sentence.
        case full(String)
        case tooMuch(total: Int64)
        /// The client has gone, or the disk fails; what came before is kept.
        case broken(String)
    }

    private let files: ImportFiles
    private let writers = Mutex<Set<String>>([])
    private let isInUse: @Sendable (_ path: String) -> Bool

    /// `isInUse`: whether an import reads the file now.
    init(files: ImportFiles, isInUse: @escaping @Sendable (_ path: String) -> Bool) {
        self.files = files
        self.isInUse = isInUse
    }

    /// What is here of a file that is to have `total` bytes; of another length it is another file.
    func received(_ image: String, _ file: String, total: Int64) -> Int64 {
        let path = files.upload(image, file)
        guard files.noted(path + ".total") == "\(total)", let size = ImportFiles.size(path), size <= total else {
            return 0
        }
        return size
    }

    /// Takes a part, on a thread of its own; returns how much is here then.
    func take(
        _ image: String, _ file: String, total: Int64, offset: Int64,
        _ body: any AsyncSequence<ByteBuffer, any Error> & Sendable
    ) async throws(Fault) -> Int64 {
        let path = files.upload(image, file)
        guard writers.withLock({ $0.insert(path).inserted }) else { throw .busy }
        defer { _ = writers.withLock { $0.remove(path) } }
        let here = received(image, file, total: total)
        guard offset == here || offset == 0 && here == total else { throw .elsewhere(received: here) }
        if offset == 0, here == total { return here }
        guard !isInUse(path) else { throw .busy }
        let files = files
        let result = await WorkThread.run(named: "upload") { () -> Result<Int64, Fault> in
            do throws(Fault) {
                return .success(try await Self.write(body, to: path, files, total: total, offset: offset))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func write(
        _ body: any AsyncSequence<ByteBuffer, any Error> & Sendable, to path: String, _ files: ImportFiles,
        total: Int64, offset: Int64
    ) async throws(Fault) -> Int64 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .broken("cannot open a file for it: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        if offset == 0 {
            ftruncate(descriptor, 0)
            files.note("\(total)", at: path + ".total")
        }
        var done = offset
        do {
            for try await part in body {
                guard done + Int64(part.readableBytes) <= total else { throw Fault.tooMuch(total: total) }
                guard files.hasRoom() else { throw Fault.full(ImportFiles.noRoom) }
                try part.withUnsafeReadableBytes { try writeFully(descriptor, $0, at: done) }
                done += Int64(part.readableBytes)
            }
        } catch let fault as Fault {
            throw fault
        } catch let fault as BlobStoreError {
            throw fault.isFull ? .full(fault.sentence) : .broken(fault.sentence)
        } catch { throw .broken("the connection broke: \(error)") }
        guard done < total || fsync(descriptor) == 0 else {
            throw .broken("writing to the disk: \(String(cString: strerror(errno)))")
        }
        return done
    }
}
