// SPDX-License-Identifier: Apache-2.0

import APITypes
import CLI
import DHCPService
import Decisions
import Engine
import Model
import TFTPService

/// Whether each part can do its work, and the numbers of all of them.
struct Health: Sendable {
    let composition: Composition

    static let scopes = ["store", "dhcp", "tftp", "http", "api"]

    /// Nil for an unknown scope.
    func readiness(scope: String?) -> ReadinessReport? {
        if let scope, !Self.scopes.contains(scope) { return nil }
        var checks = (scope.map { [$0] } ?? Self.scopes).map(check)
        // With the address that clients know it by, DHCP would not be all there.
        if scope == nil || scope == "dhcp", let vip = composition.vips.readiness { checks.append(vip) }
        return ReadinessReport(ready: checks.allSatisfy(\.ready), checks: checks)
    }

    private func check(_ scope: String) -> ReadinessReport.Check {
        switch scope {
        case "store": store
        case "dhcp": dhcp
        case "tftp": tftp
        case "http": http
        default: .init(name: scope, ready: true, text: "answering")
        }
    }

    private var store: ReadinessReport.Check {
        switch composition.engine.storeHealth {
        case .unknown: .init(name: "store", ready: true, text: "open; nothing written yet")
        case .working: .init(name: "store", ready: true, text: "takes writes")
        case .failing(let reason): .init(name: "store", ready: false, text: reason)
        }
    }

    private var dhcp: ReadinessReport.Check {
        guard !composition.engine.networks.isEmpty else {
            return .init(name: "dhcp", ready: true, text: "silent: no network is configured")
        }
        let states = composition.dhcp.snapshot.filter { $0.state != .removed }
        let isServing = states.contains { if case .serving = $0.state { true } else { false } }
        let text = states.map { "\($0.name): \($0.state)" }.joined(separator: "; ")
        return .init(
            name: "dhcp", ready: isServing,
            text: states.isEmpty ? "no interface stands on a configured network" : text)
    }

    private var tftp: ReadinessReport.Check {
        guard composition.configuration.tftp.enabled else {
            return .init(name: "tftp", ready: true, text: "switched off")
        }
        let port = composition.configuration.tftp.port
        guard composition.tftp.port != nil else {
            return .init(name: "tftp", ready: false, text: "port \(port) is not open")
        }
        return own("tftp", .tftp, port: port)
    }

    private var http: ReadinessReport.Check { own("http", .http, port: composition.configuration.http.port) }

    /// What this node found when it asked itself for a file.
    private func own(_ name: String, _ use: TargetUse, port: UInt16) -> ReadinessReport.Check {
        let (health, fault) = composition.content.targets.ownHealth(use)
        let reason = fault.map { ": \($0)" } ?? ""
        return switch health {
        case .works: .init(name: name, ready: true, text: "port \(port): serves")
        case .unknown: .init(name: name, ready: true, text: "port \(port): not looked at yet")
        case .off: .init(name: name, ready: true, text: "switched off")
        case .fails: .init(name: name, ready: false, text: "port \(port) does not serve\(reason)")
        }
    }

    var metrics: String {
        var list = composition.engine.metrics
        for counter in composition.tftp.counters {
            list.append(
                Metric(
                    counter.name, help: counter.help, isCounter: counter.kind == .counter,
                    labels: counter.labels.map { ($0.name, $0.value) }, Double(counter.value)))
        }
        for status in composition.dhcp.snapshot { list += Self.metrics(status) }
        return Prometheus.text(list)
    }

    private static func metrics(_ status: DHCPInterfaceStatus) -> [Metric] {
        let counts = status.counts
        func metric(_ name: String, _ help: String, _ value: Int, _ label: (String, String)? = nil) -> Metric {
            Metric(
                "ondeck_dhcp_\(name)", help: help, labels: [("interface", status.name)] + (label.map { [$0] } ?? []),
                Double(value))
        }
        return [
            metric("received_total", "Datagrams received.", counts.received),
            metric("dropped_total", "Datagrams dropped before a decision.", counts.stale, ("reason", "stale")),
            metric("dropped_total", "", counts.superseded, ("reason", "superseded")),
            metric("dropped_total", "", counts.undecodableTotal, ("reason", "undecodable")),
            metric("dropped_total", "", counts.tooLong, ("reason", "too-long")),
            metric("dropped_total", "", counts.overflowed, ("reason", "overflowed")),
            metric("sent_total", "Replies sent, by way.", counts.sentUnicast, ("route", "unicast")),
            metric("sent_total", "", counts.sentBroadcast, ("route", "broadcast")),
            metric("sent_total", "", counts.sentLinkLayer, ("route", "link-layer")),
            metric("unsent_total", "Replies that the kernel refused.", counts.unsentTotal),
            metric("probes_total", "Conflict probes, by result.", counts.probesFree, ("result", "free")),
            metric("probes_total", "", counts.probesConflicting, ("result", "conflict")),
            metric("probes_total", "", counts.probesSkipped, ("result", "skipped")),
        ]
    }
}
