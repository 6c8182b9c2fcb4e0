// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

/// `reserve` and `nodes` of a network.
@Suite struct ReserveWarningTests {
    private var draft = Draft()

    @Test mutating func whatNoFileCouldHaveIsRefused() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9-10.64.0.99"]]) {
            $0.reserveSeconds = Limits.leaseSecondsMax + 1
            $0.preferredNodes = ["n1", "n2", "n1"]
        }
        #expect(
            draft.problems == [
                "networks.a.reserve: 315360001 s is not within 0 s to 315360000 s",
                "networks.a.nodes[2]: n1 is in the list twice",
            ])
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9-10.64.0.99"]]) {
            $0.preferredNodes = (0...Limits.nodesMax).map { "n\($0)" }
        }
        #expect(draft.problems == ["networks.a.nodes: has 65 nodes; at most 64 are allowed"])
    }

    @Test mutating func aReserveThatNoRenewalFitsInto() {
        for (seconds, isWarned): (UInt32?, Bool) in [(1_804, true), (1_805, false), (0, false), (nil, false)] {
            draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9-10.64.0.99"]]) { $0.reserveSeconds = seconds }
            let warning =
                "networks.a.reserve: 1804 s is too short for a renewal without the store: clients renew after 1800 s, "
                + "and a whole lease must fit in behind that (at least 1805 s; one lease time, 3600 s, is usual)"
            #expect(draft.warnings == (isWarned ? [warning] : []))
        }
    }

    @Test mutating func whereNothingIsLeasedThereIsNothingToReserve() {
        draft.network("a", ["10.64.0.0/24"]) {
            $0.mode = .static
            $0.reserveSeconds = 3_600
            $0.preferredNodes = ["n1"]
        }
        #expect(
            draft.warnings == [
                "networks.a.reserve: there is nothing to reserve: only addresses from pools are leased",
                "networks.a.nodes: every node answers a static network, whatever the order "
                    + "(set mode: dynamic, or leave the nodes out)",
            ])
    }

    @Test mutating func aPoolThatLeavesNoRoomForTheReserve() {
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9-10.64.0.16"]]) { $0.reserveSeconds = 3_600 }
        for number in 1...6 { draft.machine("m\(number)", [number]) }
        #expect(draft.warnings == [])
        draft.machine("m7", [7])
        #expect(
            draft.warnings == [
                "networks.a.reserve: the pools have 8 addresses for 7 machines: with less than 25 % free the reserve is "
                    + "cut, and with 5 % there is none (make the pools larger)"
            ])
        draft.network("a", ["10.64.0.0/24"], pools: [["10.64.0.9-10.64.0.16"]])
        #expect(draft.warnings == [])
    }
}
