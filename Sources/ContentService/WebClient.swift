// SPDX-License-Identifier: Apache-2.0

import APITypes
import AsyncHTTPClient
import Foundation
import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// HTTP GETs: of peers, and of the web servers that images come from.
final class WebClient: Sendable {
    /// Whom a request goes to.
    enum Server: Hashable, Sendable {
        /// Another node: directly, and it sends nobody elsewhere.
        case node
        /// By TLS or without, through the proxy that the environment names, and to wherever it redirects. `isPinned`:
        /// the file's digest is known, so that nobody on the way can change it.
        case web(isPinned: Bool)
    }

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
    private let settings: WebSettings
    /// Without a proxy.
    private let direct: HTTPClient
    /// Two at most, made when they are needed; nil: it is over.
    private let proxied = Mutex<[WebProxies.Proxy: HTTPClient]?>([:])

    init(_ settings: WebSettings = WebSettings()) {
        self.settings = settings
        // Threads of its own: nothing else must wait behind a download.
        group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        direct = Self.client(group, proxy: nil)
    }

    private static func client(_ group: MultiThreadedEventLoopGroup, proxy: WebProxies.Proxy?) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            timeout: .init(
                connect: .seconds(Limits.contentConnectSeconds), read: .seconds(Limits.contentStallSeconds)))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Limits.contentPullsMax
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.proxy = proxy.map { proxy in
            let login = proxy.login.map { Data($0.utf8).base64EncodedString() }
            return .server(
                host: proxy.host, port: proxy.port, authorization: login.map { .basic(credentials: $0) })
        }
        return HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }

    private func client(_ proxy: WebProxies.Proxy) -> HTTPClient? {
        proxied.withLock { clients in
            if clients == nil || clients?[proxy] != nil { return clients?[proxy] }
            let client = Self.client(group, proxy: proxy)
            clients?[proxy] = client
            return client
        }
    }

    func shutdown() async {
        let clients = proxied.withLock { clients in
            defer { clients = nil }
            return clients.map { Array($0.values) } ?? []
        }
        for client in clients + [direct] { try? await client.shutdown() }
        try? await group.shutdownGracefully()
    }

    /// Asks for a file from `offset` on, if it is still the version that `validator` names (a quoted tag, or a date).
    func get(
        _ url: String, of server: Server, from offset: Int64 = 0, validator: String? = nil
    ) async throws(FetchFault) -> Answer {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "User-Agent", value: "ondeck")
        // Files come as they are: a length and a range of something packed would say nothing.
        request.headers.add(name: "Accept-Encoding", value: "identity")
        if offset > 0 {
            request.headers.add(name: "Range", value: "bytes=\(offset)-")
            if let validator { request.headers.add(name: "If-Range", value: validator) }
        }
        return try await send(request, server, within: .hours(24 * 30))
    }

    /// Whether it would be given: the head of the answer, within a second or two.
    func look(_ url: String, of server: Server) async throws(FetchFault) -> Head {
        var request = HTTPClientRequest(url: url)
        request.method = .HEAD
        return try await send(request, server, within: .seconds(Limits.contentConnectSeconds)).head
    }

    private func send(
        _ request: HTTPClientRequest, _ server: Server, within: TimeAmount
    ) async throws(FetchFault) -> Answer {
        let response: HTTPClientResponse
        switch server {
        case .node:
            do { response = try await direct.execute(request, timeout: within) } catch { throw Self.fault(error) }
        case .web(let isPinned): response = try await follow(request, isPinned: isPinned, within: within)
        }
        switch response.status.code {
        case 200, 206: return Answer(head: Self.head(response), body: response.body)
        case 404, 410: throw .missing
        case let code: throw .status(Int(code))
        }
    }

    // MARK: Web servers

    /// The first answer that is no redirect.
    private func follow(
        _ request: HTTPClientRequest, isPinned: Bool, within: TimeAmount
    ) async throws(FetchFault) -> HTTPClientResponse {
        var request = request
        for _ in 0...Limits.contentRedirectsMax {
            guard let url = URL(string: request.url) else { throw .nonsense("is no URL") }
            let response = try await ask(request, url, within: within)
            guard [301, 302, 303, 307, 308].contains(response.status.code),
                let location = response.headers.first(name: "location")
            else { return response }
            request.url = try Self.redirect(from: url, to: location, isPinned: isPinned)
        }
        throw .nonsense("redirects more than \(Limits.contentRedirectsMax) times")
    }

    /// Where a redirect leads. From TLS to plain HTTP only what cannot be changed on the way without being noticed.
    static func redirect(from url: URL, to location: String, isPinned: Bool) throws(FetchFault) -> String {
        guard let next = URL(string: location, relativeTo: url)?.absoluteString, SourceURL.error(next) == nil else {
            throw .nonsense("redirects to what is no http or https URL")
        }
        let (isTLS, wasTLS) = (next.lowercased().hasPrefix("https:"), url.scheme?.lowercased() == "https")
        guard isTLS || !wasTLS || isPinned else {
            throw .refused(
                "redirects to plain http (\(URL(string: next)?.host ?? "")), where anybody on the way could change the "
                    + "file: give its sha256")
        }
        return next
    }

    private func ask(
        _ request: HTTPClientRequest, _ url: URL, within: TimeAmount
    ) async throws(FetchFault) -> HTTPClientResponse {
        var request = request
        if url.scheme?.lowercased() == "https" { request.tlsConfiguration = try settings.tls() }
        switch settings.proxies.way(to: url) {
        case .direct:
            do { return try await direct.execute(request, timeout: within) } catch { throw Self.fault(error) }
        case .proxy(let proxy):
            guard let client = client(proxy) else { throw .stopped }
            do { return try await client.execute(request, timeout: within) } catch {
                throw Self.fault(error).through(proxy.name)
            }
        case .unusable(let variable):
            throw .refused("the environment's \(variable) is not a proxy such as http://proxy.example:3128")
        }
    }

    // MARK: Answers

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
}
