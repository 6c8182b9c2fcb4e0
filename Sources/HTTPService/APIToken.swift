// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine
import Glibc
import Model

/// The secret that opens the API. It is shown nowhere: not in logs, not in descriptions, not in dumps.
public struct APIToken: Sendable, CustomStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    /// Takes the same time wherever the two differ.
    func matches(_ presented: some StringProtocol) -> Bool {
        let presented = Array(presented.utf8)
        var difference = UInt8(presented.count == bytes.count ? 0 : 1)
        for (index, byte) in bytes.enumerated() {
            difference |= byte ^ (presented.isEmpty ? 0 : presented[index % presented.count])
        }
        return difference == 0 && !bytes.isEmpty
    }

    public var description: String { "APIToken" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Reads the token file; makes it first, with 256 random bits and for its owner's eyes only, where there is none.
    public static func loadOrCreate(path: String) throws(TokenError) -> APIToken {
        if let token = try load(path) { return token }
        try create(path)
        guard let token = try load(path) else { throw TokenError(path: path, reason: "it vanished while being made") }
        return token
    }

    /// Nil when there is no such file.
    private static func load(_ path: String) throws(TokenError) -> APIToken? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw TokenError(path: path, errno: errno)
        }
        guard let file = OpenFile(descriptor: descriptor) else {
            throw TokenError(path: path, reason: "it is not a regular file")
        }
        // A group may read it, by its owner's will; nobody else may, and none but its owner may write it.
        guard file.permissions & 0o027 == 0 else {
            throw TokenError(path: path, reason: "others than its owner may use it; run: chmod 600 \(path)")
        }
        var buffer = [UInt8](repeating: 0, count: Limits.tokenBytesMax + 1)
        let count = pread(file.descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw TokenError(path: path, errno: errno) }
        let text = buffer.prefix(count).filter { $0 > 0x20 && $0 < 0x7f }
        guard text.count >= Limits.tokenBytesMin, count <= Limits.tokenBytesMax else {
            let rule = "\(Limits.tokenBytesMin) to \(Limits.tokenBytesMax) characters"
            throw TokenError(path: path, reason: "it does not hold a token of \(rule); remove it to have one made")
        }
        return APIToken(String(decoding: text, as: UTF8.self))
    }

    /// Writes a file beside and links it into place, so that no reader and no crash ever sees half a token; where two
    /// do it at once, the first one's stays.
    private static func create(_ path: String) throws(TokenError) {
        var random = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let draft = "\(path).\(String(random.next(), radix: 16))"
        let text = Array((hexText(secret) + "\n").utf8)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw TokenError(path: draft, errno: errno) }
        defer { unlink(draft) }
        let isWritten = write(descriptor, text, text.count) == text.count && fsync(descriptor) == 0
        let failure = errno
        close(descriptor)
        guard isWritten else { throw TokenError(path: draft, errno: failure) }
        guard link(draft, path) == 0 || errno == EEXIST else { throw TokenError(path: path, errno: errno) }
    }
}

/// The token file cannot be used.
public struct TokenError: Error, Hashable, Sendable, CustomStringConvertible {
    public var path: String
    public var reason: String

    public init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    init(path: String, errno: Int32) { self.init(path: path, reason: String(cString: strerror(errno))) }

    public var description: String { "API token file \(path): \(reason)" }
}
