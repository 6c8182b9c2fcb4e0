// SPDX-License-Identifier: Apache-2.0

import Model
import Ports
import Synchronization

/// What a `SimStore` leaves behind: the next one opened on it finds everything that was committed.
public final class SimDisk: Sendable {
    private struct Reader {
        var prefix: [UInt8]
        var stream: AsyncStream<StoreChange>.Continuation
    }

    private struct State {
        /// By the key's bytes: Swift holds keys equal that differ in bytes, and no database does.
        var records: [[UInt8]: StoreRecord] = [:]
        var revision = Revision.none
        /// Every commit there ever was.
        var history: [StoreChange] = []
        var readers: [Reader] = []
        var isOpen = false

        mutating func apply(_ write: StoreWrite) {
            let key = Array(write.key.utf8)
            switch write {
            case .put(let name, let value): records[key] = StoreRecord(key: name, value: value, revision: revision)
            case .delete: records[key] = nil
            }
        }
    }

    private let state = Mutex(State())
    private let bufferedMax: Int

    /// `bufferedMax`: how many changes a reader may lie behind.
    public init(bufferedMax: Int = Limits.storeChangesBufferedPerReader) { self.bufferedMax = bufferedMax }

    func open() -> Bool {
        state.withLock { state in
            defer { state.isOpen = true }
            return !state.isOpen
        }
    }

    func close() { state.withLock { $0.isOpen = false } }

    func read(prefix: [UInt8]) -> StoreSnapshot {
        state.withLock { state in
            let matches = state.records.filter { $0.key.starts(with: prefix) }
            let sorted = matches.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            return StoreSnapshot(records: sorted.map(\.value), revision: state.revision)
        }
    }

    func commit(_ batch: StoreBatch) -> Result<Revision, StoreError> {
        state.withLock { state in
            for expected in batch.guards {
                let found = state.records[Array(expected.key.utf8)]?.revision ?? .none
                guard found == expected.revision else { return .failure(.conflict(key: expected.key)) }
            }
            state.revision.value += 1
            for write in batch.writes { state.apply(write) }
            let change = StoreChange(revision: state.revision, writes: batch.writes)
            state.history.append(change)
            state.readers.removeAll { !Self.tell($0, change) }
            return .success(state.revision)
        }
    }

    func changes(prefix: [UInt8], after revision: Revision) -> AsyncStream<StoreChange> {
        state.withLock { state in
            let missed = state.history.filter { $0.revision > revision }
            let (stream, continuation) = AsyncStream<StoreChange>.makeStream(
                bufferingPolicy: .bufferingOldest(missed.count + bufferedMax))
            let reader = Reader(prefix: prefix, stream: continuation)
            guard revision <= state.revision else {
                continuation.finish()
                return stream
            }
            for change in missed { _ = Self.tell(reader, change) }
            state.readers.append(reader)
            return stream
        }
    }

    func endReaders() {
        state.withLock { state in
            for reader in state.readers { reader.stream.finish() }
            state.readers = []
        }
    }

    /// False when the reader is too slow, or gone.
    private static func tell(_ reader: Reader, _ change: StoreChange) -> Bool {
        let writes = change.writes.filter { $0.key.utf8.starts(with: reader.prefix) }
        guard !writes.isEmpty else { return true }
        if case .enqueued = reader.stream.yield(StoreChange(revision: change.revision, writes: writes)) { return true }
        reader.stream.finish()
        return false
    }
}
