// SPDX-License-Identifier: Apache-2.0

import StoreSQLite
import Testing

@Suite struct CheckpointScheduleTests {
    private var schedule = CheckpointSchedule(framesWhenIdle: 10, framesBeside: 160, framesMax: 640)

    @Test mutating func aSmallLogIsLeftAlone() {
        schedule.committed(framesInLog: 9)
        #expect(schedule.stepWhenIdle == .none && schedule.step == .none && !schedule.isUnfinished)
        schedule.committed(framesInLog: 10)
        #expect(schedule.stepWhenIdle == .finish && schedule.step == .none && schedule.isUnfinished)
        schedule.committed(framesInLog: 159)
        #expect(schedule.stepWhenIdle == .copyBeside && schedule.step == .none)
        schedule.committed(framesInLog: 160)
        #expect(schedule.step == .copyBeside)
    }

    @Test mutating func theRestIsCopiedBetweenCommits() {
        schedule.committed(framesInLog: 160)
        schedule.copying()
        #expect(schedule.step == .none && schedule.stepWhenIdle == .none && schedule.isUnfinished)
        schedule.committed(framesInLog: 200)
        #expect(schedule.step == .none)
        schedule.copied(frames: 165)
        // 35 frames are more than is copied at once.
        #expect(schedule.step == .copyBeside)
        schedule.copying()
        schedule.committed(framesInLog: 204)
        schedule.copied(frames: 200)
        #expect(schedule.step == .finish)
        schedule.finished(isComplete: true)
        #expect(schedule.step == .none && !schedule.isUnfinished)
        // The log starts anew.
        schedule.committed(framesInLog: 9)
        #expect(schedule.stepWhenIdle == .none)
        schedule.committed(framesInLog: 160)
        #expect(schedule.step == .copyBeside)
    }

    @Test mutating func copyingThatCannotKeepUpHoldsCommitsUp() {
        schedule.committed(framesInLog: 160)
        schedule.copying()
        schedule.committed(framesInLog: 639)
        #expect(schedule.step == .none)
        schedule.committed(framesInLog: 640)
        #expect(schedule.step == .finish)
    }

    @Test mutating func whatDidNotGetOnIsRepeatedWhenTheLogHasGrown() {
        schedule.committed(framesInLog: 160)
        schedule.copying()
        schedule.copied(frames: 0)
        #expect(schedule.step == .none && schedule.stepWhenIdle == .none)
        schedule.committed(framesInLog: 319)
        #expect(schedule.stepWhenIdle == .copyBeside && schedule.step == .none)
        schedule.committed(framesInLog: 320)
        #expect(schedule.step == .copyBeside)
        schedule.copying()
        schedule.copied(frames: 315)
        #expect(schedule.step == .finish)
        schedule.finished(isComplete: false)
        #expect(schedule.step == .none)
        // It started anew after all: a reader had gone.
        schedule.committed(framesInLog: 3)
        #expect(schedule.stepWhenIdle == .none)
        schedule.committed(framesInLog: 10)
        #expect(schedule.stepWhenIdle == .finish)
    }
}
