// SPDX-License-Identifier: Apache-2.0

import APITypes

/// Where machines are sent, on one screen.
struct TargetsText {
    let report: TargetsReport
    let terminal: Terminal

    func lines(showsSteps: Bool) -> [String] {
        let client = report.mac.map { ", for \($0)" } ?? ""
        var lines = [printable("Seen from node \(report.node)\(client)"), ""] + nodes
        if !report.endpoints.isEmpty { lines += [""] + endpoints }
        if report.networks.isEmpty { lines += ["", "no networks"] }
        for network in report.networks { lines += [""] + self.network(network, showsSteps: showsSteps) }
        return lines
    }

    // MARK: Nodes and endpoints

    private var nodes: [String] {
        var table = Table(["NODE", "LOCATION", "TFTP", "HTTP", "STATE"])
        table.rows = report.nodes.map { [$0.name, $0.location ?? "", $0.tftp, $0.http, $0.absence ?? "a target"] }
        var lines = [String(terminal.text(table) { color(report.nodes[$0]) }.dropLast())]
        for node in report.nodes {
            lines += node.faults.flatMap { wrapped(printable("\(node.name): \($0)"), first: "", rest: "  ") }.map {
                terminal.colored($0, .yellow)
            }
        }
        return lines
    }

    private func color(_ node: TargetsReport.Node) -> Terminal.Color? {
        if node.tftp == "fails" || node.http == "fails" { return .red }
        return node.absence == nil ? nil : .yellow
    }

    private var endpoints: [String] {
        var table = Table(["ENDPOINT", "HEALTH", "FAULT"])
        table.rows = report.endpoints.map { [$0.url, $0.health, $0.fault ?? ""] }
        return [String(terminal.text(table) { report.endpoints[$0].health == "fails" ? .red : nil }.dropLast())]
    }

    // MARK: Networks

    private func network(_ network: TargetsReport.Network, showsSteps: Bool) -> [String] {
        let place = network.location.map { " in \($0)" } ?? ""
        let images = network.images.isEmpty ? "" : ", for \(network.images.joined(separator: ", "))"
        var lines = [terminal.colored(printable("Network \(network.name)\(place)\(images)"), .bold)]
        lines.append(printable("  loaders  \(network.tftp)"))
        for (index, base) in network.bases.enumerated() {
            lines.append(printable("  \(index == 0 ? "files  " : "  then ")  \(base)"))
        }
        if network.isLastResort {
            let text = "  No node qualifies: \(report.node) names itself, as the last resort."
            lines.append(terminal.colored(printable(text), .red))
        }
        var table = Table(["  ", "NODE", "ADDRESS", "WHY"])
        for (index, target) in network.targets.enumerated() {
            table.rows.append(["  \(index + 1)", target.node, target.address, target.reason])
        }
        table.rows += network.passedOver.map { ["  -", $0.node, "", "passed over: \($0.reason)"] }
        if !table.rows.isEmpty {
            let text = terminal.text(table) { $0 < network.targets.count ? nil : .yellow }
            lines.append(String(text.dropLast()))
        }
        return showsSteps ? lines + steps(network.steps) : lines
    }

    private func steps(_ steps: [ExplainReport.Step]) -> [String] {
        steps.isEmpty
            ? [] : ["", "  How it was found:"] + steps.flatMap { wrapped(Self.text($0), first: "  - ", rest: "    ") }
    }

    private static func text(_ step: ExplainReport.Step) -> String { printable("\(step.question): \(step.answer)") }
}
