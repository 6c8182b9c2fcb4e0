// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model

extension DrillReport {
    init(
        _ log: DrillLog, faults: [(at: Int64, text: String)], network: String, kind: DrillKind, interface: String,
        plan: DrillClients.Plan
    ) {
        let findings = DrillFindings(log, faults: faults.map(\.at))
        self.init(
            network: network, kind: kind, interface: interface, clients: plan.clients, perSecond: plan.perSecond,
            before: Before(findings.before))
        gaps = zip(faults, findings.gaps).map { fault, gap in
            Gap(
                fault: fault.text, milliseconds: gap.milliseconds.map(Self.rounded),
                lastFrom: gap.lastFrom.map { "\($0)" }, firstFrom: gap.firstFrom.map { "\($0)" })
        }
        gapMilliseconds = findings.gapMilliseconds.map(Self.rounded)
        leases = findings.leases
        slowest = findings.slowest.map(Self.rounded)
        sentAgain = findings.sentAgain
        neverAnswered = findings.neverAnswered
        duplicates = log.duplicates.map { "\($0.address): \($0.macs.map(\.description).joined(separator: " and "))" }
        refused = log.refused
        released = log.released
        stall = Self.rounded(findings.stall)
        switch findings.verdict(kind, duplicates: log.duplicates.count) {
        case .kept: (outcome, reasons) = (.kept, [])
        case .broken(let sentences): (outcome, reasons) = (.broken, sentences)
        case .unclear(let sentences): (outcome, reasons) = (.unclear, sentences)
        }
    }

    /// To a tenth of a millisecond.
    fileprivate static func rounded(_ milliseconds: Double) -> Double { (milliseconds * 10).rounded() / 10 }
}

extension DrillReport.Before {
    fileprivate init(_ before: DrillFindings.Before) {
        self.init(
            leases: before.leases, leasesPerSecond: DrillReport.rounded(before.leasesPerSecond),
            offer: before.offer.map { .init($0) }, ack: before.ack.map { .init($0) },
            longestGap: DrillReport.rounded(before.longestGap), sentAgain: before.sentAgain)
    }
}

extension DrillReport.Spread {
    fileprivate init(_ spread: DrillFindings.Spread) {
        self.init(p50: DrillReport.rounded(spread.p50), p99: DrillReport.rounded(spread.p99))
    }
}
