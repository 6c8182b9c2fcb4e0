// SPDX-License-Identifier: Apache-2.0

/// When to copy the write-ahead log into the database. A small log is left alone: overwriting it costs least. A large
/// one is copied beside the commits, which go on meanwhile; the little that they added is then copied between two of
/// them, so that the log can start anew. A burst of leases is made to wait only where the copying cannot keep up.
package struct CheckpointSchedule {
    package enum Step: Hashable, Sendable {
        case none
        /// On the other thread.
        case copyBeside
        /// Between two commits.
        case finish
    }

    /// Copied when idle.
    package let framesWhenIdle: Int
    /// Copied beside the commits.
    package let framesBeside: Int
    /// Copied whatever waits.
    package let framesMax: Int
    /// What is copied between two commits: a millisecond or two.
    package var framesAtOnce: Int { framesBeside / 16 }
    private var frames = 0
    /// Of these so many are in the database.
    private var framesCopied = 0
    private var isCopying = false
    /// How many frames there were when the last attempt did not get on: a reader held it up, or the disk is full.
    private var framesTried = 0

    package init(framesWhenIdle: Int, framesBeside: Int, framesMax: Int) {
        self.framesWhenIdle = framesWhenIdle
        self.framesBeside = framesBeside
        self.framesMax = framesMax
    }

    package mutating func committed(framesInLog: Int) {
        if framesInLog < frames { (framesCopied, framesTried) = (0, 0) }
        frames = framesInLog
    }

    /// An attempt that could not finish is worth another one only when the log has grown by as much again: each one
    /// costs as much as the log is long.
    package var stepWhenIdle: Step {
        if isCopying || frames - framesTried < framesWhenIdle { return .none }
        return frames - framesCopied <= framesAtOnce ? .finish : .copyBeside
    }

    /// Something is left to do when idle, or under way.
    package var isUnfinished: Bool { isCopying || stepWhenIdle != .none }

    package var step: Step {
        if frames - framesTried >= framesMax { return .finish }
        if isCopying || frames - framesTried < framesBeside { return .none }
        return frames - framesCopied <= framesAtOnce ? .finish : .copyBeside
    }

    package mutating func copying() { isCopying = true }

    /// The other thread is done: so many frames of the log are in the database.
    package mutating func copied(frames count: Int) {
        isCopying = false
        // The log may have started anew since.
        let count = min(count, frames)
        if count <= framesCopied { framesTried = frames }
        framesCopied = count
    }

    package mutating func finished(isComplete: Bool) {
        framesTried = frames
        if isComplete { (frames, framesCopied, framesTried) = (0, 0, 0) }
    }
}
