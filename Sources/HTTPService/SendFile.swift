// SPDX-License-Identifier: Apache-2.0

import CLinux
import Engine
import Glibc
import Model
import NIOCore
import NIOPosix

/// Where the bytes of a file come from.
enum FileSource: Sendable {
    case whole(OpenFile)
    /// Is still coming in: its readers follow.
    case arriving(ArrivingFile)

    var descriptor: Int32 {
        switch self {
        case .whole(let file): file.descriptor
        case .arriving(let file): file.descriptor
        }
    }

    /// The length by now; nil when it cannot be told.
    fileprivate var sizeNow: Int? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : nil
    }

    /// How much, from the start, there is beyond `offset`, as soon as there is more. Nil: no more will come.
    func available(beyond offset: Int) async -> Int? {
        switch self {
        case .whole(let file): file.size
        case .arriving(let file): try? await file.available(beyond: offset)
        }
    }
}

/// One range of a file on its way to one client, piece by piece.
///
/// The kernel copies from the page cache to the socket (sendfile), so a transfer costs no memory here. Each piece is
/// brought into the page cache by another thread first: sendfile waits for the disk, and the event loop must not.
/// Offsets are explicit, so any number of transfers may share a descriptor.
final class FileTransfer {
    private let source: FileSource
    /// Borrows the descriptor, which stays the file's to close.
    private let handle: NIOFileHandle
    private let range: Range<Int>
    /// Up to here the file is there.
    private var readyEnd: Int
    /// Up to here the kernel has taken it.
    private var sentEnd: Int
    /// What has been handed to the channel and not been taken yet.
    private var piece: Range<Int>

    /// `ready`: so much of the file, from its start, is there; more than the range's beginning.
    init(source: FileSource, range: Range<Int>, ready: Int) {
        self.source = source
        self.range = range
        readyEnd = ready
        handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: source.descriptor)
        sentEnd = range.lowerBound
        piece = range.lowerBound..<range.lowerBound
    }

    deinit { _ = try? handle.takeDescriptorOwnership() }

    var bytesSent: Int { sentEnd - range.lowerBound }
    var isComplete: Bool { sentEnd == range.upperBound }

    /// The next piece to hand to the channel; nil at the end.
    func nextPiece() -> FileRegion? {
        guard let next = FilePieces.piece(of: range, at: sentEnd, ready: readyEnd) else { return nil }
        piece = next
        return FileRegion(fileHandle: handle, readerIndex: next.lowerBound, endIndex: next.upperBound)
    }

    /// The channel has taken the piece.
    func pieceSent() { sentEnd = piece.upperBound }

    /// Brings what follows the present piece into the page cache, when it is there. False: the file has become shorter,
    /// its disk fails, or the rest of it does not come.
    func prefetch(on loop: any EventLoop) -> EventLoopFuture<Bool> {
        let end = piece.upperBound
        guard end < range.upperBound else { return loop.makeSucceededFuture(true) }
        guard end >= readyEnd else { return load(on: loop) }
        let source = source
        return loop.makeFutureWithTask { await source.available(beyond: end) }.assumeIsolated()
            .flatMap { ready in
                guard let ready, ready > end else { return loop.makeSucceededFuture(false) }
                self.readyEnd = ready
                return self.load(on: loop)
            }.nonisolated()
    }

    private func load(on loop: any EventLoop) -> EventLoopFuture<Bool> {
        guard let following = FilePieces.piece(of: range, at: piece.upperBound, ready: readyEnd) else {
            return loop.makeSucceededFuture(true)
        }
        let source = source
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) { FilePieces.load(following, of: source) }
    }

    /// Whether the file ends before the present piece does. sendfile then sends nothing, forever, and NIO would try
    /// forever.
    var isCutShort: Bool { (source.sizeNow ?? 0) < piece.upperBound }
}

/// Reading files, on a thread that may wait for a disk where not said otherwise.
enum FilePieces {
    /// What may go out in one piece from `offset` on, when the file is there up to `ready`; nil at the end.
    static func piece(of range: Range<Int>, at offset: Int, ready: Int) -> Range<Int>? {
        guard offset < range.upperBound, offset < ready else { return nil }
        return offset..<min(offset + Limits.fileChunkBytes, range.upperBound, ready)
    }

    /// Waits until the pages are in memory. False: the file ends before, or cannot be read.
    static func load(_ range: Range<Int>, of source: FileSource) -> Bool {
        // The kernel takes no more than about this much ahead at one request.
        let stepBytes = 512 << 10
        let steps = stride(from: range.lowerBound, to: range.upperBound, by: stepBytes)
        for start in steps {
            let count = min(stepBytes, range.upperBound - start)
            _ = posix_fadvise(source.descriptor, start, count, POSIX_FADV_WILLNEED)
        }
        for start in steps {
            var byte: UInt8 = 0
            let last = min(start + stepBytes, range.upperBound) - 1
            guard pread(source.descriptor, &byte, 1, last) == 1 else { return false }
        }
        return true
    }

    /// Adds the bytes of a short range. False: the file ends before, or cannot be read; then the buffer's end is
    /// anything.
    static func read(_ range: Range<Int>, of source: FileSource, into buffer: inout ByteBuffer) -> Bool {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = range.upperBound - offset
            let read = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
                max(0, pread(source.descriptor, target.baseAddress, count, offset))
            }
            guard read > 0 else { return false }
            offset += read
        }
        return true
    }

    /// The same on any thread: false as well when a disk would have to be waited for.
    static func readCached(_ range: Range<Int>, of source: FileSource, into buffer: inout ByteBuffer) -> Bool {
        let read = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: range.count) { target in
            Int(max(0, cl_read_cached(source.descriptor, target.baseAddress, range.count, Int64(range.lowerBound))))
        }
        return read == range.count
    }
}
