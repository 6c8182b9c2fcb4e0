// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// What etcd's JSON API is asked.
enum EtcdCall: String, CaseIterable, Sendable {
    case transaction = "/v3/kv/txn"
    case range = "/v3/kv/range"
    case watch = "/v3/watch"
    case status = "/v3/maintenance/status"
    case alarms = "/v3/maintenance/alarm"
    case members = "/v3/cluster/member/list"
    case authenticate = "/v3/auth/authenticate"
}

/// One request and its answer, collected. It also knows whether the request left at all, which decides whether it may
/// be sent to somebody else.
final class EtcdExchange: HTTPClientResponseDelegate {
    struct Reply: Sendable {
        var status: HTTPResponseStatus
        var body: ByteBuffer
    }

    private struct State {
        var isSent = false
        var status = HTTPResponseStatus.ok
        var body = ByteBuffer()
    }

    private let state = Mutex(State())

    var isSent: Bool { state.withLock { $0.isSent } }

    func didSendRequestHead(task: HTTPClient.Task<Reply>, _ head: HTTPRequestHead) {
        state.withLock { $0.isSent = true }
    }

    func didReceiveHead(task: HTTPClient.Task<Reply>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        state.withLock { $0.status = head.status }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Reply>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        state.withLock { _ = $0.body.writeImmutableBuffer(buffer) }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didFinishRequest(task: HTTPClient.Task<Reply>) throws -> Reply {
        state.withLock { Reply(status: $0.status, body: $0.body) }
    }
}
