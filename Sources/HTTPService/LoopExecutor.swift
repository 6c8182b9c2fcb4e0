// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Runs a connection's task on the thread of its event loop. A request for a small file then costs no change of
/// threads, of which the usual executor makes two, and those are dearer than all the rest of it.
final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
