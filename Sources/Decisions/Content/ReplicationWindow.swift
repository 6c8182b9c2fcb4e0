// SPDX-License-Identifier: Apache-2.0

import Model

/// Whether files may be copied into a place now, and how fast. Files that a machine waits for come at any time.
public enum ReplicationWindow: Hashable, Sendable {
    /// `bytesPerSecondMax` nil: as fast as it goes.
    case open(bytesPerSecondMax: Int64?)
    /// It opens in so many minutes.
    case closed(opensInMinutes: Int)

    /// `location` nil: a node in no place, which has no limits.
    public static func at(_ now: Instant, in location: Location?) -> Self {
        let minute = Int(((now.seconds % 86_400 + 86_400) % 86_400) / 60)
        return at(minuteOfDay: minute, in: location)
    }

    /// `minuteOfDay` in UTC.
    public static func at(minuteOfDay minute: Int, in location: Location?) -> Self {
        guard let location, !location.hours.isEmpty else {
            return .open(bytesPerSecondMax: location?.bytesPerSecondMax)
        }
        if location.hours.contains(where: { $0.contains(minute) }) {
            return .open(bytesPerSecondMax: location.bytesPerSecondMax)
        }
        let waits = location.hours.map { ($0.fromMinute - minute + minutesPerDay) % minutesPerDay }
        return .closed(opensInMinutes: waits.min() ?? 0)
    }

    private static let minutesPerDay = 1_440
}

extension Location.Hours {
    /// The end is not part of it; an end that is the beginning means the whole day.
    fileprivate func contains(_ minute: Int) -> Bool {
        if fromMinute == untilMinute { return true }
        if fromMinute < untilMinute { return minute >= fromMinute && minute < untilMinute }
        return minute >= fromMinute || minute < untilMinute
    }
}
