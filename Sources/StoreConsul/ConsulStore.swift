// SPDX-License-Identifier: Apache-2.0

import Model
import Ports
import Synchronization

/// Records in Consul's key/value store, for several nodes. Consul 1.10 or later.
///
/// A revision is Consul's ModifyIndex. Every batch is one transaction, with its guards; it also writes what it changed
/// into a feed of its writer, and the writer's head. Those who follow wait for the heads alone, so that a change costs
/// them what was changed, however many records there are. Batches of one process run one after the other.
///
/// Keys that an operator writes by hand are read and guarded like all others, but nobody is told of them: use OnDeck's
/// commands.
public final class ConsulStore: StateStore {
    private let connection: ConsulConnection
    private let reading: ConsulReading
    private let readers: ChangeReaders
    private let writer: ConsulWriter
    private let follower: ConsulFollower
    private let isClosed = Mutex(false)
    private let work: Task<Void, Never>

    /// Connects in the background. Throws `.unavailable`, naming the field, where a setting cannot be used.
    public convenience init(_ settings: ConsulSettings) throws(StoreError) {
        try self.init(settings, tuning: ConsulTuning())
    }

    package init(_ settings: ConsulSettings, tuning: ConsulTuning) throws(StoreError) {
        let keys = try settings.keys()
        let connection = try ConsulConnection(settings)
        let readers = ChangeReaders()
        let writer = ConsulWriter(connection: connection, keys: keys, node: settings.node, tuning: tuning)
        let reading = ConsulReading(connection: connection, keys: keys)
        let follower = ConsulFollower(
            reading: reading, readers: readers, writer: writer, headIdleMilliseconds: tuning.headIdleMilliseconds)
        self.connection = connection
        self.reading = reading
        self.readers = readers
        self.writer = writer
        self.follower = follower
        work = Task.detached(priority: .userInitiated) {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await follower.run() }
                await writer.run()
                group.cancelAll()
            }
            // Readers get what was committed before the end, if Consul still answers.
            try? await follower.takeRest()
            readers.finish()
            await connection.shutdown()
        }
    }

    deinit { writer.close() }

    public func read(prefix: String) async throws(StoreError) -> StoreSnapshot {
        try refuseIfClosed()
        try await follower.start()
        return try await reading.snapshot(prefix: prefix)
    }

    /// At most `operationsPerBatchMax` guards and writes, and half a megabyte in base64. A batch that does not fit into
    /// the feed a second time (about 190 KB) makes everybody who follows read again.
    public func commit(_ batch: StoreBatch, then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void) {
        writer.commit(batch, then: done)
    }

    /// When `revision` is from before this process's start, or so old that the changes since are forgotten, the stream
    /// ends at once.
    public func changes(
        prefix: String, after revision: Revision
    ) async throws(StoreError) -> AsyncStream<StoreChange> {
        try refuseIfClosed()
        try await follower.start()
        if let stream = try readers.changes(prefix: prefix, after: revision, isKnownToExist: false) { return stream }
        // A read may be ahead of the follower; then the change is on its way.
        let latest = FeedPosition(try await reading.heads()).revision
        guard revision <= latest else { return ChangeReaders.ended }
        return try readers.changes(prefix: prefix, after: revision, isKnownToExist: true) ?? ChangeReaders.ended
    }

    /// Finishes what was accepted, within the time that commits have, and ends the streams. What comes later is
    /// `.unavailable`.
    public func close() async {
        isClosed.withLock { $0 = true }
        writer.close()
        await work.value
    }

    public func status() async -> StoreStatus { await ConsulStatus(connection: connection, reading: reading).ask() }
    public var operationsPerBatchMax: Int { Limits.consulOperationsMax }
    public var isShared: Bool { true }

    private func refuseIfClosed() throws(StoreError) {
        if isClosed.withLock({ $0 }) { throw .closed }
    }
}
