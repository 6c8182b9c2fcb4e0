// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import Synchronization

/// One import while it runs: what it does now, and whether it may go on.
final class ImportJob: Sendable {
    let order: ImportOrder
    private let clock: Clock
    private let progress = Mutex(ImportProgress())
    private let speed = Speedometer()
    /// What it has brought in, and no image names yet.
    private let pins = Mutex<Set<Digest>>([])
    /// The image was removed meanwhile.
    let stop = StopFlag()

    init(_ order: ImportOrder, clock: Clock) {
        self.order = order
        self.clock = clock
    }

    private let spoken = StopFlag()
    /// What has come of it is being written to the store, or is there.
    var hasSpoken: Bool { spoken.isUp }
    func speak() { spoken.raise() }

    /// To be asked on the job's own thread.
    var goesOn: Bool { !stop.isUp && !Task.isCancelled }

    var now: ImportProgress {
        progress.withLock { progress in
            var progress = progress
            progress.bytesPerSecond = progress.phase == .downloading ? speed.bytesPerSecond : 0
            return progress
        }
    }

    func change(_ body: (inout ImportProgress) -> Void) { progress.withLock { body(&$0) } }

    func begin(_ phase: ImportProgress.Phase, total: Int64?) {
        change { $0 = ImportProgress(phase: phase, bytesTotal: total) }
    }

    func note(bytes: Int64) {
        change { $0.bytes = bytes }
        speed.note(total: bytes, at: clock.uptime())
    }

    var pinned: Set<Digest> { pins.withLock { $0 } }
    func pin(_ digest: Digest) { _ = pins.withLock { $0.insert(digest) } }
}
