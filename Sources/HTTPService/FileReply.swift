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
    private let head: HTTPRequestHead

    init(_ file: OpenFile, _ contentType: String, _ head: HTTPRequestHead) {
        source = .whole(file)
        size = file.size
        version = file.version
        // When content came to this node is no matter of its content: every node's headers are alike.
        modifiedSeconds = Self.isDigest(file.version) ? nil : file.modifiedSeconds
        self.contentType = contentType
        self.head = head
    }

    init(_ file: ArrivingFile, _ contentType: String, _ head: HTTPRequestHead) {
        source = .arriving(file)
        size = file.size
        version = file.version
        modifiedSeconds = nil
        self.contentType = contentType
        self.head = head
    }

    /// SHA-256 in hex, which is longer than any other version.
    private static func isDigest(_ version: String) -> Bool { version.utf8.count == 64 }

    func reply() async -> BootReply {
        let tag = "\"\(version)\""
        let answer = FileAnswer.decide(conditions, tag: tag, size: size, modifiedSeconds: modifiedSeconds)
        var headers: HTTPHeaders = ["Accept-Ranges": "bytes", "ETag": tag]
        if let modifiedSeconds { headers.add(name: "Last-Modified", value: HTTPDate.text(modifiedSeconds)) }
        switch answer {
        case .notModified:
            return BootReply(status: .notModified, headers: headers, body: .none)
        case .preconditionFailed:
            return BootResponder.text(.preconditionFailed, "the file is another by now")
        case .unsatisfiable:
            headers.add(name: "Content-Range", value: "bytes */\(size)")
            headers.add(name: "Content-Length", value: "0")
            return BootReply(status: .rangeNotSatisfiable, headers: headers, body: .none)
        case .whole:
            headers.add(name: "Content-Type", value: contentType)
            return await reply(.ok, headers, 0..<size)
        case .part(let range):
            headers.add(name: "Content-Type", value: contentType)
            headers.add(name: "Content-Range", value: "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
            return await reply(.partialContent, headers, range)
        }
    }

    private var conditions: FileAnswer.Conditions {
        func field(_ name: String) -> String? {
            let values = head.headers[name]
            return values.isEmpty ? nil : values.joined(separator: ",")
        }
        return FileAnswer.Conditions(
            ifMatch: field("If-Match"), ifUnmodifiedSince: field("If-Unmodified-Since"),
            ifNoneMatch: field("If-None-Match"), ifModifiedSince: field("If-Modified-Since"),
            ifRange: field("If-Range"), range: head.method == .GET ? field("Range") : nil)
    }

    private func reply(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ range: Range<Int>) async -> BootReply {
        var reply = BootReply(status: status, headers: headers, body: .none)
        reply.headers.add(name: "Content-Length", value: "\(range.count)")
        if head.method == .HEAD || range.isEmpty { return reply }
        guard let body = await body(range) else {
            return BootResponder.text(.internalServerError, "the file cannot be read")
        }
        reply.body = body
        return reply
    }

    /// Short ranges are read, long ones are left to sendfile; before anything is promised to the client. What is in
    /// the page cache is taken at once, everything else by a thread that may wait for the disk.
    private func body(_ range: Range<Int>) async -> BootReply.Body? {
        let isShort = range.count <= Limits.fileReadBytesMax
        guard let ready = await ready(beyond: isShort ? range.upperBound - 1 : range.lowerBound) else { return nil }
        if isShort, let buffer = FilePieces.readCached(range, of: source) { return .bytes(buffer) }
        let source = source
        let body = try? await NIOThreadPool.singleton.runIfActive { () -> BootReply.Body? in
            if isShort { return FilePieces.read(range, of: source).map { .bytes($0) } }
            guard let first = FilePieces.piece(of: range, at: range.lowerBound, ready: ready) else { return nil }
            return FilePieces.load(first, of: source) ? .file(source, range, ready: ready) : nil
        }
        return body ?? nil
    }

    /// Waits until there is more than `offset` of the file. Nil: that never comes.
    private func ready(beyond offset: Int) async -> Int? {
        guard let ready = await source.available(beyond: offset), ready > offset else { return nil }
        return ready
    }
}
