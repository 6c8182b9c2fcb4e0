// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Model
import Ports
import Synchronization

/// The one thread that writes. A thread of its own, because a commit waits for the disk and Swift's few shared threads
/// must not. What gathers while the disk is busy goes into the next transaction together: one sync for all.
final class CommitThread: Sendable {
    private struct Commit {
        var batch: StoreBatch
        var done: @Sendable (Result<Revision, StoreError>) -> Void
    }

    private struct Waiting {
        var commits: [Commit] = []
        var closers: [CheckedContinuation<Void, Never>] = []
        var isClosing = false
        var isClosed = false
    }

    private let file: DatabaseFile
    private let feed: ChangeFeed
    private let copier: LogCopier
    private let waiting = Mutex(Waiting())
    private let wakeup = DispatchSemaphore(value: 0)
    private static let idleMilliseconds = 100

    init(file: DatabaseFile, feed: ChangeFeed) throws(StoreError) {
        self.file = file
        self.feed = feed
        copier = try LogCopier(path: file.path)
    }

    func start() {
        copier.start()
        let thread = Thread { [self] in
            // From within: what is set before the start does not reach the system.
            Thread.current.name = "store"
            run()
        }
        thread.start()
    }

    /// Tells `done` on this thread, which writes nothing meanwhile.
    func commit(_ batch: StoreBatch, then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void) {
        let refusal = waiting.withLock { waiting -> StoreError? in
            guard !waiting.isClosing else { return .closed }
            guard waiting.commits.count < Limits.storeCommitsWaitingMax else {
                return .unavailable("\(waiting.commits.count) commits are waiting for the disk")
            }
            waiting.commits.append(Commit(batch: batch, done: done))
            return nil
        }
        if let refusal { done(.failure(refusal)) } else { wakeup.signal() }
    }

    /// Ends the thread once everything accepted is written; returns when the file is free for another process.
    func close() async {
        await withCheckedContinuation { closed in
            let isClosed = waiting.withLock { waiting in
                waiting.isClosing = true
                if !waiting.isClosed { waiting.closers.append(closed) }
                return waiting.isClosed
            }
            if isClosed { closed.resume() } else { wakeup.signal() }
        }
    }

    /// The same, without waiting for it.
    func requestClose() {
        waiting.withLock { $0.isClosing = true }
        wakeup.signal()
    }

    // MARK: On the thread

    private func run() {
        var writer = CommitWriter(file: file, copier: copier)
        writer.prepare()
        while true {
            let (commits, isClosing) = take()
            if commits.isEmpty {
                if isClosing { break }
                wait(&writer)
            } else {
                perform(commits, &writer)
            }
        }
        writer.close()
        feed.finish()
        file.lock.release()
        let closers = waiting.withLock { waiting in
            waiting.isClosed = true
            defer { waiting.closers = [] }
            return waiting.closers
        }
        for closer in closers { closer.resume() }
    }

    /// As many as one transaction takes, at least one if there is any.
    private func take() -> (commits: [Commit], isClosing: Bool) {
        waiting.withLock { waiting in
            var writes = 0
            let count = waiting.commits.prefix { commit in
                defer { writes += commit.batch.writes.count }
                return writes < Limits.storeGroupWritesMax
            }.count
            defer { waiting.commits.removeFirst(count) }
            return (Array(waiting.commits.prefix(count)), waiting.isClosing)
        }
    }

    private func wait(_ writer: inout CommitWriter) {
        var isUnfinished = true
        while isUnfinished {
            if wakeup.wait(timeout: .now() + .milliseconds(Self.idleMilliseconds)) == .success { return }
            isUnfinished = writer.tidy(isIdle: true)
        }
        wakeup.wait()
    }

    private func perform(_ commits: [Commit], _ writer: inout CommitWriter) {
        let transactions = writer.write(commits.map(\.batch))
        var next = commits.startIndex
        for written in transactions {
            if let revision = written.restartedAt { feed.restart(at: revision) }
            var changes: [StoreChange] = []
            for (commit, result) in zip(commits[next...], written.results) {
                guard case .success(let revision) = result else { continue }
                changes.append(StoreChange(revision: revision, writes: commit.batch.writes))
            }
            next += written.results.count
            feed.publish(changes)
        }
        for (commit, result) in zip(commits, transactions.flatMap(\.results)) { commit.done(result) }
        _ = writer.tidy(isIdle: false)
    }
}
