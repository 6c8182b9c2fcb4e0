// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore
import NIOHTTP1

/// One answer as the bytes that leave: its head, and after it in the same buffer a short body, so that it leaves in
/// one piece. A long file's body is sent from the file.
///
/// It has a length and is never chunked, whatever the body. No value of a header comes from a client.
struct BootReply: Sendable {
    /// A file's part that follows the head.
    struct FileBody: Sendable {
        var source: FileSource
        var range: Range<Int>
        /// The first piece is in the page cache; the file is there up to here, which is more than the range's start.
        var ready: Int
    }

    let status: HTTPResponseStatus
    /// Close the connection after it.
    let closes: Bool
    private(set) var bytes: ByteBuffer
    /// Of `bytes`, behind the head.
    private(set) var bodyBytes = 0
    private(set) var file: FileBody?
    /// Told once, when the last byte has left or the connection has broken.
    var finished: @Sendable (_ bytesSent: Int, _ isComplete: Bool) -> Void = { _, _ in }

    /// Has the headers that every answer has. `bodyBytesMax`: of a body that will be put into the buffer.
    init(_ status: HTTPResponseStatus, to request: HTTPRequestHead, bodyBytesMax: Int = 0) {
        self.status = status
        let staysOpen = request.isKeepAlive
        closes = !staysOpen
        bytes = ByteBufferAllocator().buffer(capacity: Self.headBytes + bodyBytesMax)
        begin()
        if closes {
            bytes.writeStaticString("Connection: close\r\n")
        } else if request.version.minor == 0 {
            bytes.writeStaticString("Connection: keep-alive\r\n")
        }
    }

    /// For what is not, or not yet, a whole request: without a body, and the last on its connection.
    init(refusing status: HTTPResponseStatus) {
        self.status = status
        closes = true
        bytes = ByteBufferAllocator().buffer(capacity: Self.headBytes)
        begin()
        bytes.writeStaticString("Connection: close\r\nContent-Length: 0\r\n\r\n")
    }

    /// Room for an ordinary head.
    private static let headBytes = 384

    private mutating func begin() {
        bytes.writeStaticString("HTTP/1.1 ")
        bytes.writeString(String(status.code))
        bytes.writeStaticString(" ")
        bytes.writeString(status.reasonPhrase)
        bytes.writeStaticString("\r\nDate: ")
        bytes.writeString(HTTPDate.now)
        bytes.writeStaticString("\r\nServer: OnDeck\r\n")
    }

    mutating func add(_ name: StaticString, _ value: String) {
        bytes.writeStaticString(name)
        bytes.writeStaticString(": ")
        bytes.writeString(value)
        bytes.writeStaticString("\r\n")
    }

    // MARK: Ends. Every answer has one.

    /// No body. `length`: what Content-Length says of the one that there would be, or nil where there is none ever.
    mutating func end(length: Int?) {
        if let length { add("Content-Length", String(length)) }
        bytes.writeStaticString("\r\n")
    }

    /// For HEAD, the same without the text.
    mutating func end(text: String, isHead: Bool) {
        let count = text.utf8.count
        end(length: count)
        guard !isHead else { return }
        bytes.writeString(text)
        bodyBytes = count
    }

    /// All of a short range of a file; false when there is not so much, or, where `mayWait` is false, not without
    /// waiting for a disk. Then it has no end yet.
    mutating func end(_ source: FileSource, _ range: Range<Int>, mayWait: Bool) -> Bool {
        let begin = bytes.writerIndex
        end(length: range.count)
        let isRead =
            mayWait
            ? FilePieces.read(range, of: source, into: &bytes) : FilePieces.readCached(range, of: source, into: &bytes)
        if isRead { bodyBytes = range.count } else { bytes.moveWriterIndex(to: begin) }
        return isRead
    }

    mutating func end(_ file: FileBody) {
        end(length: file.range.count)
        self.file = file
    }
}

extension BootReply {
    /// A text as the whole answer; a sentence, if it is not what was asked for.
    static func text(
        _ status: HTTPResponseStatus, _ text: String, to request: HTTPRequestHead,
        contentType: String = "text/plain; charset=utf-8", allow: String? = nil
    ) -> BootReply {
        var reply = BootReply(status, to: request, bodyBytesMax: text.utf8.count + 1)
        reply.add("Content-Type", contentType)
        if let allow { reply.add("Allow", allow) }
        reply.end(text: status == .ok ? text : text + "\n", isHead: request.method == .HEAD)
        return reply
    }
}
