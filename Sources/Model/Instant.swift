// SPDX-License-Identifier: Apache-2.0

/// A point in time: milliseconds since 1970 on OnDeck's own clock, which is set from the machine's clock at start
/// and from then on counts steadily, suspends included, whatever is done to the machine's clock.
public struct Instant: Hashable, Comparable, Sendable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    public init(seconds: Int64) { milliseconds = seconds * 1000 }

    /// "Never ends": an infinite lease (RFC 2131 3.3).
    public static let distantFuture = Instant(milliseconds: .max)

    public var seconds: Int64 { milliseconds / 1000 }

    public func adding(seconds: Int64) -> Instant { adding(milliseconds: seconds * 1000) }
    public func adding(milliseconds delta: Int64) -> Instant {
        let (sum, overflow) = milliseconds.addingReportingOverflow(delta)
        return overflow ? .distantFuture : Instant(milliseconds: sum)
    }
    public func millisecondsSince(_ earlier: Instant) -> Int64 { milliseconds - earlier.milliseconds }
    public static func < (a: Self, b: Self) -> Bool { a.milliseconds < b.milliseconds }
}
