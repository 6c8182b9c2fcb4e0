// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// The token that etcd gave for user and password. One request fetches it for all that wait; it is fetched again when
/// etcd no longer takes it. Neither it nor the password is ever part of a message.
final class EtcdTokens: Sendable {
    private struct State {
        var token: String?
        var fetch: EventLoopFuture<String>?
    }

    let request: ByteBuffer
    private let state = Mutex(State())

    init(user: String, password: String) {
        request = EtcdRequests.authenticate(user: user, password: password)
    }

    /// Nil before the first; empty when etcd has no users.
    var latest: String? { state.withLock { $0.token } }

    /// The token there is, or else the one that `fetch` brings.
    func current(
        or fetch: () -> EventLoopFuture<String>, on loop: any EventLoop
    ) -> EventLoopFuture<String> {
        let (token, mine) = state.withLock { state -> (EventLoopFuture<String>, EventLoopPromise<String>?) in
            if let token = state.token { return (loop.makeSucceededFuture(token), nil) }
            if let fetch = state.fetch { return (fetch, nil) }
            let promise = loop.makePromise(of: String.self)
            state.fetch = promise.futureResult
            return (promise.futureResult, promise)
        }
        if let mine {
            fetch().whenComplete { result in
                self.state.withLock { state in
                    state.fetch = nil
                    if case .success(let token) = result { state.token = token }
                }
                mine.completeWith(result)
            }
        }
        return token
    }

    /// Unless there is another by now.
    func forget(_ token: String) { state.withLock { if $0.token == token { $0.token = nil } } }
}
