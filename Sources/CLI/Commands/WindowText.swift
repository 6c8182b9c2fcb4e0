// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model

/// A table of all networks, then what the outage costs each; those that it costs the same together.
struct WindowText {
    let report: WindowReport
    let terminal: Terminal

    var lines: [String] {
        guard !report.networks.isEmpty else { return ["there are no networks"] }
        let outage = Self.time(report.outageSeconds)
        let what =
            report.storeIsShared
            ? "If the store were down for \(outage), with the nodes up:" : "If this machine were down for \(outage):"
        return [what, ""] + table.split(separator: "\n").map(String.init) + sections.flatMap { [""] + $0 }
    }

    private var table: String {
        let hasReserve = report.networks.contains { $0.reserveSeconds > 0 }
        var table = Table(
            ["NETWORK", "MODE", "LEASE"] + (hasReserve ? ["RESERVE"] : []) + ["BRIDGES", "FITS", "LEASE THAT WOULD DO"])
        table.rows = report.networks.map { network in
            let reserve = network.reserveSeconds > 0 ? Self.time(network.reserveSeconds) : ""
            return [network.network, network.mode, Self.time(network.leaseSeconds)] + (hasReserve ? [reserve] : [])
                + [
                    network.bridgedSeconds.map(Self.time) ?? "any", network.fits ? "yes" : "NO",
                    Self.lease(network),
                ]
        }
        return terminal.text(table) { row in
            report.networks[row].fits ? nil : .red
        }
    }

    private static func lease(_ network: WindowReport.Network) -> String {
        guard let needed = network.leaseSecondsNeeded, let advised = network.leaseSecondsAdvised else { return "any" }
        return needed == advised ? time(needed) : "\(time(needed)), better \(time(advised))"
    }

    private var sections: [[String]] {
        var groups: [(names: [String], sentences: [String])] = []
        for network in report.networks {
            let sentences = network.costs + [network.advice, network.availabilityReason].compactMap { $0 }
            if let index = groups.firstIndex(where: { $0.sentences == sentences }) {
                groups[index].names.append(network.network)
            } else {
                groups.append(([network.network], sentences))
            }
        }
        return groups.map { group in
            wrapped(printable(group.names.joined(separator: ", ")), first: "", rest: "  ").map {
                terminal.colored($0, .bold)
            } + group.sentences.flatMap { wrapped(printable($0), first: "  - ", rest: "    ") }
        }
    }

    private static func time(_ seconds: UInt32) -> String { RoughTime.text(seconds: Int64(seconds)) }
}
