// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Engine
import Glibc
import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// HTTP GETs: of peers, and of the web servers that images come from.
final class WebClient: Sendable {
    /// What an answer begins with.
    struct Head: Hashable, Sendable {
        var status = 0
        /// Of the body.
        var length: Int64?
        /// Content-Range: where the body begins in the file, and how long the file is.
        var from: Int64?
        var total: Int64?
        /// What names this version of the file, for If-Range: a strong entity tag, else the time of its last change.
        var validator: String?
    }

    struct Answer: Sendable {
        var head: Head
        var body: HTTPClientResponse.Body
    }

    private let group: MultiThreadedEventLoopGroup
    private let http: HTTPClient

    init() {
        // Threads of its own: nothing else must wait behind a download.
        group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var configuration = HTTPClient.Configuration(
            timeout: .init(
                connect: .seconds(Limits.contentConnectSeconds), read: .seconds(Limits.contentStallSeconds)))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Limits.contentPullsMax
        configuration.httpVersion = .http1Only
        http = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }

    func shutdown() async {
        try? await http.shutdown()
        try? await group.shutdownGracefully()
    }

    /// Asks for a file from `offset` on, if it is still the version that `validator` names (a quoted tag, or a date).
    func get(_ url: String, from offset: Int64 = 0, validator: String? = nil) async throws(FetchFault) -> Answer {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "User-Agent", value: "ondeck")
        // Files come as they are: a length and a range of something packed would say nothing.
        request.headers.add(name: "Accept-Encoding", value: "identity")
        if offset > 0 {
            request.headers.add(name: "Range", value: "bytes=\(offset)-")
            if let validator { request.headers.add(name: "If-Range", value: validator) }
        }
        return try await send(request, within: .hours(24 * 30))
    }

    /// Whether it would be given: the head of the answer, within a second or two.
    func look(_ url: String) async throws(FetchFault) -> Head {
        var request = HTTPClientRequest(url: url)
        request.method = .HEAD
        return try await send(request, within: .seconds(Limits.contentConnectSeconds)).head
    }

    private func send(_ request: HTTPClientRequest, within: TimeAmount) async throws(FetchFault) -> Answer {
        let response: HTTPClientResponse
        do { response = try await http.execute(request, timeout: within) } catch { throw Self.fault(error) }
        switch response.status.code {
        case 200, 206: return Answer(head: Self.head(response), body: response.body)
        case 404, 410: throw .missing
        case let code: throw .status(Int(code))
        }
    }

    private static func head(_ response: HTTPClientResponse) -> Head {
        var head = Head(status: Int(response.status.code))
        head.length = response.headers.first(name: "content-length").flatMap { Int64($0) }
        if let range = response.headers.first(name: "content-range") { (head.from, head.total) = self.range(range) }
        let tag = response.headers.first(name: "etag")
        head.validator = tag.flatMap { $0.hasPrefix("\"") ? $0 : nil } ?? response.headers.first(name: "last-modified")
        return head
    }

    /// "bytes 100-199/1000"
    static func range(_ text: String) -> (from: Int64?, total: Int64?) {
        guard text.hasPrefix("bytes ") else { return (nil, nil) }
        let parts = text.dropFirst(6).split(separator: "/")
        guard parts.count == 2 else { return (nil, nil) }
        return (parts[0].split(separator: "-").first.flatMap { Int64($0) }, Int64(parts[1]))
    }

    static func fault(_ error: any Error) -> FetchFault {
        switch error {
        case let fault as FetchFault: return fault
        case is CancellationError: return .stopped
        case let error as HTTPClientError: return fault(of: error)
        case let error as NIOConnectionError:
            let reasons = error.connectionErrors.map { reason($0.error) }
            return .unreachable(reasons.first ?? "its name \(error.host) is not known")
        case is HTTPParserError: return .cutShort
        case let error as IOError where error.errnoCode == ECONNRESET || error.errnoCode == EPIPE: return .cutShort
        default: return .unreachable(reason(error))
        }
    }

    private static func fault(of error: HTTPClientError) -> FetchFault {
        switch error {
        case .connectTimeout, .deadlineExceeded: .silent(seconds: Limits.contentConnectSeconds)
        case .readTimeout: .silent(seconds: Limits.contentStallSeconds)
        case .remoteConnectionClosed: .cutShort
        case .cancelled, .alreadyShutdown: .stopped
        case .invalidURL, .emptyScheme, .emptyHost: .nonsense("is no URL")
        case .redirectLimitReached, .redirectCycleDetected: .nonsense("redirects without end")
        default: .unreachable(error.shortDescription)
        }
    }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return "\(error)"
    }
}
