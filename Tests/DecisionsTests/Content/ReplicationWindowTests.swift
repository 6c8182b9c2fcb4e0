// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

@Suite struct ReplicationWindowTests {
    private static func location(_ hours: [(Int, Int)], rate: Int64? = nil) -> Location {
        var location = Location(name: "berlin")
        location.hours = hours.map { .init(fromMinute: $0.0, untilMinute: $0.1) }
        location.bytesPerSecondMax = rate
        return location
    }

    @Test func noHoursAreAlways() {
        #expect(ReplicationWindow.at(minuteOfDay: 0, in: nil) == .open(bytesPerSecondMax: nil))
        #expect(ReplicationWindow.at(minuteOfDay: 0, in: Self.location([], rate: 5)) == .open(bytesPerSecondMax: 5))
    }

    @Test(
        arguments: [
            (59, 1), (60, nil), (119, nil), (120, 1_380), (0, 60), (1_439, 61),
        ] as [(Int, Int?)])
    func anHourOfTheDay(_ minute: Int, _ wait: Int?) {
        let expected: ReplicationWindow =
            wait.map { .closed(opensInMinutes: $0) } ?? .open(bytesPerSecondMax: nil)
        #expect(ReplicationWindow.at(minuteOfDay: minute, in: Self.location([(60, 120)])) == expected)
    }

    @Test(arguments: [(1_379, 1), (1_380, nil), (0, nil), (239, nil), (240, 1_140)] as [(Int, Int?)])
    func pastMidnight(_ minute: Int, _ wait: Int?) {
        let expected: ReplicationWindow =
            wait.map { .closed(opensInMinutes: $0) } ?? .open(bytesPerSecondMax: nil)
        #expect(ReplicationWindow.at(minuteOfDay: minute, in: Self.location([(1_380, 240)])) == expected)
    }

    @Test func theNextOfSeveralOpensFirst() {
        let location = Self.location([(60, 120), (600, 660)])
        #expect(ReplicationWindow.at(minuteOfDay: 300, in: location) == .closed(opensInMinutes: 300))
        #expect(
            ReplicationWindow.at(Instant(seconds: 86_400 * 3 + 601 * 60), in: location) == .open(bytesPerSecondMax: nil)
        )
        #expect(
            ReplicationWindow.at(Instant(seconds: -60), in: Self.location([(1_439, 0)]))
                == .open(bytesPerSecondMax: nil))
    }
}
