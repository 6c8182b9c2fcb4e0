// SPDX-License-Identifier: Apache-2.0

import StoreSQLite
import Testing

@Suite struct CheckpointScheduleTests {
    private var schedule = CheckpointSchedule(framesWhenIdle: 10, framesMax: 100)

    @Test mutating func aSmallLogIsLeftAlone() {
        schedule.committed(framesInLog: 9)
        #expect(!schedule.isDueWhenIdle && !schedule.isDue)
        schedule.committed(framesInLog: 10)
        #expect(schedule.isDueWhenIdle && !schedule.isDue)
        schedule.committed(framesInLog: 99)
        #expect(schedule.isDueWhenIdle && !schedule.isDue)
        schedule.committed(framesInLog: 100)
        #expect(schedule.isDueWhenIdle && schedule.isDue)
    }

    @Test mutating func whatIsCopiedIsNotCopiedAgain() {
        schedule.committed(framesInLog: 100)
        schedule.tried(isComplete: true)
        #expect(!schedule.isDueWhenIdle && !schedule.isDue)
        // The log starts anew.
        schedule.committed(framesInLog: 9)
        #expect(!schedule.isDueWhenIdle)
        schedule.committed(framesInLog: 10)
        #expect(schedule.isDueWhenIdle)
    }

    @Test mutating func aFailedAttemptIsRepeatedWhenTheLogHasGrown() {
        schedule.committed(framesInLog: 100)
        schedule.tried(isComplete: false)
        schedule.committed(framesInLog: 109)
        #expect(!schedule.isDueWhenIdle && !schedule.isDue)
        schedule.committed(framesInLog: 110)
        #expect(schedule.isDueWhenIdle && !schedule.isDue)
        schedule.committed(framesInLog: 200)
        #expect(schedule.isDue)
        // It started anew after all: a reader had gone.
        schedule.committed(framesInLog: 3)
        #expect(!schedule.isDueWhenIdle)
        schedule.committed(framesInLog: 10)
        #expect(schedule.isDueWhenIdle)
    }
}
