// SPDX-License-Identifier: Apache-2.0

/// When to copy the write-ahead log into the database. A small log is left alone: overwriting it costs least. A large
/// one is copied as soon as nobody commits, and at its limit in any case, between two commits: a burst of leases is
/// not made to wait for it.
package struct CheckpointSchedule {
    /// Copied when idle.
    package let framesWhenIdle: Int
    package let framesMax: Int
    private var frames = 0
    /// How many frames there were when the last attempt did not finish: a reader held it up, or the disk is full.
    private var framesTried = 0

    package init(framesWhenIdle: Int, framesMax: Int) {
        self.framesWhenIdle = framesWhenIdle
        self.framesMax = framesMax
    }

    package mutating func committed(framesInLog: Int) {
        if framesInLog < frames { framesTried = 0 }
        frames = framesInLog
    }

    /// An attempt that could not finish is worth another one only when the log has grown by as much again: each one
    /// costs as much as the log is long.
    package var isDueWhenIdle: Bool { frames - framesTried >= framesWhenIdle }
    package var isDue: Bool { frames - framesTried >= framesMax }

    package mutating func tried(isComplete: Bool) {
        framesTried = frames
        if isComplete { frames = 0; framesTried = 0 }
    }
}
