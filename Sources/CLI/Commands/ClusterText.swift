// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Model

/// A cluster on one screen: store, nodes, networks, and whether a failure would be safe.
struct ClusterText {
    let report: ClusterReport
    let terminal: Terminal

    /// More networks than this do not fit onto the screen; those in trouble come first.
    private static let networksShown = 24

    func lines(showsAll: Bool) -> [String] {
        let time = report.clusterTime.prefix(19).replacingOccurrences(of: "T", with: " ")
        var lines = ["Seen from node \(report.node) at \(time) UTC, revision \(report.revision)"].map(printable)
        if report.isCutOff {
            let text = "The store takes nothing from \(report.node): what it says of the others is old."
            lines.append(terminal.colored(printable(text), .red))
        }
        lines += store + [""] + nodes + [""] + networks(showsAll: showsAll) + [""] + verdict
        return lines
    }

    // MARK: Store

    private var store: [String] {
        let store = report.store
        let color: Terminal.Color? = !store.hasQuorum ? .red : store.survivesOneLoss ? nil : .yellow
        var lines = wrapped(printable(storeSentence), first: "Store  ", rest: "       ").map {
            terminal.colored($0, color)
        }
        lines += store.members.filter { !$0.reachable }.map {
            terminal.colored(printable("       \($0.name) (\($0.endpoint)) does not answer"), .red)
        }
        return lines
            + store.alarms.flatMap { wrapped(printable("alarm: \($0)"), first: "       ", rest: "         ") }
            .map { terminal.colored($0, .red) }
    }

    private var storeSentence: String {
        let store = report.store
        var parts = [store.engine]
        let answering = store.members.filter(\.reachable)
        if store.members.count > 1 { parts.append("\(answering.count) of \(store.members.count) members answer") }
        if !store.hasQuorum { parts.append("NO QUORUM") }
        if store.members.count > 1 {
            parts.append(store.members.first(where: \.leader).map { "\($0.name) leads" } ?? "no leader")
        }
        if store.hasQuorum { parts.append(store.survivesOneLoss ? "one may fail" : "none may fail") }
        let latencies = answering.compactMap(\.latencyMilliseconds)
        if let least = latencies.min(), let most = latencies.max() {
            let texts = [least, most].map { String(format: "%.1f", $0) }
            parts.append((texts[0] == texts[1] ? texts[0] : texts.joined(separator: "-")) + " ms")
        }
        if let size = answering.compactMap(\.sizeBytes).max() { parts.append(Self.size(size)) }
        return parts.joined(separator: ", ")
    }

    private static func size(_ bytes: Int64) -> String {
        bytes < 10 << 20 ? "\((bytes + 1_023) >> 10) KiB" : "\((bytes + (1 << 19)) >> 20) MiB"
    }

    // MARK: Nodes

    private var nodes: [String] {
        let hasVersions = Set(report.nodes.map(\.version)).count > 1
        let isDeaf = report.nodes.contains { !$0.deafNetworks.isEmpty }
        let header = ["NODE", "STATE", "UP", "SEEN", "LAG", "CLOCK", "PEER"] + (hasVersions ? ["VERSION"] : [])
        var table = Table(header + ["UP TO BAT FOR"] + (isDeaf ? ["DEAF IN"] : []))
        table.rows = report.nodes.map { node in
            let isAlive = node.life == "alive"
            var row = [node.name, Self.state(node), isAlive ? age(since: node.startedAt) : ""]
            row.append(node.name == report.node ? "here" : Self.seen(node.lastSeenMilliseconds))
            row += [String(node.lagRevisions), Self.offset(node.clockOffsetMilliseconds)]
            // A machine that has its store to itself speaks to nobody.
            row.append(node.peerAddress.hasPrefix("0.0.0.0:") ? "" : node.peerAddress)
            if hasVersions { row.append(node.version) }
            row.append(Self.names(node.networksHeld))
            if isDeaf { row.append(Self.names(node.deafNetworks)) }
            return row
        }
        return terminal.text(table) { color(report.nodes[$0]) }.split(separator: "\n").map(String.init)
    }

    private func color(_ node: ClusterReport.Node) -> Terminal.Color? {
        if node.life != "alive" { return node.life == "stopped" ? .yellow : .red }
        let isOff = node.clockOffsetMilliseconds.magnitude > Limits.clockOffsetMillisecondsMax.magnitude
        let isWell =
            node.intent == "serving" && node.deafNetworks.isEmpty && node.lagRevisions <= Limits.lagRevisionsMax
        return isWell && !isOff ? nil : .yellow
    }

    private static func state(_ node: ClusterReport.Node) -> String {
        node.life == "alive" && node.intent != "serving" ? node.intent : node.life
    }

    private static func seen(_ milliseconds: Int64) -> String {
        milliseconds < 1_000 ? "\(milliseconds) ms" : RoughTime.text(seconds: milliseconds / 1_000)
    }

    private static func offset(_ milliseconds: Int64) -> String {
        let sign = milliseconds < 0 ? "-" : "+"
        return milliseconds.magnitude < 1_000
            ? "\(sign)\(milliseconds.magnitude) ms"
            : sign + RoughTime.text(seconds: Int64(clamping: milliseconds.magnitude / 1_000))
    }

    /// From an ISO time to the cluster's own.
    private func age(since time: String?) -> String {
        guard let since = time.flatMap(Self.date), let now = Self.date(report.clusterTime) else { return "" }
        return RoughTime.text(seconds: Int64(max(0, now.timeIntervalSince(since))))
    }

    private static func date(_ text: String) -> Date? {
        (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle()))
    }

    /// "lab, room2"; "lab, room2 and 31 more"
    static func names(_ names: [String]) -> String {
        guard names.count > 3 else { return names.joined(separator: ", ") }
        return names.prefix(2).joined(separator: ", ") + " and \(names.count - 2) more"
    }

    // MARK: Networks

    private func networks(showsAll: Bool) -> [String] {
        guard !report.networks.isEmpty else { return ["no networks"] }
        let sorted = report.networks.sorted { (isWell($0) ? 1 : 0, $0.name) < (isWell($1) ? 1 : 0, $1.name) }
        let shown = showsAll ? sorted : Array(sorted.prefix(Self.networksShown))
        let hasPreferences = shown.contains { !$0.preferred.isEmpty }
        let hasVIPs = shown.contains { $0.vip != nil }
        let header = ["NETWORK", "MODE", "UP TO BAT", "FOR", "EPOCH", "WHY"]
        var table = Table(header + (hasVIPs ? ["VIP"] : []) + (hasPreferences ? ["PREFERRED"] : []))
        table.rows = shown.map { network in
            let isDynamic = network.mode == "dynamic"
            var holder = network.holder ?? (isDynamic ? "NOBODY" : "every node")
            if let desired = network.desired, isDynamic, desired != network.holder { holder += " -> \(desired)" }
            var row = [network.name, network.mode, holder, age(since: network.since)]
            row += [network.epoch.map { String($0) } ?? "", why(network)]
            if hasVIPs { row.append((network.vip ?? "") + (network.vipFault == nil ? "" : " MISSING")) }
            if hasPreferences { row.append(Self.names(network.preferred)) }
            return row
        }
        let lines = terminal.text(table) { isWell(shown[$0]) ? nil : shown[$0].holder == nil ? .red : .yellow }
            .split(separator: "\n").map(String.init)
        let more = sorted.count - shown.count
        let missing = shown.compactMap { network in
            network.vipFault.map { terminal.colored(printable("vip of \(network.name): \($0)"), .yellow) }
        }
        return (more > 0 ? lines + ["and \(more) more, which are well  (--all shows them)"] : lines) + missing
    }

    private func why(_ network: ClusterReport.Network) -> String {
        guard let holder = network.holder else { return network.mode == "dynamic" ? "nobody has taken it" : "" }
        let isCatchingUp = holder == report.node && !network.servingHere
        return (network.cause ?? "") + (isCatchingUp ? "; catching up" : "")
    }

    private func isWell(_ network: ClusterReport.Network) -> Bool {
        guard network.mode == "dynamic", network.vipFault == nil else { return network.vipFault == nil }
        guard let holder = network.holder, holder == network.desired ?? holder else { return false }
        guard holder != report.node || network.servingHere else { return false }
        return report.nodes.contains { $0.name == holder && $0.life == "alive" }
    }

    // MARK: Verdict

    /// Whether a failure would be safe, and what is missing.
    var verdict: [String] {
        guard !report.ready.safe else {
            let text = "Ready: the failure of any one node or store member would be survived."
            return [terminal.colored(text, .green)]
        }
        let head = terminal.colored("NOT READY: a failure right now would be felt.", .red)
        return [head] + report.ready.reasons.flatMap { wrapped(printable($0), first: "  - ", rest: "    ") }
    }
}
