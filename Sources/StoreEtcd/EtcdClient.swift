// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Glibc
import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import Ports
import Synchronization

/// Sends requests to etcd's members, with a token where there is a user. Everything ends in futures, not in tasks: the
/// active node commits on this path.
final class EtcdClient: Sendable {
    let endpoints: [String]
    let requests: EtcdRequests
    let traffic: EtcdTraffic
    /// Watches, probes and timers live here.
    let home: any EventLoop
    private let group: MultiThreadedEventLoopGroup
    private let http: HTTPClient
    /// Its connections are read at another pace.
    private let watches: HTTPClient
    /// A request for each call of each endpoint, made once: parsing an address costs more than sending.
    private let prepared: [[EtcdCall: HTTPClient.Request]]
    private let tokens: EtcdTokens?

    /// Throws `.unavailable` for settings that cannot be used. Connects to nobody yet.
    init(_ settings: EtcdSettings) throws(StoreError) {
        try settings.validate()
        let tls = try settings.tlsConfiguration()
        endpoints = settings.endpoints
        prepared = try settings.endpoints.map { endpoint throws(StoreError) in try Self.prepare(endpoint) }
        requests = EtcdRequests(prefix: settings.prefix)
        traffic = EtcdTraffic(endpoints: settings.endpoints.count)
        if let user = settings.user, let password = settings.password {
            tokens = EtcdTokens(user: user, password: password)
        } else {
            tokens = nil
        }
        // Threads of its own: commits must not wait behind a download.
        group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        home = group.next()
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: .milliseconds(Limits.etcdConnectMilliseconds)))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Limits.etcdConnectionsPerEndpointMax
        configuration.httpVersion = .http1Only
        configuration.http1_1ConnectionDebugInitializer = Self.keepAlive
        http = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        configuration.http1_1ConnectionDebugInitializer = Self.keepAlivePaced
        watches = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }

    private static func prepare(_ endpoint: String) throws(StoreError) -> [EtcdCall: HTTPClient.Request] {
        do {
            let headers = HTTPHeaders([("Content-Type", "application/json")])
            let requests = try EtcdCall.allCases.map { call in
                (call, try HTTPClient.Request(url: endpoint + call.rawValue, method: .POST, headers: headers))
            }
            return Dictionary(uniqueKeysWithValues: requests)
        } catch {
            throw .unavailable("etcd: the endpoint \(endpoint) is not a URL as http://host:2379 (or https)")
        }
    }

    /// A watch may be silent for long, and a firewall between may forget it: ask the other side every few seconds.
    @Sendable private static func keepAlive(_ channel: any Channel) -> EventLoopFuture<Void> {
        let options: [(ChannelOptions.Types.SocketOption, Int)] = [
            (.socketOption(.so_keepalive), 1), (.tcpOption(.init(rawValue: TCP_KEEPIDLE)), 5),
            (.tcpOption(.init(rawValue: TCP_KEEPINTVL)), 2), (.tcpOption(.init(rawValue: TCP_KEEPCNT)), 3),
            (.tcpOption(.tcp_nodelay), 1),
        ]
        return .andAllComplete(options.map { channel.setOption($0, value: $1) }, on: channel.eventLoop)
    }

    @Sendable private static func keepAlivePaced(_ channel: any Channel) -> EventLoopFuture<Void> {
        let paced = channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(PacedReads(), position: .first)
        }
        return paced.flatMap { keepAlive(channel) }
    }

    /// Its answer's body, or an `EtcdFailure`. `isOnHome`: on a connection that no commit uses; nobody counts it.
    func send(
        _ call: EtcdCall, _ body: ByteBuffer, to index: Int, by deadline: NIODeadline, isOnHome: Bool = false
    ) -> EventLoopFuture<[UInt8]> {
        guard let tokens else { return exchange(call, body, token: nil, to: index, by: deadline, isOnHome: isOnHome) }
        let first = tokens.current(or: { self.authenticate(tokens, at: index, by: deadline) }, on: home)
        return first.flatMap { token in
            self.exchange(call, body, token: token, to: index, by: deadline, isOnHome: isOnHome).flatMapError { error in
                guard case .refused(let refusal) = error as? EtcdFailure, refusal.isAboutToken else {
                    return self.home.makeFailedFuture(error)
                }
                tokens.forget(token)
                return tokens.current(or: { self.authenticate(tokens, at: index, by: deadline) }, on: self.home)
                    .flatMap { self.exchange(call, body, token: $0, to: index, by: deadline, isOnHome: isOnHome) }
            }
        }
    }

    private func authenticate(
        _ tokens: EtcdTokens, at index: Int, by deadline: NIODeadline
    ) -> EventLoopFuture<String> {
        exchange(.authenticate, tokens.request, token: nil, to: index, by: deadline, isOnHome: true)
            .flatMapThrowing { body in
                var scanner = JSONScanner(body)
                do { return try scanner.token() } catch { throw EtcdFailure(error, isSent: true) }
            }
            .flatMapErrorThrowing { error in
                switch error as? EtcdFailure {
                // etcd without users takes requests without a token.
                case .refused(let why) where why.isWithoutAuthentication: return ""
                // What the token was for has not been sent.
                case .refused(let why) where why.isTransient: throw EtcdFailure.notSent(why.message)
                case .lost(let why): throw EtcdFailure.notSent(why)
                default: throw error
                }
            }
    }

    private func exchange(
        _ call: EtcdCall, _ body: ByteBuffer, token: String?, to index: Int, by deadline: NIODeadline, isOnHome: Bool
    ) -> EventLoopFuture<[UInt8]> {
        guard let request = request(call, body, token: token, to: index) else {
            return home.makeFailedFuture(EtcdFailure.notSent("a request that cannot be made"))
        }
        let exchange = EtcdExchange()
        let task = http.execute(
            request: request, delegate: exchange,
            eventLoop: isOnHome ? .delegateAndChannel(on: home) : .indifferent, deadline: deadline)
        if !isOnHome {
            let number = traffic.began(index) { task.cancel() }
            task.futureResult.whenComplete { [traffic] _ in traffic.ended(number, of: index) }
        }
        return task.futureResult
            .flatMapErrorThrowing { error in throw EtcdFailure(error, isSent: exchange.isSent) }
            .flatMapThrowing { reply in
                let body = Array(reply.body.readableBytesView)
                guard reply.status == .ok else {
                    throw EtcdFailure.refused(EtcdRefusal(body: body, status: reply.status.code))
                }
                return body
            }
    }

    private func request(
        _ call: EtcdCall, _ body: ByteBuffer, token: String?, to index: Int
    ) -> HTTPClient.Request? {
        guard var request = prepared[index][call] else { return nil }
        request.body = .byteBuffer(body)
        if let token, !token.isEmpty { request.headers.add(name: "Authorization", value: token) }
        return request
    }

    /// A watch, whose messages go to `delegate`; it ends when the task is cancelled, or etcd ends it. The token is the
    /// one that the last probe used.
    func watch(
        _ body: ByteBuffer, at index: Int, to delegate: some HTTPClientResponseDelegate
    ) -> (@Sendable () -> Void)? {
        guard let request = request(.watch, body, token: tokens?.latest, to: index) else { return nil }
        let task = watches.execute(
            request: request, delegate: delegate, eventLoop: .delegateAndChannel(on: home), deadline: .distantFuture)
        return { task.cancel() }
    }

    /// Asks `index` for the store's revision, linearizably: who answers belongs to a majority.
    func probe(_ index: Int) -> EventLoopFuture<EtcdHeader> {
        let deadline = NIODeadline.now() + .milliseconds(Limits.etcdProbeMilliseconds)
        return send(.range, requests.probe(), to: index, by: deadline, isOnHome: true).flatMapThrowing { body in
            var scanner = JSONScanner(body)
            do { return try scanner.page().header } catch { throw EtcdFailure(error, isSent: true) }
        }
    }

    /// Asks all of them at once, and tells the first that answers; fails with the first one's failure when nobody does.
    func probeAll(except excluded: Int? = nil) -> EventLoopFuture<(index: Int, header: EtcdHeader)> {
        let promise = home.makePromise(of: (index: Int, header: EtcdHeader).self)
        let candidates = endpoints.indices.filter { $0 != excluded }
        let probes = candidates.map { index in probe(index).map { (index: index, header: $0) }.hop(to: home) }
        let turn = FirstTurn()
        for probe in probes {
            probe.whenSuccess { answer in if turn.take() { promise.succeed(answer) } }
        }
        EventLoopFuture.whenAllComplete(probes, on: home).whenSuccess { results in
            guard turn.take() else { return }
            let failures = results.compactMap { result in
                if case .failure(let error) = result { error } else { nil }
            }
            promise.fail(failures.first ?? EtcdFailure.notSent("there is no other endpoint"))
        }
        return promise.futureResult
    }

    /// Ends what is under way. The threads stay until nobody holds the client: what is asked of it meanwhile must still
    /// be refused by somebody.
    func shutdown() async {
        try? await watches.shutdown()
        try? await http.shutdown()
    }

    /// The same, without waiting for it.
    func beginShutdown() {
        for client in [watches, http] { client.shutdown { [self] _ in _ = self } }
    }

    deinit { group.shutdownGracefully { _ in } }
}

/// Several may come, and the first acts.
private final class FirstTurn: Sendable {
    private let isTaken = Atomic(false)
    func take() -> Bool { !isTaken.exchange(true, ordering: .relaxed) }
}
