// SPDX-License-Identifier: Apache-2.0

import Engine
import Glibc
import Model
import NIOCore
import NIOPosix

/// One range of a file on its way to one client, piece by piece.
///
/// The kernel copies from the page cache to the socket (sendfile), so a transfer costs no memory here. Each piece is
/// brought into the page cache by another thread first: sendfile waits for the disk, and the event loop must not.
/// Offsets are explicit, so any number of transfers may share a descriptor.
final class FileTransfer {
    private let file: OpenFile
    /// Borrows the descriptor, which stays the file's to close.
    private let handle: NIOFileHandle
    private let range: Range<Int>
    /// Up to here the kernel has taken it.
    private var sentEnd: Int
    /// What has been handed to the channel and not been taken yet.
    private var piece: Range<Int>

    init(file: OpenFile, range: Range<Int>) {
        self.file = file
        self.range = range
        handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file.descriptor)
        sentEnd = range.lowerBound
        piece = range.lowerBound..<range.lowerBound
    }

    deinit { _ = try? handle.takeDescriptorOwnership() }

    var bytesSent: Int { sentEnd - range.lowerBound }
    var isComplete: Bool { sentEnd == range.upperBound }

    /// The next piece to hand to the channel; nil at the end.
    func nextPiece() -> FileRegion? {
        guard let next = FilePieces.piece(of: range, at: sentEnd) else { return nil }
        piece = next
        return FileRegion(fileHandle: handle, readerIndex: next.lowerBound, endIndex: next.upperBound)
    }

    /// The channel has taken the piece.
    func pieceSent() { sentEnd = piece.upperBound }

    /// Brings what follows the present piece into the page cache. False: the file has become shorter, or its disk
    /// fails.
    func prefetch(on loop: any EventLoop) -> EventLoopFuture<Bool> {
        guard let following = FilePieces.piece(of: range, at: piece.upperBound) else {
            return loop.makeSucceededFuture(true)
        }
        let file = file
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) { FilePieces.load(following, of: file) }
    }

    /// Whether the file ends before the present piece does. sendfile then sends nothing, forever, and NIO would try
    /// forever.
    var isCutShort: Bool { (file.sizeNow ?? 0) < piece.upperBound }
}

/// Reading files, on a thread that may wait for a disk.
enum FilePieces {
    /// What may go out in one piece from `offset` on; nil at the end.
    static func piece(of range: Range<Int>, at offset: Int) -> Range<Int>? {
        guard offset < range.upperBound else { return nil }
        return offset..<min(offset + Limits.fileChunkBytes, range.upperBound)
    }

    /// Waits until the pages are in memory. False: the file ends before, or cannot be read.
    static func load(_ range: Range<Int>, of file: OpenFile) -> Bool {
        // The kernel takes no more than about this much ahead at one request.
        let stepBytes = 512 << 10
        let steps = stride(from: range.lowerBound, to: range.upperBound, by: stepBytes)
        for start in steps {
            let count = min(stepBytes, range.upperBound - start)
            _ = posix_fadvise(file.descriptor, start, count, POSIX_FADV_WILLNEED)
        }
        for start in steps {
            var byte: UInt8 = 0
            let last = min(start + stepBytes, range.upperBound) - 1
            guard pread(file.descriptor, &byte, 1, last) == 1 else { return false }
        }
        return true
    }

    /// The bytes of a short range. Nil: the file ends before, or cannot be read.
    static func read(_ range: Range<Int>, of file: OpenFile) -> ByteBuffer? {
        var buffer = ByteBufferAllocator().buffer(capacity: range.count)
        while buffer.readableBytes < range.count {
            let offset = range.lowerBound + buffer.readableBytes
            let count = range.upperBound - offset
            let read = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
                max(0, pread(file.descriptor, target.baseAddress, count, offset))
            }
            guard read > 0 else { return nil }
        }
        return buffer
    }
}
