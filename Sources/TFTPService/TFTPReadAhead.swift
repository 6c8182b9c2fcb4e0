// SPDX-License-Identifier: Apache-2.0

import Engine
import Glibc

/// Why a file cannot be read to its end.
enum TFTPReadFailure: Error {
    /// It is shorter than when it was opened.
    case shortened
    case unreadable(errno: Int32)
}

/// A piece of a file, read at once for the many small blocks that follow each other. Files are read, not mapped: a
/// mapped file that somebody shortens ends the process with SIGBUS.
final class TFTPReadAhead {
    /// Larger reads gain nothing by this.
    static let largestRead = 4 << 10
    private static let capacity = 16 << 10

    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 64)
    /// What the buffer holds of the file.
    private var held = 0..<0

    deinit { buffer.deallocate() }

    /// Octets of the file, valid until the next call. The range lies within the file and is no longer than
    /// `largestRead`.
    func bytes(of file: OpenFile, _ range: Range<Int>) throws(TFTPReadFailure) -> UnsafeRawBufferPointer {
        if range.lowerBound < held.lowerBound || range.upperBound > held.upperBound {
            try fill(from: file, at: range.lowerBound)
            guard range.upperBound <= held.upperBound else { throw .shortened }
        }
        return UnsafeRawBufferPointer(buffer).rebased(
            (range.lowerBound - held.lowerBound)..<(range.upperBound - held.lowerBound))
    }

    private func fill(from file: OpenFile, at offset: Int) throws(TFTPReadFailure) {
        held = offset..<offset
        var count: Int
        repeat {
            count = pread(file.descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        } while count < 0 && errno == EINTR
        guard count >= 0 else { throw .unreadable(errno: errno) }
        held = offset..<(offset + count)
    }
}

extension UnsafeRawBufferPointer {
    func rebased(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }
}
