// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

@Suite struct OutageWindowTests {
    private func window(
        _ mode: NetworkMode = .dynamic, lease: UInt32, reserve: UInt32? = nil, outage: UInt32, isShared: Bool = false
    ) -> OutageWindow {
        OutageWindow(
            network: "lab", mode: mode, leaseSeconds: lease, reserveSeconds: reserve, outageSeconds: outage,
            isShared: isShared)
    }

    // MARK: One machine

    static let single: [(lease: UInt32, outage: UInt32, bridged: UInt32, fits: Bool, lost: Int)] = [
        (3_600, 1_800, 1_800, true, 0), (3_600, 1_801, 1_800, false, 1), (3_600, 2_700, 1_800, false, 50),
        (3_600, 3_600, 1_800, false, 100), (3_600, 14_400, 1_800, false, 100), (60, 60, 30, false, 100),
    ]

    @Test(arguments: single)
    func halfALeaseIsBridged(lease: UInt32, outage: UInt32, bridged: UInt32, fits: Bool, lost: Int) {
        for mode in [NetworkMode.dynamic, .static] {
            let window = window(mode, lease: lease, reserve: 9_999, outage: outage)
            #expect(window.bridgedSeconds == bridged)
            #expect(window.fits == fits)
            #expect(window.lostPercent == lost)
            #expect(window.reserveSeconds == 0)
        }
    }

    @Test func theLeaseThatWouldDo() {
        let window = window(lease: 3_600, outage: 14_400)
        #expect(window.leaseSecondsNeeded == 28_800)
        #expect(window.leaseSecondsAdvised == 86_400)
        #expect(window.reserveSecondsNeeded == nil)
        #expect(window.advice == "A lease of 8h would do, 1d with a margin.")
    }

    @Test(arguments: [UInt32(1), 59, 899, 900, 14_400, 86_400, Limits.outageSecondsMax], [false, true])
    func theLeaseThatIsNamedDoes(outage: UInt32, isShared: Bool) throws {
        let now = window(lease: 60, outage: outage, isShared: isShared)
        let needed = try #require(now.leaseSecondsNeeded)
        let advised = try #require(now.leaseSecondsAdvised)
        #expect(window(lease: needed, outage: outage, isShared: isShared).fits)
        #expect(window(lease: advised, outage: min(2 * outage, Limits.outageSecondsMax), isShared: isShared).fits)
        #expect(window(lease: advised, outage: outage, isShared: isShared).advice == nil)
        #expect(needed <= advised && advised <= Limits.leaseSecondsMax)
        if !isShared { #expect(needed >= 2 * outage && advised >= min(4 * outage, advised)) }
    }

    // MARK: A cluster

    @Test func withTheUsualReserve() {
        let good = window(lease: 3_600, outage: 900, isShared: true)
        #expect(good.reserveSeconds == 3_600)
        #expect(good.bridgedSeconds == UInt32(2_245))
        #expect(good.fits)
        #expect(
            good.costs == [
                "No client loses its address: any node confirms renewals, for 37m 25s at least.",
                "Machines with a reservation boot as ever; others that boot, and new clients, get no address until the "
                    + "store is back.",
                "If every node were down as well, the first clients would lose their addresses after 7m 30s.",
            ])
        let bad = window(lease: 3_600, outage: 3_600, isShared: true)
        #expect(!bad.fits)
        #expect(bad.leaseSecondsNeeded == 7_200)
        #expect(bad.reserveSecondsNeeded == nil)
        #expect(bad.costs[0].hasPrefix("Any node confirms renewals, but only as long as the record says: the first"))
    }

    @Test func aReserveThatBridgesNothing() {
        let none = window(lease: 3_600, reserve: 0, outage: 900, isShared: true)
        #expect(none.bridgedSeconds == 450)
        #expect(none.reserveSecondsNeeded == 600)
        #expect(window(lease: 3_600, reserve: 600, outage: 900, isShared: true).fits)
        #expect(
            none.advice == "A lease of 2h would do, 4h with a margin; or, with the lease as it is, a reserve of 10m.")
    }

    /// Clients and nodes, played through: the slow twin of the formula.
    @Test(arguments: [UInt32(600), 3_600, 7_201], [UInt32?.none, 0, 4, 300, 1_800, 4_000, 20_000])
    func theFormulaIsWhatHappens(lease: UInt32, reserve: UInt32?) throws {
        let (lease64, skew) = (Int64(lease), Limits.clockSkewSecondsMax)
        let confirmable = max(lease64, lease64 + Int64(reserve ?? lease) - skew)
        var shortest = Int64.max
        for isWithNodeOnDeck in [false, true] {
            // One client's answers, until a new record is written, after which all begins again.
            var (answered, written) = (Int64(0), false)
            while !written {
                var next = answered + lease64 / 2
                let fits = next + lease64 <= confirmable
                if !fits {
                    if isWithNodeOnDeck { next = answered + lease64 * 7 / 8 }
                    written = true
                }
                shortest = min(shortest, Self.held(from: next, told: answered + lease64, lease64, confirmable) - next)
                answered = next
            }
        }
        let window = window(lease: lease, reserve: reserve, outage: 1, isShared: true)
        #expect(try Int64(#require(window.bridgedSeconds)) == shortest)
    }

    /// How long a client holds its address when the store is down from `start` on: it asks, and is told what is left.
    private static func held(from start: Int64, told: Int64, _ lease: Int64, _ confirmable: Int64) -> Int64 {
        var (time, end) = (start, told)
        while time < end {
            end = max(end, min(time + lease, confirmable))
            time += max(1, (end - time) / 2)
        }
        return end
    }

    // MARK: Modes and needs

    @Test func aStaticNetworkOfAClusterLosesNothing() {
        let window = window(.static, lease: 60, outage: 86_400, isShared: true)
        #expect(window.bridgedSeconds == nil)
        #expect(window.fits)
        #expect(window.leaseSecondsNeeded == nil)
        #expect(window.advice == nil)
        #expect(window.lostPercent == 0)
        #expect(window.costs[0].hasPrefix("No client loses its address, and every machine boots"))
        #expect(window.costs[1].hasSuffix("after 30s."))
    }

    @Test(arguments: [false, true])
    func aProxyHasNoAddressesToLose(isShared: Bool) {
        let window = window(.proxy, lease: 60, outage: 86_400, isShared: isShared)
        #expect(window.fits)
        #expect(window.costs[0] == "No client loses its address: another server hands them out.")
        #expect(window.costs[1].hasPrefix(isShared ? "Every machine boots" : "No machine boots"))
    }

    static let needs: [(NetworkMode, UInt32, OutageWindow.Availability)] = [
        (.dynamic, 30, .activePassive), (.dynamic, 3_599, .activePassive), (.dynamic, 3_600, .backupAndRebuild),
        (.static, 30, .activeActive), (.proxy, 30, .activeActive), (.static, 14_400, .backupAndRebuild),
    ]

    @Test(arguments: needs)
    func whatTheNeedCallsFor(mode: NetworkMode, outage: UInt32, availability: OutageWindow.Availability) {
        #expect(window(mode, lease: 3_600, outage: outage).availability == availability)
        #expect(window(mode, lease: 3_600, outage: outage, isShared: true).availability == availability)
    }

    @Test func sentencesOfOneMachine() {
        #expect(
            window(lease: 3_600, outage: 2_700).costs == [
                "The first clients lose their addresses after 30m; in the end about 50 of 100 have.",
                "No machine boots, and no new client gets an address, until the server is back.",
            ])
        #expect(window(lease: 3_600, outage: 7_200).costs[0].hasSuffix("in the end every client has."))
        #expect(
            window(lease: 3_600, outage: 1_000).advice
                == "The lease has little margin: 2h would bridge twice the outage.")
    }
}
