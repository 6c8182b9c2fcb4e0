// SPDX-License-Identifier: Apache-2.0

import CLinux
import Dispatch
import Foundation
import Synchronization

/// A thread that one transfer or one import runs on: reading a socket, hashing and writing to a disk wait, and Swift's
/// few shared threads must not.
final class WorkThread: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let wakeup = DispatchSemaphore(value: 0)
    private let isOver = Atomic(false)

    /// `name` as `top -H` shows it: 15 characters of it.
    init(name: String) {
        // The thread holds this object until it is over.
        let thread = Thread { [self] in
            cl_name_thread(name)
            run()
        }
        thread.start()
    }

    /// What was handed over before is still done.
    func end() {
        isOver.store(true, ordering: .releasing)
        wakeup.signal()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        wakeup.signal()
    }

    private func run() {
        while true {
            wakeup.wait()
            while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
                job.runSynchronously(on: asUnownedTaskExecutor())
            }
            if isOver.load(ordering: .acquiring) { return }
        }
    }

    /// Runs `body` on a thread of its own.
    static func run<Value: Sendable>(
        named name: String, _ body: @escaping @Sendable () async -> Value
    ) async -> Value {
        let thread = WorkThread(name: name)
        defer { thread.end() }
        return await withTaskExecutorPreference(thread) { await body() }
    }
}

/// Tells blocking work that it is no longer wanted; it looks several times a second.
final class StopFlag: Sendable {
    private let flag = Atomic(false)
    var isUp: Bool { flag.load(ordering: .relaxed) }
    func raise() { flag.store(true, ordering: .relaxed) }
}
