// SPDX-License-Identifier: Apache-2.0

import APITypes
import AsyncHTTPClient
import Model
import NIOCore
import NIOHTTP1

/// A part of a file as a request's body: read as it is sent.
private struct FilePart: AsyncSequence, Sendable {
    var file: SourceFile
    var offset: Int64
    var bytes: Int64

    struct AsyncIterator: AsyncIteratorProtocol {
        var rest: FilePart
        mutating func next() async throws -> ByteBuffer? {
            guard rest.bytes > 0 else { return nil }
            let block = try rest.file.read(
                at: rest.offset, count: Int(Swift.min(SourceFile.blockBytes / 4, rest.bytes)))
            rest.offset += Int64(block.readableBytes)
            rest.bytes -= Int64(block.readableBytes)
            return block
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(rest: self) }
}

extension APIClient {
    /// What an upload is to be, and where it goes.
    struct UploadOrder: Sendable {
        var image: String
        var file: SourceFile
        /// Nil: the server is not asked whether the image is made of it already.
        var digest: Digest?

        fileprivate var path: [String] { ["api", "v1", "content", image, "upload"] }
        fileprivate func query(_ offset: Int64?) -> [(String, String?)] {
            [
                ("file", file.name), ("total", String(file.bytes)), ("sha256", digest?.description),
                ("offset", offset.map(String.init)),
            ]
        }
    }

    /// Sends what the server does not have yet. A break is waited out, for `Limits.contentRetrySeconds` if nothing
    /// arrives in them, and the rest is sent after it. `progress` gets what is there; `pause` why it does not go on.
    func upload(
        _ order: UploadOrder, progress: (Int64) -> Void, pause: (CommandError) -> Void
    ) async throws -> UploadReport {
        try await withHTTP { http in
            var patience = Patience()
            var report: UploadReport?
            while true {
                do {
                    let next = try await sendNext(http, order, after: report)
                    if let report, report.node != next.node { throw Self.severalNodes(base, report.node, next.node) }
                    progress(next.received)
                    if next.isThere || next.received >= order.file.bytes { return next }
                    // The answer to the question where to begin is no progress, but the next part's is.
                    if let report, next.received > report.received { patience.restore() }
                    report = next
                } catch {
                    let reason = try retryable(error)
                    guard patience.lasts() else { throw error }
                    pause(reason)
                    // Where it stands is asked afresh: part of what was on its way may have arrived.
                    report = nil
                    try await Task.sleep(for: .milliseconds(Limits.contentRetryPauseMilliseconds))
                }
            }
        }
    }

    /// At first, and after a break, only asks.
    private func sendNext(
        _ http: HTTPClient, _ order: UploadOrder, after report: UploadReport?
    ) async throws -> UploadReport {
        guard let offset = report?.received else {
            return try await answer(http, request(.get, order.path, order.query(nil))).decode(UploadReport.self)
        }
        var request = try request(.put, order.path, order.query(offset))
        let bytes = min(Limits.uploadPartBytes, order.file.bytes - offset)
        request.headers.add(name: "Content-Type", value: "application/octet-stream")
        request.body = .stream(FilePart(file: order.file, offset: offset, bytes: bytes), length: .known(bytes))
        let next = try await answer(http, request).decode(UploadReport.self)
        guard next.received > offset else { throw CommandError("\(base) took nothing of what was sent") }
        return next
    }

    /// Why it is worth trying again; throws what it is when it is not.
    private func retryable(_ error: any Error) throws -> CommandError {
        switch explained(error) {
        case let error as CommandError where error.isTransient: return error
        // Somebody else sends the same file, or an answer was lost: the server knows where to go on.
        case let problem as Problem where [409, 502, 503, 504].contains(problem.status):
            return CommandError(problem.detail ?? problem.title, isTransient: true)
        case let other: throw other
        }
    }

    private static func severalNodes(_ base: String, _ first: String, _ second: String) -> CommandError {
        CommandError(
            "\(base) is several nodes (\(first) and \(second)), and an upload must reach one",
            hint: "Name one with --api, such as --api http://\(first):8081.")
    }
}
