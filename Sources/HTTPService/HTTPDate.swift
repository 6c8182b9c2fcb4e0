// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Dates as HTTP writes them: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7).
enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// For the Date header alone; nothing is decided by the machine's clock.
    static var now: String {
        let second = time(nil)
        return latest.withLock { latest in
            if latest.second != second { latest = (second, text(second)) }
            return latest.text
        }
    }

    /// The same for all replies of a second.
    private static let latest = Mutex<(second: Int, text: String)>((-1, ""))

    /// `seconds` since 1970; times before 1970 or after 9999 are written as the nearest within.
    static func text(_ seconds: Int) -> String {
        let seconds = min(max(seconds, 0), 253_402_300_799)
        let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = civil(days)
        return String(unsafeUninitializedCapacity: 29) { bytes in
            var end = 0
            func put(_ text: String) {
                for byte in text.utf8 { put(byte) }
            }
            func put(_ byte: UInt8) {
                bytes[end] = byte
                end += 1
            }
            func put(_ value: Int, digits: Int) {
                var rest = value
                for place in (end..<end + digits).reversed() {
                    bytes[place] = 0x30 + UInt8(rest % 10)
                    rest /= 10
                }
                end += digits
            }
            put(Self.days[days % 7])
            put(", ")
            put(day, digits: 2)
            put(0x20)
            put(months[month - 1])
            put(0x20)
            put(year, digits: 4)
            for (mark, part) in [(UInt8(0x20), rest / 3600), (0x3a, rest / 60 % 60), (0x3a, rest % 60)] {
                put(mark)
                put(part, digits: 2)
            }
            put(" GMT")
            return end
        }
    }

    /// Reads the fixed form. Nil for anything else, the two obsolete forms too: no client sends them.
    static func seconds(_ text: some StringProtocol) -> Int? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", words[0].count == 4, let day = Int(words[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(words[2])), let year = Int(words[3]), (1970...9999).contains(year)
        else { return nil }
        let clock = words[4].split(separator: ":").map { Int($0) ?? -1 }
        guard clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        return dayNumber(year, month + 1, day) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }

    /// Year, month and day of a day counted from 1970-01-01; years counted from March, so that the leap day is last.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let (era, dayOfEra) = shifted.quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let marchYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = marchYear.quotientAndRemainder(dividingBy: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
