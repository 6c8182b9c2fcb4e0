// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model

/// Text from a file, with a limit, and with errors that an operator can use.
enum TextFile {
    /// What messages call the file of a path.
    static func name(_ path: String) -> String { path == "-" ? "standard input" : path }

    /// Reads a whole file; "-" is the standard input.
    static func read(path: String) throws(FileErrors) -> String {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        while true {
            let count = append(from: descriptor, to: &bytes)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(path, errno)
            }
            guard bytes.count <= Limits.siteBytesMax else {
                throw FileErrors(["\(name(path)): is larger than \(Limits.siteBytesMax >> 20) MiB"])
            }
        }
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes.removeFirst(3) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileErrors(["\(name(path)): is not UTF-8 text"])
        }
        return text
    }

    private static let chunkBytes = 256 << 10

    /// What read(2) says.
    private static func append(from descriptor: Int32, to bytes: inout [UInt8]) -> Int {
        var result = 0
        let chunk = [UInt8](unsafeUninitializedCapacity: chunkBytes) { buffer, count in
            result = Glibc.read(descriptor, buffer.baseAddress, chunkBytes)
            count = max(0, result)
        }
        bytes += chunk
        return result
    }

    private static func failure(_ path: String, _ code: Int32) -> FileErrors {
        FileErrors(["\(name(path)): cannot be read: \(String(cString: strerror(code)))"])
    }
}
