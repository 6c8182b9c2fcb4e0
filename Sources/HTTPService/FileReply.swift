// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// The reply that carries a file, or the part of it that was asked for.
struct FileReply: Sendable {
    private let source: FileSource
    private let size: Int
    private let version: String
    private let modifiedSeconds: Int?
    private let contentType: String
    private let isImmutable: Bool
    private let head: HTTPRequestHead

    /// `isImmutable`: caches may keep it for good, and need not ask whether it has changed (RFC 8246).
    init(_ file: OpenFile, _ contentType: String, isImmutable: Bool, to head: HTTPRequestHead) {
        source = .whole(file)
        size = file.size
        version = file.version
        // When content came to this node is no matter of its content: every node's headers are alike.
        modifiedSeconds = Self.isDigest(file.version) ? nil : file.modifiedSeconds
        self.contentType = contentType
        self.isImmutable = isImmutable
        self.head = head
    }

    init(_ file: ArrivingFile, _ contentType: String, isImmutable: Bool, to head: HTTPRequestHead) {
        source = .arriving(file)
        size = file.size
        version = file.version
        modifiedSeconds = nil
        self.contentType = contentType
        self.isImmutable = isImmutable
        self.head = head
    }

    /// SHA-256 in hex, which is longer than any other version.
    private static func isDigest(_ version: String) -> Bool { version.utf8.count == 64 }

    func answer() -> BootAnswer {
        let tag = "\"" + version + "\""
        switch FileAnswer.decide(conditions, tag: tag, size: size, modifiedSeconds: modifiedSeconds) {
        case .notModified:
            var reply = self.reply(.notModified, tag)
            reply.end(length: nil)
            return .now(reply)
        case .preconditionFailed:
            return .now(.text(.preconditionFailed, "the file is another by now", to: head))
        case .unsatisfiable:
            var reply = self.reply(.rangeNotSatisfiable, tag)
            reply.add("Content-Range", "bytes */\(size)")
            reply.end(length: 0)
            return .now(reply)
        case .whole:
            var reply = self.reply(.ok, tag, bodyBytes: size)
            reply.add("Content-Type", contentType)
            return body(0..<size, of: reply)
        case .part(let range):
            var reply = self.reply(.partialContent, tag, bodyBytes: range.count)
            reply.add("Content-Type", contentType)
            reply.add("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
            return body(range, of: reply)
        }
    }

    /// With the headers that it has whatever is asked of the file.
    private func reply(_ status: HTTPResponseStatus, _ tag: String, bodyBytes: Int = 0) -> BootReply {
        let isShort = bodyBytes <= Limits.fileReadBytesMax
        var reply = BootReply(status, to: head, bodyBytesMax: isShort && head.method != .HEAD ? bodyBytes : 0)
        reply.add("Accept-Ranges", "bytes")
        reply.add("ETag", tag)
        if let modifiedSeconds { reply.add("Last-Modified", HTTPDate.text(modifiedSeconds)) }
        if isImmutable, status != .rangeNotSatisfiable {
            reply.add("Cache-Control", "public, max-age=31536000, immutable")
        }
        return reply
    }

    private var conditions: FileAnswer.Conditions {
        var conditions = FileAnswer.Conditions()
        // Most requests have none: one look at what there is finds that out.
        guard head.headers.contains(where: { Self.mayMatter($0.name) }) else { return conditions }
        func field(_ name: String) -> String? {
            let values = head.headers[name]
            return values.isEmpty ? nil : values.joined(separator: ",")
        }
        conditions.ifMatch = field("If-Match")
        conditions.ifUnmodifiedSince = field("If-Unmodified-Since")
        conditions.ifNoneMatch = field("If-None-Match")
        conditions.ifModifiedSince = field("If-Modified-Since")
        conditions.ifRange = field("If-Range")
        if head.method == .GET { conditions.range = field("Range") }
        return conditions
    }

    /// "If-..." and "Range" begin so.
    private static func mayMatter(_ name: String) -> Bool {
        guard let first = name.utf8.first else { return false }
        return first | 0x20 == UInt8(ascii: "i") || first | 0x20 == UInt8(ascii: "r")
    }

    /// Short ranges are read, long ones are left to sendfile; before anything is promised to the client. What is in
    /// the page cache is taken at once, everything else by a thread that may wait for the disk.
    private func body(_ range: Range<Int>, of reply: BootReply) -> BootAnswer {
        var reply = reply
        guard head.method != .HEAD, !range.isEmpty else {
            reply.end(length: range.count)
            return .now(reply)
        }
        if case .whole = source, Self.isShort(range), reply.end(source, range, mayWait: false) { return .now(reply) }
        return .later { [self, reply] in
            await load(range, reply) ?? .text(.internalServerError, "the file cannot be read", to: head)
        }
    }

    private static func isShort(_ range: Range<Int>) -> Bool { range.count <= Limits.fileReadBytesMax }

    /// Nil: it cannot be read, or never comes.
    private func load(_ range: Range<Int>, _ reply: BootReply) async -> BootReply? {
        let isShort = Self.isShort(range)
        let offset = isShort ? range.upperBound - 1 : range.lowerBound
        guard let ready = await source.available(beyond: offset), ready > offset else { return nil }
        let source = source
        let loaded = try? await NIOThreadPool.singleton.runIfActive { () -> BootReply? in
            var reply = reply
            if isShort { return reply.end(source, range, mayWait: true) ? reply : nil }
            guard let first = FilePieces.piece(of: range, at: range.lowerBound, ready: ready),
                FilePieces.load(first, of: source)
            else { return nil }
            reply.end(BootReply.FileBody(source: source, range: range, ready: ready))
            return reply
        }
        return loaded ?? nil
    }
}
