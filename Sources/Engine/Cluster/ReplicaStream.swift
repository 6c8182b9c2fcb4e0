// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

private let bufferBytes = 256 << 10

/// Writes a file through one buffer and a checksum over all of it.
struct ReplicaOutput: ~Copyable {
    struct Fault: Error {
        let step: String
        let errno: Int32
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var checksum: UInt32 = 0

    /// Takes over `descriptor`, and closes it.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        buffer.reserveCapacity(bufferBytes)
    }

    deinit { close(descriptor) }

    mutating func put(_ bytes: [UInt8]) throws(Fault) {
        try makeRoom(bytes.count)
        guard bytes.count < bufferBytes else { return try flush(bytes) }
        buffer.append(contentsOf: bytes)
    }

    /// With its length before it.
    mutating func put(text: String) throws(Fault) {
        let length = text.utf8.count
        try put(count: length)
        guard length < bufferBytes else { return try put(Array(text.utf8)) }
        try makeRoom(length)
        buffer.append(contentsOf: text.utf8)
    }

    mutating func put(_ number: Int64) throws(Fault) {
        try makeRoom(8)
        withUnsafeBytes(of: number.bigEndian) { buffer.append(contentsOf: $0) }
    }

    mutating func put(count: Int) throws(Fault) {
        guard let count = UInt32(exactly: count) else { throw Fault(step: "\(count) of one thing", errno: EFBIG) }
        try makeRoom(4)
        withUnsafeBytes(of: count.bigEndian) { buffer.append(contentsOf: $0) }
    }

    /// Adds the checksum and waits until the disk has all of it.
    mutating func finish() throws(Fault) {
        try flush()
        let sum = withUnsafeBytes(of: checksum.bigEndian) { Array($0) }
        try flush(sum)
        guard fsync(descriptor) == 0 else { throw Fault(step: "fsync", errno: errno) }
    }

    private mutating func makeRoom(_ count: Int) throws(Fault) {
        if buffer.count + count > bufferBytes { try flush() }
    }

    private mutating func flush() throws(Fault) {
        try flush(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    private mutating func flush(_ bytes: [UInt8]) throws(Fault) {
        checksum = cl_crc32c(checksum, bytes, bytes.count)
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done) }
            if written < 0, errno == EINTR { continue }
            // A write of nothing, which no file system should do, would repeat for ever.
            guard written > 0 else { throw Fault(step: "write", errno: written == 0 ? EIO : errno) }
            done += written
        }
    }
}

/// Reads such a file through one buffer. No length in it is believed beyond what the file has.
struct ReplicaInput: ~Copyable {
    enum Fault: Error {
        case system(step: String, errno: Int32)
        case damaged(String)
    }

    private static let checksumBytes = 4

    private let descriptor: Int32
    private var buffer: [UInt8]
    /// What of the buffer has been read from the file and not taken yet.
    private var ready = 0..<0
    /// Octets before the checksum that are not in the buffer yet.
    private var unread = 0
    private var checksum: UInt32 = 0

    /// Takes over `descriptor`, and closes it.
    init(descriptor: Int32) throws(Fault) {
        self.descriptor = descriptor
        buffer = []
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(step: "fstat", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .damaged("it is not a file") }
        unread = Int(status.st_size) - Self.checksumBytes
        guard unread > 0 else { throw .damaged("it has only \(status.st_size) octets") }
        buffer = [UInt8](repeating: 0, count: min(unread, bufferBytes))
    }

    deinit { close(descriptor) }

    private var left: Int { ready.count + unread }

    /// The text completes "it ends in the middle of its ...".
    mutating func bytes(_ count: Int, _ what: @autoclosure () -> String) throws(Fault) -> [UInt8] {
        guard count <= left else { throw .damaged("it ends in the middle of: \(what())") }
        guard count > ready.count else {
            defer { ready = ready.lowerBound + count..<ready.upperBound }
            return Array(buffer[ready.lowerBound..<ready.lowerBound + count])
        }
        var taken: [UInt8] = []
        taken.reserveCapacity(count)
        while taken.count < count {
            if ready.isEmpty { try fill() }
            let part = min(count - taken.count, ready.count)
            taken.append(contentsOf: buffer[ready.lowerBound..<ready.lowerBound + part])
            ready = ready.lowerBound + part..<ready.upperBound
        }
        return taken
    }

    mutating func number(_ what: @autoclosure () -> String) throws(Fault) -> Int64 {
        Int64(bitPattern: try bytes(8, what()).reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// How many follow, each of at least so many octets.
    mutating func count(_ what: @autoclosure () -> String, bytesEach: Int) throws(Fault) -> Int {
        let count = try bytes(4, "the number of \(what())").reduce(0) { $0 << 8 | Int($1) }
        guard count <= left / bytesEach else { throw .damaged("it has no room for \(count) \(what())") }
        return count
    }

    /// With its length before it.
    mutating func text(_ what: @autoclosure () -> String) throws(Fault) -> String {
        let octets = try bytes(try count("octets", bytesEach: 1), what())
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw .damaged("this is not UTF-8: \(what())")
        }
        return text
    }

    /// Everything has been taken, and it is what was written.
    mutating func finish() throws(Fault) {
        guard left == 0 else { throw .damaged("\(left) octets follow its last record") }
        let calculated = checksum
        unread = Self.checksumBytes
        let stored = try bytes(Self.checksumBytes, "checksum").reduce(0) { $0 << 8 | UInt32($1) }
        guard stored == calculated else { throw .damaged("its checksum does not fit: some of it was changed") }
    }

    private mutating func fill() throws(Fault) {
        let wanted = min(unread, buffer.count)
        var count = 0
        repeat {
            count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, wanted) }
        } while count < 0 && errno == EINTR
        guard count >= 0 else { throw .system(step: "read", errno: errno) }
        guard count > 0 else { throw .damaged("it became shorter while it was read") }
        checksum = cl_crc32c(checksum, buffer, count)
        ready = 0..<count
        unread -= count
    }
}
