// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model
import Synchronization

/// A client that asks by HTTP or TFTP.
public struct EndpointAsk: Sendable {
    /// Nil: the path names none.
    public var mac: MACAddress?
    /// Where it asks from: the real client, not a proxy. Nil: not known.
    public var client: IPv4Address?
    /// The address that it reached this node at.
    public var local: IPv4Address
    /// How an HTTP request came; nil for TFTP.
    public var web: EndpointQuestion.Web?

    public init(
        mac: MACAddress?, client: IPv4Address?, local: IPv4Address, web: EndpointQuestion.Web? = nil
    ) {
        self.mac = mac
        self.client = client
        self.local = local
        self.web = web
    }
}

extension TargetService {
    /// Where this client should go on, as DHCP would tell it now.
    public func endpoint(_ ask: EndpointAsk) -> BootEndpoint {
        let table = table
        let (network, environment) = engine.bootClient(mac: ask.mac, address: ask.client)
        let place = network ?? Network(name: "")
        guard ask.web != nil || table.isConsulted(for: place) else {
            return BootEndpoint(address: ask.local, httpPort: settings.httpPort)
        }
        // Behind a proxy the local address is the proxy's way, not the client's.
        let own = ask.web?.forwardedBase == nil ? ask.local : .any
        var question = EndpointQuestion(
            network: place, table: table, own: own, httpPort: settings.httpPort, key: ask.mac?.bits ?? 0)
        question.environment = environment
        question.web = ask.web
        return EndpointResolver.resolve(question).endpoint
    }

    /// The nodes for one client's files of an image; nil: for its script.
    public func targets(network: Network, mac: MACAddress?, image: String?) -> TargetVerdict {
        let targets = table.targets(in: network, images: image.map { [$0] } ?? [], own: .any)
        return TargetRanking.rank(targets, key: mac?.bits ?? 0, location: network.location)
    }

    /// Whether this node's own service works, and what is wrong with it; for readiness.
    public func ownHealth(_ use: TargetUse) -> (health: ServiceHealth, fault: String?) {
        let (node, faults) = state.withLock { state in
            (state.table.nodes.first(where: \.isSelf), state.faults[settings.node] ?? [])
        }
        let prefix = "\(use.rawValue): "
        let fault = faults.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        return ((use == .tftp ? node?.tftp : node?.http) ?? .unknown, fault)
    }

    // MARK: Reports

    /// For every network, or for one, where a client would be sent now. `mac` nil: any client that boots nothing in
    /// particular.
    public func report(network named: String?, mac text: String?) throws(Problem) -> TargetsReport {
        let mac = text.flatMap { MACAddress($0) }
        if let text, mac == nil {
            let message = "expected a MAC address such as 52:54:00:12:34:56, got \"\(text)\""
            throw .invalid([FieldError(field: "mac", message: message)])
        }
        let networks = engine.networks.filter { named == nil || $0.name == named }.sorted { $0.name < $1.name }
        if let named, networks.isEmpty { throw .notFound("network \(named)") }
        let (table, faults, health) = state.withLock { ($0.table, $0.faults, $0.endpointHealth) }
        return TargetsReport(
            node: settings.node, mac: mac.map { "\($0)" }, nodes: nodes(table, faults),
            endpoints: health.sorted { $0.key < $1.key }.map { url, health in
                TargetsReport.Endpoint(url: url, health: health.rawValue, fault: table.failing[url])
            },
            networks: networks.map { report($0, mac: mac, table) })
    }

    private func nodes(_ table: TargetTable, _ faults: [String: [String]]) -> [TargetsReport.Node] {
        let silence = Dictionary(
            calls.views().map { ($0.beat.run.node, $0.silentMilliseconds) }, uniquingKeysWith: { a, _ in a })
        return table.nodes.map { node in
            let seconds = (silence[node.name] ?? 0) / 1_000
            let suffix = node.absence == TargetFacts.silent && seconds > 0 ? ", for \(seconds) s" : ""
            return TargetsReport.Node(
                name: node.name, location: node.location, absence: node.absence.map { $0 + suffix },
                tftp: node.tftp.rawValue, http: node.http.rawValue, faults: faults[node.name] ?? [])
        }
    }

    private func report(_ network: Network, mac: MACAddress?, _ table: TargetTable) -> TargetsReport.Network {
        let environment = engine.bootClient(mac: mac, address: nil, network: network.name).environment
        var question = EndpointQuestion(
            network: network, table: table, own: .any, httpPort: settings.httpPort, key: mac?.bits ?? 0)
        question.environment = environment
        question.isTraced = true
        let answer = EndpointResolver.resolve(question)
        let isConsulted = table.isConsulted(for: network)
        let verdict = answer.verdict ?? TargetVerdict()
        return TargetsReport.Network(
            name: network.name, location: network.location, images: table.images(environment, use: .http),
            tftp: isConsulted || network.bootServer != nil ? "\(answer.tftp)" : "the address that the client reached",
            bases: answer.bases,
            targets: verdict.ranked.map {
                TargetsReport.Target(
                    node: $0.name, address: "\($0.address)",
                    reason: verdict.isLastResort ? "nobody qualifies" : $0.standing(location: network.location))
            },
            passedOver: verdict.passedOver.map { TargetsReport.PassedOver(node: $0.node.name, reason: $0.reason) },
            isLastResort: verdict.isLastResort,
            steps: answer.steps.map { ExplainReport.Step(question: $0.question, answer: $0.answer) })
    }

    // MARK: Timeline

    /// Who is no longer named, who is again, and which endpoints have failed or come back.
    func tell(_ table: TargetTable, before: TargetTable) {
        for (url, fault) in table.failing where before.failing[url] == nil {
            timeline.add(Event(.boot, .warning, .text("endpoint \(url) is no longer named to machines: \(fault)")))
        }
        for url in before.failing.keys where table.failing[url] == nil {
            timeline.add(Event(.boot, .info, .text("endpoint \(url) is named to machines again")))
        }
        // Who stops sees the others go, or thinks so, and has nobody to tell.
        let isServing = calls.views().contains { $0.beat.run.node == settings.node && $0.beat.intent == .serving }
        guard table.isShared, isServing else { return }
        let old = Dictionary(before.nodes.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
        for node in table.nodes {
            let (reason, reasonBefore) = (Self.fault(node), old[node.name].flatMap(Self.fault))
            guard old[node.name] != nil, (reason == nil) != (reasonBefore == nil) else { continue }
            if let reason {
                timeline.add(
                    Event(.boot, .warning, .text("\(node.name) is no longer named to machines: \(reason)")))
            } else {
                timeline.add(Event(.boot, .info, .text("\(node.name) is named to machines again")))
            }
        }
    }

    private static func fault(_ node: TargetTable.Node) -> String? {
        if let absence = node.absence { return absence }
        if node.http == .fails { return "its http fails" }
        return node.tftp == .fails ? "its tftp fails" : nil
    }
}
