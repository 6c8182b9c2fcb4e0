// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore
import Ports
import Synchronization

/// Writes one batch after the other, each in one transaction with its entry in this writer's feed and with its head.
/// The head's guard is what keeps the feed whole: a batch whose answer was lost ends the run, and whatever Consul still
/// does with it, it does to the old run's head, in its own order.
final class ConsulWriter: Sendable {
    private enum Work: Sendable {
        case batch(StoreBatch, @Sendable (Result<Revision, StoreError>) -> Void)
        /// Removes an old writer's head and feed.
        case remove(FeedHead)
    }

    private struct Waiting: Sendable {
        var work: Work
        var since: ContinuousClock.Instant
    }

    /// One life of this writer.
    private struct Run: Sendable {
        let name: String
        /// Of the last batch; 0 before the first.
        var sequence: Int64 = 0
        /// The head's ModifyIndex; 0 before the first batch.
        var headIndex: Int64 = 0

        init() {
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            name = String(repeating: "0", count: 16 - digits.count) + digits
        }
    }

    private enum Outcome: Sendable {
        case committed(Int64)
        /// The operation that failed.
        case guardFailed(Int)
        /// Somebody removed the head, or it is another store's.
        case headMoved
    }

    private let connection: ConsulConnection
    private let keys: ConsulKeys
    private let node: String
    private let tuning: ConsulTuning
    private let queue: AsyncStream<Waiting>
    private let entrance: AsyncStream<Waiting>.Continuation
    private let waiting = Mutex(0)
    private let isClosed = Mutex(false)
    /// The run whose head stands in Consul, if there is one.
    private let current = Mutex<String?>(nil)

    init(connection: ConsulConnection, keys: ConsulKeys, node: String, tuning: ConsulTuning) {
        self.connection = connection
        self.keys = keys
        self.node = node.filter { $0 != "\t" }
        self.tuning = tuning
        (queue, entrance) = AsyncStream<Waiting>.makeStream()
    }

    var currentRun: String? { current.withLock { $0 } }

    func commit(_ batch: StoreBatch, then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void) {
        guard !batch.writes.isEmpty else { return done(.failure(.withoutWrites)) }
        let operations = batch.guards.count + batch.writes.count
        guard operations <= Limits.consulOperationsMax else {
            return done(
                .failure(
                    .unavailable(
                        "refused: a batch of \(operations) operations, and Consul takes "
                            + "\(Limits.consulOperationsMax), which is a bug")))
        }
        if let refusal = enqueue(.batch(batch, done)) { done(.failure(refusal)) }
    }

    /// If nothing more important waits.
    func remove(_ head: FeedHead) {
        guard waiting.withLock({ $0 }) == 0 else { return }
        _ = enqueue(.remove(head))
    }

    /// What is accepted already is still written.
    func close() {
        isClosed.withLock { $0 = true }
        entrance.finish()
    }

    private func enqueue(_ work: Work) -> StoreError? {
        let accepted = waiting.withLock { count in
            guard count < Limits.storeCommitsWaitingMax else { return false }
            count += 1
            return true
        }
        guard accepted else {
            return .unavailable("consul at \(connection.base): too many batches wait; nothing was written")
        }
        let result = isClosed.withLock { isClosed in
            isClosed ? .terminated : entrance.yield(Waiting(work: work, since: .now))
        }
        if case .enqueued = result { return nil }
        waiting.withLock { $0 -= 1 }
        return .closed
    }

    /// Until it is closed and everything is written. A batch waits while Consul answers those before it; when nothing
    /// was answered for its whole time, it is not sent any more.
    func run() async {
        var run = Run()
        var lastAnswer = ContinuousClock.now
        for await next in queue {
            let deadline = max(next.since, lastAnswer) + .milliseconds(tuning.commitMilliseconds)
            switch next.work {
            case .batch(let batch, let done):
                let (result, isAnswered) = await write(batch, &run, by: deadline)
                if isAnswered { lastAnswer = .now }
                waiting.withLock { $0 -= 1 }
                done(result)
            case .remove(let head):
                await remove(head, &run, by: deadline)
                waiting.withLock { $0 -= 1 }
            }
        }
    }

    // MARK: Transactions

    private func write(
        _ batch: StoreBatch, _ run: inout Run, by deadline: ContinuousClock.Instant
    ) async -> (Result<Revision, StoreError>, isAnswered: Bool) {
        // Once for a head that was removed while nothing was written, and once more for bad luck.
        for _ in 1...3 {
            let left = milliseconds(until: deadline)
            guard left > 0 else {
                return (.failure(refused("does not answer: the batch was not sent")), false)
            }
            do throws(ConsulFailure) {
                switch try await transact(body(batch, run), guards: batch.guards.count, &run, milliseconds: left) {
                case .committed(let index): return (.success(Revision(index)), true)
                case .guardFailed(let number): return (.failure(.conflict(key: batch.guards[number].key)), true)
                case .headMoved: continue
                }
            } catch {
                return (.failure(Self.explained(error)), false)
            }
        }
        return (.failure(refused("lost keys of OnDeck's, or was restored from a backup")), true)
    }

    private func refused(_ why: String) -> StoreError {
        .unavailable("consul at \(connection.base) \(why); nothing was written")
    }

    private func remove(_ head: FeedHead, _ run: inout Run, by deadline: ContinuousClock.Instant) async {
        // This writer's own head, newer by the same transaction, keeps the store's revision from going back.
        guard run.headIndex > 0, head.run != run.name, milliseconds(until: deadline) > 0 else { return }
        let entry = FeedEntry(sequence: run.sequence + 1, writes: [], removed: [head.run: head.sequence])
        let operations =
            [.check(keys.head(head.run), head.index), .check(keys.head(run.name), run.headIndex)]
            + [ConsulOperation(.delete, keys.head(head.run)), ConsulOperation(.deleteTree, keys.feed(head.run))]
            + marks(run, entry, flags: 0)
        // If it fails, it is tried again some time, or another node has done it.
        _ = try? await transact(
            ConsulConnection.body(operations), guards: 1, &run, milliseconds: milliseconds(until: deadline))
    }

    private func transact(
        _ body: ByteBuffer, guards: Int, _ run: inout Run, milliseconds: Int64
    ) async throws(ConsulFailure) -> Outcome {
        let outcome: ConsulOutcome
        do throws(ConsulFailure) {
            outcome = try await connection.transact(body: body, milliseconds: milliseconds)
        } catch {
            if case .unknown = error { begin(&run) }
            throw error
        }
        if let failed = outcome.failures?.map(\.operation).min() {
            if failed < guards { return .guardFailed(failed) }
            guard failed == guards else {
                let reason = outcome.failures?.first?.reason ?? ""
                throw .refused("consul at \(connection.base) refused a write: \(reason.prefix(200))")
            }
            begin(&run)
            return .headMoved
        }
        let head = keys.head(run.name)
        guard let index = outcome.records.last(where: { $0.key == head })?.modifyIndex, index > run.headIndex else {
            begin(&run)
            throw .unknown("consul at \(connection.base): its answer does not hold what was written")
        }
        run.sequence += 1
        run.headIndex = index
        if run.sequence == 1 { current.withLock { $0 = run.name } }
        return .committed(index)
    }

    private func begin(_ run: inout Run) {
        run = Run()
        current.withLock { $0 = nil }
    }

    /// Guards, the head's guard, the writes, the entry, the head.
    private func body(_ batch: StoreBatch, _ run: Run) throws(ConsulFailure) -> ByteBuffer {
        // 53 bits survive a JSON reader that takes every number for a floating one.
        let flags = UInt64.random(in: 0..<(1 << 53))
        let checks = batch.guards.map { ConsulOperation.check(keys.record($0.key), $0.revision.value) }
        let writes = batch.writes.map { write in
            switch write {
            case .put(let key, let value): ConsulOperation.set(keys.record(key), value, flags: flags)
            case .delete(let key): ConsulOperation(.delete, keys.record(key))
            }
        }
        let start = checks + [.check(keys.head(run.name), run.headIndex)] + writes
        var size = 0
        for content in [batch.writes, nil] {
            let entry = FeedEntry(sequence: run.sequence + 1, writes: content)
            let body = ConsulConnection.body(start + marks(run, entry, flags: flags))
            size = body.readableBytes
            if size <= Limits.consulBodyBytesMax { return body }
        }
        throw .refused(
            "refused: a batch of \(size) bytes (in base64), and Consul takes \(Limits.consulBodyBytesMax) in one "
                + "transaction")
    }

    private func marks(_ run: Run, _ entry: FeedEntry, flags: UInt64) -> [ConsulOperation] {
        [
            .set(keys.slot(run.name, entry.sequence, of: tuning.feedSlots), entry.bytes, flags: flags),
            .set(
                keys.head(run.name), FeedHead.text(sequence: entry.sequence, slots: tuning.feedSlots, node: node),
                flags: flags),
        ]
    }

    private func milliseconds(until deadline: ContinuousClock.Instant) -> Int64 {
        let left = (deadline - .now).components
        return left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000
    }

    private static func explained(_ failure: ConsulFailure) -> StoreError {
        switch failure {
        case .refused(let why): .unavailable("\(why); nothing was written")
        case .unknown(let why): .unavailable("\(why); whether the batch was written is not known")
        }
    }
}
