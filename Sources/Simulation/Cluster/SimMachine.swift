// SPDX-License-Identifier: Apache-2.0

import Engine

/// A machine's two clocks: one that counts steadily, at its own rate, and one that anybody may set.
final class SimMachine: @unchecked Sendable {
    private unowned let world: SimWorld
    /// Parts per million by which its clocks run too fast.
    let driftPerMillion: Int64
    private let steadyAtStart: Int64
    private let wallAtStart: Int64
    var wallStep: Int64 = 0

    /// The history's beginning in the real world's time.
    static let beginning: Int64 = 1_800_000_000_000

    init(world: SimWorld, random: inout SimRandom) {
        self.world = world
        let isSkewed = world.options.faults.contains(.clockSkew)
        driftPerMillion = isSkewed ? random.between(-80, 80) : 0
        steadyAtStart = random.between(60_000, 90 * 86_400_000)
        wallAtStart = Self.beginning + (isSkewed ? random.between(-900, 900) : 0)
    }

    private func elapsed(_ time: SimTime) -> Int64 { time + time * driftPerMillion / 1_000_000 }

    func reading() -> Clock.Reading {
        let passed = elapsed(world.now)
        return Clock.Reading(wall: wallAtStart + passed + wallStep, steady: steadyAtStart + passed)
    }

    /// When the steady clock shows `milliseconds`, at the earliest.
    func time(ofSteady milliseconds: Int64) -> SimTime {
        let passed = milliseconds - steadyAtStart
        var time = passed - passed * driftPerMillion / 1_000_000
        while elapsed(time) < passed { time += 1 }
        return time
    }
}
