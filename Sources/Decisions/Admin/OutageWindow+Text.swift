// SPDX-License-Identifier: Apache-2.0

import Model

/// The same in sentences.
extension OutageWindow {
    /// Who would lose an address, and who could not boot.
    public var costs: [String] {
        switch (mode, isShared) {
        case (.proxy, false):
            [Self.others, "No machine boots from here until the server is back."]
        case (.proxy, true):
            [Self.others, "Every machine boots: each node gives boot data from its own copy."]
        case (.static, true):
            ["No client loses its address, and every machine boots: each node answers from its own copy.", allDown]
        case (.static, false), (.dynamic, false):
            [lossOnOneMachine, "No machine boots, and no new client gets an address, until the server is back."]
        case (.dynamic, true):
            [
                lossInCluster,
                "Machines with a reservation boot as ever; others that boot, and new clients, get no address until "
                    + "the store is back.", allDown,
            ]
        }
    }

    private static let others = "No client loses its address: another server hands them out."

    /// Then each client has what it was told last; a dynamic one may be just before T2.
    private var allDown: String {
        let rest = mode == .dynamic ? leaseSeconds - UInt32(UInt64(leaseSeconds) * 7 / 8) : leaseSeconds / 2
        return "If every node were down as well, the first clients would lose their addresses after "
            + "\(Self.text(rest))."
    }

    private var lossOnOneMachine: String {
        let half = Self.text(leaseSeconds / 2)
        if fits { return "No client loses its address: each has \(half) or more left when the server goes." }
        return "The first clients lose their addresses after \(half); \(byTheEnd)."
    }

    private var lossInCluster: String {
        let bridged = Self.text(bridgedSeconds ?? 0)
        if fits { return "No client loses its address: any node confirms renewals, for \(bridged) at least." }
        return
            "Any node confirms renewals, but only as long as the record says: the first clients lose their addresses "
            + "after \(bridged); \(byTheEnd)."
    }

    private var byTheEnd: String {
        if lostPercent == 100 { return "in the end every client has" }
        return "in the end \(isShared ? "up to" : "about") \(lostPercent) of 100 have"
    }

    /// What to set; nil when all is well, with a margin.
    public var advice: String? {
        guard let needed = leaseSecondsNeeded, let advised = leaseSecondsAdvised else { return nil }
        if fits {
            guard lacksMargin else { return nil }
            return "The lease has little margin: \(Self.text(advised)) would bridge twice the outage."
        }
        let lease = "A lease of \(Self.text(needed)) would do, \(Self.text(advised)) with a margin"
        guard let reserve = reserveSecondsNeeded else { return lease + "." }
        return "\(lease); or, with the lease as it is, a reserve of \(Self.text(reserve))."
    }

    private var lacksMargin: Bool { bridgedSeconds.map { Int64($0) < 2 * Int64(outageSeconds) } ?? false }

    /// Why the need calls for this level of availability.
    public var availabilityReason: String {
        let outage = Self.text(outageSeconds)
        switch availability {
        case .backupAndRebuild:
            return "Backup and rebuild is enough: one machine can be restored from its backup within \(outage)."
        case .activeActive:
            return "Nobody restores a machine within \(outage): run two nodes or more; all of them answer "
                + "(active-active)."
        case .activePassive:
            return "Nobody restores a machine within \(outage): run two nodes or more; one of them is up to bat "
                + "(active-passive)."
        }
    }

    static func text(_ seconds: UInt32) -> String { RoughTime.text(seconds: Int64(seconds)) }
}
