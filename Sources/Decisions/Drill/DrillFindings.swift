// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// What a rehearsal has shown, in milliseconds, and whether that is what is promised.
public struct DrillFindings: Hashable, Sendable {
    /// Of times that were measured; nil: none was.
    public struct Spread: Hashable, Sendable {
        public var p50: Double
        public var p99: Double

        public init?(microseconds times: [Int64]) {
            guard !times.isEmpty else { return nil }
            let sorted = times.sorted()
            func part(_ part: Int) -> Double {
                Double(sorted[min(sorted.count - 1, sorted.count * part / 100)]) / 1_000
            }
            (p50, p99) = (part(50), part(99))
        }
    }

    public struct Before: Hashable, Sendable {
        public var leases: Int
        public var leasesPerSecond: Double
        public var offer: Spread?
        public var ack: Spread?
        /// Between two ACKs.
        public var longestGap: Double
        public var sentAgain: Int
    }

    /// The longest time without an ACK that a fault brought about.
    public struct Gap: Hashable, Sendable {
        /// Nil: no ACK came any more.
        public var milliseconds: Double?
        /// Who had given the last lease before the fault, and who gave the first one after it that is from another;
        /// nil: nobody else did.
        public var lastFrom: IPv4Address?
        public var firstFrom: IPv4Address?
    }

    public enum Verdict: Hashable, Sendable {
        case kept
        /// Sentences: what was not as promised.
        case broken([String])
        /// Sentences: why nothing can be said.
        case unclear([String])
    }

    public var before: Before
    /// One for each fault.
    public var gaps: [Gap]
    public var leases: Int
    /// Since the first fault.
    public var slowest: Double?
    public var sentAgain: Int
    public var neverAnswered: Int
    public var stall: Double

    /// `faults` are the times at which each was ordered, in order; there is at least one.
    public init(_ log: DrillLog, faults: [Int64]) {
        let first = faults.first ?? log.asked
        let after = log.leases.filter { $0.bound > first }
        before = Self.before(log, until: first)
        let ends = Array(faults.dropFirst()) + [log.asked]
        gaps = zip(faults, ends).map { Self.gap(log, from: $0, until: $1) }
        leases = log.leases.count
        slowest = after.map { $0.bound - $0.began }.max().map { Double($0) / 1_000 }
        sentAgain = after.count { $0.hasRepeated }
        neverAnswered = log.lost.count
        stall = Double(log.stall) / 1_000
    }

    /// The longest gap; nil where one of them did not end.
    public var gapMilliseconds: Double? {
        gaps.contains { $0.milliseconds == nil } ? nil : gaps.compactMap(\.milliseconds).max()
    }

    private static func before(_ log: DrillLog, until fault: Int64) -> Before {
        let leases = log.leases.filter { $0.bound <= fault }
        let times = [log.began] + leases.map(\.bound) + [fault]
        let longest = zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? 0
        return Before(
            leases: leases.count, leasesPerSecond: Double(leases.count) * 1_000_000 / Double(max(1, fault - log.began)),
            offer: Spread(microseconds: leases.map(\.offerTook)), ack: Spread(microseconds: leases.map(\.ackTook)),
            longestGap: Double(longest) / 1_000, sentAgain: leases.count { $0.hasRepeated })
    }

    /// Between two ACKs, the second of which came after the fault, and the first before the time of the next one. What
    /// begins after this fault and lasts beyond the next one is the next one's.
    private static func gap(_ log: DrillLog, from fault: Int64, until end: Int64) -> Gap {
        let last = log.leases.last { $0.bound <= fault }
        let later = log.leases.drop { $0.bound <= fault }
        guard !later.isEmpty else { return Gap(milliseconds: nil, lastFrom: last?.server, firstFrom: nil) }
        var longest: Int64 = 0
        var from = last?.bound ?? log.began
        for lease in later {
            guard from <= end else { break }
            let isNext = end < log.asked && lease.bound > end && from > fault
            if !isNext, lease.bound - from > longest, isFelt(log, until: lease.bound) { longest = lease.bound - from }
            from = lease.bound
        }
        let other = later.first { $0.server != last?.server && $0.bound <= end }
        return Gap(milliseconds: Double(longest) / 1_000, lastFrom: last?.server, firstFrom: other?.server)
    }

    /// Once nobody begins any more, ACKs come seldom for that reason alone: one client's wait is not everybody's.
    private static func isFelt(_ log: DrillLog, until end: Int64) -> Bool {
        guard end > log.asked else { return true }
        let waiting = log.leases.count { $0.began < end && $0.bound >= end } + log.lost.count { $0 < end }
        return waiting >= Limits.drillWaitingMin
    }

    // MARK: Judging

    public func verdict(_ kind: DrillKind, duplicates: Int) -> Verdict {
        let promise = Double(kind.promiseMilliseconds)
        var broken: [String] = []
        if duplicates > 0 { broken.append("addresses given to two clients at once: \(duplicates)") }
        if gaps.contains(where: { $0.milliseconds == nil }) { broken.append("nobody got an address any more") }
        if neverAnswered > 0 { broken.append("clients that never got an address: \(neverAnswered)") }
        guard let gap = gapMilliseconds, gap > promise else { return broken.isEmpty ? .kept : .broken(broken) }
        guard broken.isEmpty else { return .broken(broken + [Self.tooLong(gap, promise)]) }
        var unclear: [String] = []
        if before.longestGap > promise {
            unclear.append("nobody got an address for \(Self.text(before.longestGap)) ms before anything happened")
        }
        if stall > promise / 2 {
            unclear.append("this machine had no time for the drill for \(Self.text(stall)) ms")
        }
        return unclear.isEmpty ? .broken([Self.tooLong(gap, promise)]) : .unclear(unclear)
    }

    private static func tooLong(_ gap: Double, _ promise: Double) -> String {
        "\(text(gap)) ms without an ACK, and \(text(promise)) ms are promised"
    }

    private static func text(_ milliseconds: Double) -> String { String(Int64(milliseconds.rounded())) }
}
