// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Testing

@testable import Decisions

@Suite struct DrillFindingsTests {
    private static let (one, two) = (IPv4Address("10.0.0.1")!, IPv4Address("10.0.0.2")!)

    /// A lease every 20 ms for 10 s, from `one` and after 3 s from `two`, without what `gaps` leave out (milliseconds).
    private static func log(without gaps: [Range<Int64>] = []) -> DrillLog {
        var log = DrillLog(began: 0)
        for at in stride(from: Int64(20), through: 10_000, by: 20) where !gaps.contains(where: { $0.contains(at) }) {
            log.leases.append(
                DrillLog.Lease(
                    began: at * 1_000 - 3_000, bound: at * 1_000, offerTook: 1_000, ackTook: 2_000, hasRepeated: false,
                    server: at <= 3_000 ? one : two))
        }
        (log.asked, log.ended) = (10_000_000, 10_100_000)
        return log
    }

    @Test func `the gap is the longest time between two leases around the fault`() {
        let findings = DrillFindings(
            Self.log(without: [1_000..<1_050, 3_001..<3_210, 7_000..<7_100]), faults: [3_005_000])
        #expect(findings.gapMilliseconds == 220)
        #expect(findings.gaps == [.init(milliseconds: 220, lastFrom: Self.one, firstFrom: Self.two)])
        #expect(findings.before.longestGap == 80)
        #expect(findings.before.offer?.p50 == 1 && findings.before.ack?.p99 == 2)
        #expect((48...50).contains(findings.before.leasesPerSecond))
        #expect(findings.verdict(.kill, duplicates: 0) == .kept)
        #expect(findings.verdict(.handover, duplicates: 0) == .kept)
    }

    @Test func `each of two faults has its own`() {
        let log = Self.log(without: [3_001..<3_100, 6_001..<6_300])
        let findings = DrillFindings(log, faults: [3_005_000, 6_005_000])
        #expect(findings.gaps.map(\.milliseconds) == [100, 300])
        #expect(findings.gapMilliseconds == 300)
        #expect(
            findings.verdict(.handover, duplicates: 0) == .broken(["300 ms without an ACK, and 250 ms are promised"]))
    }

    @Test func `a gap without an end is none with a length`() {
        let findings = DrillFindings(Self.log(without: [3_001..<20_000]), faults: [3_005_000])
        #expect(findings.gapMilliseconds == nil)
        #expect(findings.gaps == [.init(milliseconds: nil, lastFrom: Self.one, firstFrom: nil)])
        #expect(findings.verdict(.kill, duplicates: 0) == .broken(["nobody got an address any more"]))
    }

    @Test func `at the end, one client's wait is not everybody's`() {
        var log = Self.log()
        func late(_ began: Int64) -> DrillLog.Lease {
            .init(began: began, bound: 12_000_000, offerTook: 1, ackTook: 1, hasRepeated: true, server: Self.two)
        }
        log.leases.append(late(9_990_000))
        #expect(DrillFindings(log, faults: [3_005_000]).gapMilliseconds == 20)
        #expect(DrillFindings(log, faults: [3_005_000]).slowest == 2_010)
        log.leases += [late(9_991_000), late(9_992_000)]
        #expect(DrillFindings(log, faults: [3_005_000]).gapMilliseconds == 2_000)
    }

    @Test func `harm is broken however short the gap`() {
        var log = Self.log()
        log.lost = [4_000_000]
        let findings = DrillFindings(log, faults: [3_005_000])
        #expect(
            findings.verdict(.kill, duplicates: 2)
                == .broken(["addresses given to two clients at once: 2", "clients that never got an address: 1"]))
    }

    @Test func `what was bad before, or on this machine, says nothing of the fault`() {
        let bad = Self.log(without: [1_000..<1_500, 3_001..<3_600])
        #expect(
            DrillFindings(bad, faults: [3_005_000]).verdict(.kill, duplicates: 0)
                == .unclear(["nobody got an address for 520 ms before anything happened"]))
        var late = Self.log(without: [3_001..<3_600])
        late.stall = 400_000
        #expect(
            DrillFindings(late, faults: [3_005_000]).verdict(.kill, duplicates: 0)
                == .unclear(["this machine had no time for the drill for 400 ms"]))
        // Nor is it an excuse where the promise was kept.
        #expect(DrillFindings(bad, faults: [5_005_000]).verdict(.kill, duplicates: 0) == .kept)
    }
}
