// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A Consul for tests: its key/value store, transactions, blocking queries, tokens and status over HTTP, as Consul's
/// documentation has them, and the faults that a test orders.
final class FakeConsul: Sendable {
    struct Faults: Sendable {
        /// Consul answers 500: nobody can write or read consistently.
        var hasNoLeader = false
        /// So many transactions that write are made, and their answers lost with the connection.
        var answersLost = 0
        /// So many transactions that write are lost before they are made, and nobody is told.
        var requestsLost = 0
        /// Requests with one of these tokens wait until they are let go.
        var heldTokens: Set<String> = []
        /// Another server, which fell behind, answers what is not asked for `consistent`: with this.
        var stale: FakeConsulState?
        /// Nil: no ACL. Otherwise who has none of these may see and do nothing.
        var tokens: Set<String>?
        /// Answers everything so.
        var status: Int?
    }

    struct Server: Sendable {
        var name: String
        var address: String
        var isAlive = true
        /// As Raft has it.
        var endpoint: String { address.contains(":") ? "[\(address)]:8300" : "\(address):8300" }
    }

    private struct State {
        var consul = FakeConsulState()
        var faults = Faults()
        var servers = [Server(name: "n1", address: "10.0.0.1")]
        /// Moves with every write and every change of faults.
        var version = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var expired: Set<Int> = []
        var nextWaiting = 0
        var bytesAnswered: [String: Int] = [:]
        var requests: [String: Int] = [:]
    }

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    private let state = Mutex(State())
    private let listener: NIOAsyncChannel<Connection, Never>
    private let work = Mutex<Task<Void, Never>?>(nil)
    let address: String

    init() async throws {
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    let connection = try Connection(wrappingChannelSynchronously: channel)
                    // One that comes while the listener closes is never served, and NIO does not allow that it is let go.
                    channel.closeFuture.whenComplete { _ in withExtendedLifetime(connection) {} }
                    return connection
                }
            }
        address = "http://127.0.0.1:\(listener.channel.localAddress?.port ?? 0)"
        let task = Task<Void, Never> { [self] in
            try? await listener.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections {
                        group.addTask { try? await connection.executeThenClose { try await self.serve($0, $1) } }
                    }
                }
            }
        }
        work.withLock { $0 = task }
    }

    func stop() async {
        let task = work.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    /// Runs `body` with a new one.
    static func with(_ body: (FakeConsul) async throws -> Void) async throws {
        let consul = try await FakeConsul()
        do { try await body(consul) } catch {
            await consul.stop()
            throw error
        }
        await consul.stop()
    }

    // MARK: What a test tells it and asks it

    func order(_ body: (inout Faults) -> Void) { change { body(&$0.faults) } }
    func setServers(_ servers: [Server]) { change { $0.servers = servers } }
    func edit(_ body: (inout FakeConsulState) -> Void) { change { body(&$0.consul) } }
    var contents: FakeConsulState { state.withLock { $0.consul } }
    /// Bytes of bodies that were sent to those who have this token.
    func bytesAnswered(_ token: String) -> Int { state.withLock { $0.bytesAnswered[token] ?? 0 } }
    func requests(_ token: String) -> Int { state.withLock { $0.requests[token] ?? 0 } }

    private func change(_ body: (inout State) -> Void) {
        let waiting = state.withLock { state in
            body(&state)
            state.version += 1
            defer { state.waiting = [:] }
            return state.waiting.values.map(\.self)
        }
        for one in waiting { one.resume() }
    }

    // MARK: HTTP

    struct Answer {
        var status = 200
        var index: Int64?
        var body = ""
        /// The connection ends without an answer.
        var isLost = false
    }

    private func serve(
        _ parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>,
        _ out: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    ) async throws {
        var head: HTTPRequestHead?
        var body = ByteBuffer()
        for try await part in parts {
            switch part {
            case .head(let next):
                head = next
                body.clear()
            case .body(var more): body.writeBuffer(&more)
            case .end:
                guard let head else { return }
                let token = head.headers.first(name: "X-Consul-Token") ?? ""
                let answer = await answer(head, Array(body.readableBytesView), token)
                if answer.isLost { return }
                state.withLock { state in
                    state.bytesAnswered[token, default: 0] += answer.body.utf8.count
                    state.requests[token, default: 0] += 1
                }
                var response = HTTPResponseHead(
                    version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status))
                response.headers.add(name: "Content-Length", value: "\(answer.body.utf8.count)")
                if let index = answer.index { response.headers.add(name: "X-Consul-Index", value: "\(index)") }
                try await out.write(.head(response))
                try await out.write(.body(.byteBuffer(ByteBuffer(string: answer.body))))
                try await out.write(.end(nil))
            }
        }
    }

    private func answer(_ head: HTTPRequestHead, _ body: [UInt8], _ token: String) async -> Answer {
        while state.withLock({ $0.faults.heldTokens.contains(token) }), !Task.isCancelled {
            await waitForChange(since: state.withLock { $0.version }, milliseconds: 1_000)
        }
        if let status = state.withLock({ $0.faults.status }) {
            return Answer(status: status, body: "ordered \(status)")
        }
        let parts = head.uri.split(separator: "?", maxSplits: 1).map(String.init)
        let query = Self.query(parts.count > 1 ? parts[1] : "")
        let path = parts[0]
        if path == "/v1/txn" { return transaction(body, query, token) }
        if path.hasPrefix("/v1/kv/") { return await list(String(path.dropFirst("/v1/kv/".count)), query, token) }
        return status(path, token)
    }

    private static func query(_ text: String) -> [String: String] {
        Dictionary(
            text.split(separator: "&").map { pair in
                let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts[0], parts.count > 1 ? parts[1] : "")
            }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: Endpoints

    private func transaction(_ body: [UInt8], _ query: [String: String], _ token: String) -> Answer {
        guard body.count <= 512 << 10 else { return Answer(status: 413, body: "Request body too large") }
        guard let operations = try? JSONDecoder().decode([FakeConsulOperation].self, from: Data(body)) else {
            return Answer(status: 400, body: "Failed to parse body")
        }
        guard operations.count <= 64 else {
            return Answer(status: 413, body: "Transaction contains too many operations (\(operations.count) > 64)")
        }
        if operations.contains(where: { ($0.fields.value?.count ?? 0) > 512 << 10 }) {
            return Answer(status: 413, body: "Value is too large")
        }
        let isWrite = operations.contains(where: \.isWrite)
        let faults = state.withLock { $0.faults }
        // Consul 1.21.5's rule for keys is one of paths only: transactions take any.
        let isStale = faults.stale != nil && !isWrite && query["consistent"] == nil
        if faults.hasNoLeader, !isStale { return Answer(status: 500, body: "No cluster leader") }
        if let tokens = faults.tokens, !tokens.contains(token) { return forbidden(operations) }
        var answer = Answer()
        func perform(_ state: inout State) -> (results: [FakeConsulState.Record], errors: [(Int, String)]) {
            guard isWrite else { return (isStale ? faults.stale ?? state.consul : state.consul).look(operations) }
            if state.faults.requestsLost > 0 {
                state.faults.requestsLost -= 1
                answer.isLost = true
                return ([], [])
            }
            if state.faults.answersLost > 0 {
                state.faults.answersLost -= 1
                answer.isLost = true
            }
            return state.consul.apply(operations)
        }
        var outcome: (results: [FakeConsulState.Record], errors: [(Int, String)]) = ([], [])
        if isWrite { change { outcome = perform(&$0) } } else { outcome = state.withLock { perform(&$0) } }
        answer.status = outcome.errors.isEmpty ? 200 : 409
        answer.body = FakeConsulJSON.transaction(outcome)
        return answer
    }

    /// Reads of trees are only emptied; everything else is refused.
    private func forbidden(_ operations: [FakeConsulOperation]) -> Answer {
        let errors = operations.enumerated().filter { $0.element.fields.verb != "get-tree" }
            .map { ($0.offset, "Permission denied: token with AccessorID 'anonymous' lacks permission 'key:write'") }
        return Answer(status: errors.isEmpty ? 200 : 409, body: FakeConsulJSON.transaction(([], errors)))
    }

    private func list(_ key: String, _ query: [String: String], _ token: String) async -> Answer {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,_./-?&=".utf8)
        let isPlain = key.utf8.allSatisfy(plain.contains)
        guard isPlain, query["recurse"] != nil else { return Answer(status: 400, body: "invalid key name") }
        let prefix = FakeConsulKey(key)
        let wait = query["wait"].flatMap { Int($0.dropLast(2)) } ?? 300_000
        let deadline = ContinuousClock.now + .milliseconds(wait)
        while true {
            let left = Self.milliseconds(deadline - .now)
            let isOver = left <= 0 || Task.isCancelled
            let (answer, version) = state.withLock { state in
                (Self.list(state, prefix, query, token, isOver: isOver), state.version)
            }
            if let answer { return answer }
            await waitForChange(since: version, milliseconds: max(left, 1))
        }
    }

    /// Nil: not yet.
    private static func list(
        _ state: borrowing State, _ prefix: FakeConsulKey, _ query: [String: String], _ token: String, isOver: Bool
    ) -> Answer? {
        let stale = query["consistent"] == nil ? state.faults.stale : nil
        if state.faults.hasNoLeader, stale == nil { return Answer(status: 500, body: "No cluster leader") }
        if state.faults.heldTokens.contains(token) { return isOver ? Answer(isLost: true) : nil }
        let index = (stale ?? state.consul).listIndex(prefix)
        guard index > Int64(query["index"] ?? "") ?? 0 || isOver else { return nil }
        let mayRead = state.faults.tokens?.contains(token) ?? true
        let found = mayRead ? (stale ?? state.consul).list(prefix) : []
        if found.isEmpty { return Answer(status: 404, index: index) }
        return Answer(index: index, body: "[\(found.map(FakeConsulJSON.record).joined(separator: ","))]")
    }

    private static func milliseconds(_ time: Duration) -> Int {
        Int(time.components.seconds * 1_000 + time.components.attoseconds / 1_000_000_000_000_000)
    }

    private func status(_ path: String, _ token: String) -> Answer {
        let (faults, servers) = state.withLock { ($0.faults, $0.servers) }
        let leader = faults.hasNoLeader ? "" : servers.first { $0.isAlive }.map(\.endpoint) ?? ""
        switch path {
        case "/v1/status/leader": return Answer(body: "\"\(leader)\"")
        case "/v1/status/peers":
            return Answer(body: "[\(servers.map { "\"\($0.endpoint)\"" }.joined(separator: ","))]")
        case _ where !(faults.tokens?.contains(token) ?? true): return Answer(status: 403, body: "Permission denied")
        case "/v1/agent/self":
            return Answer(
                body: "{\"Config\":{\"Datacenter\":\"dc1\",\"NodeName\":\"n1\",\"Version\":\"1.15.2\"},\"Member\":{}}")
        case "/v1/agent/members":
            let members = servers.map {
                "{\"Name\":\"\($0.name)\",\"Addr\":\"\($0.address)\",\"Port\":8301,"
                    + "\"Tags\":{\"role\":\"consul\",\"port\":\"8300\"},\"Status\":\($0.isAlive ? 1 : 4)}"
            }
            return Answer(body: "[\(members.joined(separator: ","))]")
        default: return Answer(status: 404, body: "no such endpoint")
        }
    }

    // MARK: Waiting

    /// Until something has changed since that version; at most so long.
    private func waitForChange(since version: Int, milliseconds: Int) async {
        let number = state.withLock { state in
            state.nextWaiting += 1
            return state.nextWaiting
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await withCheckedContinuation { waiting in
                    let isOver = self.state.withLock { state in
                        let isOver = state.version != version || state.expired.contains(number)
                        if !isOver { state.waiting[number] = waiting }
                        return isOver
                    }
                    if isOver { waiting.resume() }
                }
            }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(milliseconds))
                self.state.withLock { state in
                    state.expired.insert(number)
                    return state.waiting.removeValue(forKey: number)
                }?.resume()
            }
            await group.next()
            group.cancelAll()
        }
    }
}
