// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore
import Ports
import Synchronization

/// Records in etcd (3.4 to 3.6), for several nodes at once, over its JSON gateway.
///
/// A batch is one transaction. A commit that finds its endpoint unreachable goes to the next; one that was sent and not
/// answered is `.unavailable` with the words "whether the batch was written is unknown", and is not sent again. A batch
/// that changes nothing (deletes of what is not there) is told the store's latest revision, and no reader hears of it.
public final class EtcdStore: StateStore {
    private struct State {
        var isClosed = false
        var commits = 0
        var closers: [CheckedContinuation<Void, Never>] = []
        var feeds: [Int: EtcdFeed] = [:]
        var nextFeed = 0
        /// Of whoever answered last; 0 before.
        var cluster: UInt64 = 0
        var ticker: RepeatedTask?
        var isProbing = false
    }

    let client: EtcdClient
    private let state = Mutex(State())

    /// Reads the TLS files, and connects to nobody yet: a store that is down does not keep a node from starting. Throws
    /// `.unavailable` for settings that cannot be used, naming the setting or the file.
    public init(settings: EtcdSettings) throws(StoreError) {
        client = try EtcdClient(settings)
        let period = TimeAmount.milliseconds(Limits.etcdTickMilliseconds)
        let ticker = client.home.scheduleRepeatedTask(initialDelay: period, delay: period) { [weak self] _ in
            self?.tick()
        }
        state.withLock { $0.ticker = ticker }
    }

    deinit {
        let ticker = state.withLock { state -> RepeatedTask? in
            defer { state.ticker = nil }
            return state.ticker
        }
        guard let ticker else { return }
        ticker.cancel()
        for feed in state.withLock({ Array($0.feeds.values) }) { feed.finish() }
        client.beginShutdown()
    }

    public var operationsPerBatchMax: Int { Limits.etcdOperationsMax }
    public var isShared: Bool { true }

    // MARK: Commits

    /// Answered within two seconds, or not at all: then it is `.unavailable`. Guards and writes may each be as many as
    /// `operationsPerBatchMax`.
    public func commit(_ batch: StoreBatch, then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void) {
        guard !batch.writes.isEmpty else { return done(.failure(.withoutWrites)) }
        if let refusal = admit(batch) { return done(.failure(refusal)) }
        let body = client.requests.transaction(batch)
        let deadline = NIODeadline.now() + .milliseconds(Limits.etcdCommitMilliseconds)
        attempt(body, guards: batch.guards, by: deadline, tried: 0) { result in
            done(result)
            self.ended()
        }
    }

    private func admit(_ batch: StoreBatch) -> StoreError? {
        let count = max(batch.guards.count, batch.writes.count)
        guard count <= Limits.etcdOperationsMax else {
            return .unavailable(
                "refused: a batch of \(count) operations, and etcd takes \(Limits.etcdOperationsMax); which is a bug")
        }
        return state.withLock { state in
            guard !state.isClosed else { return .closed }
            guard state.commits < Limits.storeCommitsWaitingMax else {
                return .unavailable("\(state.commits) commits are waiting for etcd; nothing was written")
            }
            state.commits += 1
            return nil
        }
    }

    private func ended() {
        let closers = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.commits -= 1
            guard state.commits == 0 else { return [] }
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    private func attempt(
        _ body: ByteBuffer, guards: [StoreGuard], by deadline: NIODeadline, tried: Int,
        then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void
    ) {
        let index = client.traffic.pick()
        client.send(.transaction, body, to: index, by: deadline).whenComplete { [client] result in
            do {
                var scanner = JSONScanner(try result.get())
                done(self.outcome(try scanner.transaction(), guards))
            } catch {
                let failure = error as? EtcdFailure ?? EtcdFailure(error, isSent: true)
                if failure.isOfMember { client.traffic.failed(index) }
                if case .notSent = failure, tried + 1 < client.endpoints.count, .now() < deadline {
                    return self.attempt(body, guards: guards, by: deadline, tried: tried + 1, then: done)
                }
                done(.failure(failure.storeError(at: client.endpoints[index], isCommit: true)))
            }
        }
    }

    private func outcome(_ transaction: EtcdTransaction, _ guards: [StoreGuard]) -> Result<Revision, StoreError> {
        noteCluster(transaction.header)
        if transaction.isDone { return .success(transaction.header.revision) }
        let broken = zip(guards, transaction.guarded).first { $0.revision != $1 }?.0 ?? guards.first
        guard let broken else { return .failure(.unavailable("etcd did not write a batch without guards")) }
        return .failure(.conflict(key: broken.key))
    }

    func noteCluster(_ header: EtcdHeader) { state.withLock { $0.cluster = header.cluster } }
    var lastCluster: UInt64 { state.withLock { $0.cluster } }

    // MARK: Changes

    /// Survives the loss of the member that is watched: another takes over within about a second, without a gap. Ends
    /// when etcd has forgotten (compacted) what the reader needs next, or is another etcd than before.
    public func changes(
        prefix: String, after revision: Revision
    ) async throws(StoreError) -> AsyncStream<StoreChange> {
        let (index, header) = try await anyMember()
        guard revision <= header.revision else { return AsyncStream { $0.finish() } }
        let feed = EtcdFeed(client: client, prefix: prefix, after: revision, cluster: header.cluster)
        let number = state.withLock { state -> Int? in
            guard !state.isClosed else { return nil }
            defer { state.nextFeed += 1 }
            state.feeds[state.nextFeed] = feed
            return state.nextFeed
        }
        guard let number else { throw .closed }
        feed.onEnd { [weak self] in self?.state.withLock { $0.feeds[number] = nil } }
        feed.open(at: index, header, from: revision)
        return feed.stream
    }

    /// Somebody who belongs to a majority.
    private func anyMember() async throws(StoreError) -> (Int, EtcdHeader) {
        let deadline = NIODeadline.now() + .milliseconds(Limits.etcdCommitMilliseconds)
        while true {
            guard !isClosed else { throw .closed }
            do {
                let answer = try await client.probeAll().get()
                noteCluster(answer.header)
                return answer
            } catch {
                let failure = error as? EtcdFailure ?? EtcdFailure(error, isSent: true)
                guard failure.isOfMember, .now() < deadline, !Task.isCancelled else {
                    throw failure.storeError(at: client.endpoints.joined(separator: ", "), isCommit: false)
                }
                try? await Task.sleep(for: .milliseconds(Limits.etcdRewatchMilliseconds))
            }
        }
    }

    // MARK: Watching over it all

    /// On the home loop.
    private func tick() {
        let (feeds, mayProbe) = state.withLock { (Array($0.feeds.values), !$0.isProbing) }
        for feed in feeds { feed.tick() }
        guard mayProbe, let silent = client.traffic.silent().first else { return }
        state.withLock { $0.isProbing = true }
        client.probeAll(except: silent).whenComplete { [client, weak self] result in
            self?.state.withLock { $0.isProbing = false }
            // Nobody answers: an election, perhaps. What was sent may still be done.
            guard case .success = result else { return }
            client.traffic.failed(silent)
            if client.traffic.silent().contains(silent) { client.traffic.giveUp(on: silent) }
        }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Waits for the commits that were accepted, ends the streams and frees the connections. What comes later is
    /// `.unavailable`.
    public func close() async {
        let (ticker, feeds) = state.withLock { state -> (RepeatedTask?, [EtcdFeed]) in
            state.isClosed = true
            defer { state.ticker = nil }
            return (state.ticker, Array(state.feeds.values))
        }
        await withCheckedContinuation { closed in
            let isIdle = state.withLock { state in
                if state.commits > 0 { state.closers.append(closed) }
                return state.commits == 0
            }
            if isIdle { closed.resume() }
        }
        for feed in feeds { feed.finish() }
        guard let ticker else { return }
        ticker.cancel()
        await client.shutdown()
    }
}
