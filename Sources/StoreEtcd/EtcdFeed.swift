// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Model
import NIOCore
import NIOHTTP1
import Ports
import Synchronization

/// One reader's stream of changes: a watch, opened again wherever etcd answers when it breaks or its member is cut off.
///
/// A silent watch may be one that has nothing to tell, or one that hangs. So its endpoint is asked for the store's
/// revision meanwhile, linearizably, because a member without a majority would answer anything else.
final class EtcdFeed: Sendable {
    private struct State {
        var reader: EtcdChangeReader
        /// Which watch is the present one: what comes from an earlier one is not taken.
        var generation = 0
        var index = 0
        var cancel: (@Sendable () -> Void)?
        var openedAt = NIODeadline.uptimeNanoseconds(0)
        var heardAt = NIODeadline.uptimeNanoseconds(0)
        var isProbing = false
        var isConnecting = false
        var isFinished = false
        /// Changes up to here were there before the watch was: the reader need not have kept up with them.
        var past = Revision.none
        var pastChanges = 0
        var pastBytes = 0
        var onEnd: (@Sendable () -> Void)?
    }

    let stream: AsyncStream<StoreChange>
    private let client: EtcdClient
    private let prefix: String
    private let cluster: UInt64
    private let continuation: AsyncStream<StoreChange>.Continuation
    private let state: Mutex<State>
    /// More than there will ever be: this class counts what waits by itself.
    private static let streamMax = 1 << 30

    init(client: EtcdClient, prefix: String, after revision: Revision, cluster: UInt64) {
        self.client = client
        self.prefix = prefix
        self.cluster = cluster
        state = Mutex(State(reader: EtcdChangeReader(prefix: client.requests.prefixText, after: revision)))
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.streamMax))
        continuation.onTermination = { [weak self] _ in self?.finish() }
    }

    func onEnd(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onEnd = body } }

    // MARK: Opening

    /// Watches at this endpoint from now on. `header`: of a linearizable answer, asked for when all up to `floor` had
    /// been told.
    func open(at index: Int, _ header: EtcdHeader, from floor: Revision) {
        // Another etcd, or this one restored from a backup.
        guard header.cluster == cluster, header.revision >= floor else { return finish() }
        let opened = state.withLock { state -> (generation: Int, last: Revision, old: (@Sendable () -> Void)?)? in
            guard !state.isFinished else { return nil }
            state.generation += 1
            state.index = index
            state.isConnecting = false
            state.openedAt = .now()
            state.heardAt = state.openedAt
            (state.past, state.pastChanges, state.pastBytes) = (header.revision, 0, 0)
            state.reader.restart()
            defer { state.cancel = nil }
            return (state.generation, state.reader.last, state.cancel)
        }
        guard let opened else { return }
        opened.old?()
        // From the last revision told, which is told again and passed over: had that one been compacted, then its
        // successor could have lost its deletes without a word.
        let body = client.requests.watch(prefix: prefix, from: max(opened.last, Revision(1)))
        let cancel = client.watch(body, at: index, to: EtcdWatch(feed: self, generation: opened.generation))
        let isPresent = state.withLock { state in
            guard state.generation == opened.generation, !state.isFinished else { return false }
            state.cancel = cancel
            return true
        }
        if !isPresent { cancel?() }
    }

    /// Asks all endpoints until one answers, and watches there. What is watched already is kept until then.
    private func connect() {
        let floor = state.withLock { state -> Revision? in
            guard !state.isFinished, !state.isConnecting else { return nil }
            state.isConnecting = true
            return state.reader.last
        }
        guard let floor else { return }
        client.probeAll().whenComplete { result in
            switch result {
            case .success(let answer): self.open(at: answer.index, answer.header, from: floor)
            case .failure:
                self.state.withLock { $0.isConnecting = false }
                self.connectSoon()
            }
        }
    }

    private func connectSoon() {
        client.home.scheduleTask(in: .milliseconds(Limits.etcdRewatchMilliseconds)) { [weak self] in self?.connect() }
    }

    // MARK: Its watch

    func received(_ bytes: ByteBuffer, from generation: Int) {
        let (isOver, mustRewatch) = state.withLock { state -> (Bool, Bool) in
            guard state.generation == generation, !state.isFinished else { return (false, false) }
            defer { state.heardAt = .now() }
            for step in state.reader.take(bytes) {
                switch step {
                case .changes(let changes):
                    for change in changes where !tell(change, &state) { return (true, false) }
                case .rewatch: return (false, true)
                case .end: return (true, false)
                }
            }
            return (false, false)
        }
        if isOver { finish() }
        if mustRewatch { ended(generation) }
    }

    /// False when the reader is too slow, or gone.
    private func tell(_ change: StoreChange, _ state: inout State) -> Bool {
        guard case .enqueued(let room) = continuation.yield(change) else { return false }
        if change.revision <= state.past, state.pastBytes < Limits.storeHistoryBytesMax {
            state.pastChanges += 1
            state.pastBytes += change.writes.reduce(64) { sum, write in
                if case .put(_, let value) = write { sum + 64 + value.count } else { sum + 64 }
            }
        }
        return Self.streamMax - room < Limits.storeChangesBufferedPerReader + state.pastChanges
    }

    /// The watch broke, or was refused.
    func ended(_ generation: Int) {
        let isQuick = state.withLock { state -> Bool? in
            guard state.generation == generation, !state.isFinished else { return nil }
            // What still comes from it is not heard.
            state.generation += 1
            return .now() - state.openedAt < .seconds(1)
        }
        guard let isQuick else { return }
        if isQuick { connectSoon() } else { connect() }
    }

    /// On the home loop, several times a second.
    func tick() {
        let probed = state.withLock { state -> (index: Int, generation: Int)? in
            guard !state.isProbing, !state.isConnecting, !state.isFinished,
                .now() - state.heardAt > .milliseconds(Limits.etcdWatchSilenceMilliseconds)
            else { return nil }
            state.isProbing = true
            return (state.index, state.generation)
        }
        guard let probed else { return }
        client.probe(probed.index).whenComplete { result in
            let isLost = self.state.withLock { state -> Bool in
                state.isProbing = false
                guard state.generation == probed.generation else { return false }
                if case .success = result { state.heardAt = .now() }
                if case .failure = result { return true }
                return false
            }
            if isLost { self.connect() }
        }
    }

    /// Ends the stream, once; what was told before can still be read.
    func finish() {
        let ending = state.withLock { state -> (cancel: (@Sendable () -> Void)?, onEnd: (@Sendable () -> Void)?)? in
            guard !state.isFinished else { return nil }
            state.isFinished = true
            defer { (state.cancel, state.onEnd) = (nil, nil) }
            return (state.cancel, state.onEnd)
        }
        guard let ending else { return }
        ending.cancel?()
        ending.onEnd?()
        continuation.finish()
    }
}

/// Hands one watch's bytes to its feed as they come.
private final class EtcdWatch: HTTPClientResponseDelegate {
    typealias Response = Void

    private let feed: EtcdFeed
    private let generation: Int
    private let isRefused = Mutex(false)

    init(feed: EtcdFeed, generation: Int) {
        self.feed = feed
        self.generation = generation
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        isRefused.withLock { $0 = head.status != .ok }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        if !isRefused.withLock({ $0 }) { feed.received(buffer, from: generation) }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) { feed.ended(generation) }

    func didFinishRequest(task: HTTPClient.Task<Void>) { feed.ended(generation) }
}
