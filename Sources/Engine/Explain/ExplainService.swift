// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model
import Wire

/// What a client would be answered, and why, without a packet and without a change.
public struct ExplainService: Sendable {
    private let engine: DHCPEngine
    private let cache: SiteCache
    private let interfaces: @Sendable () -> [InterfaceInfo]
    private let absence: @Sendable (_ contentName: String) -> String?

    /// `absence`: why there is nothing to serve under a content name; nil where there is.
    public init(
        engine: DHCPEngine, cache: SiteCache, interfaces: @escaping @Sendable () -> [InterfaceInfo],
        absence: @escaping @Sendable (_ contentName: String) -> String? = { _ in nil }
    ) {
        self.engine = engine
        self.cache = cache
        self.interfaces = interfaces
        self.absence = absence
    }

    public func explain(_ ask: ExplainRequest) throws(Problem) -> ExplainReport {
        let request = try ProbeRequest.make(ask)
        let arrival = try arrival(ask, request)
        let explanation = engine.explain(request, arrival, network: ask.network)
        var steps = explanation.steps.map { ExplainReport.Step(question: $0.question, answer: $0.answer) }
        if let place = steps.firstIndex(where: { $0.question == "environment" }),
            let missing = missingFiles(request, explanation)
        {
            steps.insert(.init(question: "files", answer: missing), at: place + 1)
        }
        let planned = explanation.verdict.planned
        return ExplainReport(
            steps: steps, verdict: Self.sentence(explanation.verdict), route: planned.map { Self.text($0.route) },
            reply: planned.map { Self.report($0.reply) },
            parameters: parameters(mac: request.mac, network: explanation.network))
    }

    /// The files of the environment that the machine would ask for in vain.
    private func missingFiles(_ request: DHCPRequest, _ explanation: DHCPEngine.Explanation) -> String? {
        guard let mac = request.mac, explanation.verdict.planned?.reply.bootFile.isEmpty == false else { return nil }
        let names = environment(mac, explanation.network)?.fileNames(for: FirmwareClass(request).architecture) ?? []
        let missing = names.compactMap { name in absence(name).map { "\(name) (\($0))" } }
        return missing.isEmpty ? nil : "MISSING, it cannot boot: " + missing.joined(separator: ", ")
    }

    /// How the packet would come in: through the relay, by the interface named, or by the one that a direct network
    /// stands on.
    private func arrival(_ ask: ExplainRequest, _ request: DHCPRequest) throws(Problem) -> Arrival {
        let all = interfaces()
        let chosen = ask.interface.map { name in all.first { $0.name == name } } ?? served(all, ask.network)
        if let name = ask.interface, chosen == nil {
            throw .invalid([FieldError(field: "interface", message: "this machine has no interface \(name)")])
        }
        let addresses = chosen?.addresses.map(\.address) ?? []
        let own = addresses.first ?? .any
        let isRelayed = !request.relayAddress.isAny
        return Arrival(
            interface: chosen?.name ?? "none", interfaceAddresses: addresses,
            source: isRelayed ? request.relayAddress : .any, sourcePort: isRelayed ? 67 : 68,
            destination: isRelayed ? own : .broadcast, port: 67)
    }

    private func served(_ all: [InterfaceInfo], _ network: String?) -> InterfaceInfo? {
        let networks = engine.networks.filter { network == nil || $0.name == network }
        return all.first { interface in
            networks.contains { network in
                network.interface == interface.name
                    || interface.addresses.contains { network.subnet(containing: $0.address) != nil }
            }
        } ?? all.first { !$0.isLoopback && !$0.addresses.isEmpty }
    }

    private static func sentence(_ verdict: Verdict) -> String {
        switch verdict {
        case .drop(let reason): "no answer: \(reason.explanation)"
        case .reply(let planned): name(planned)
        case .probe(let address, let planned): "\(name(planned)), once an ARP probe has shown that \(address) is free"
        case .commit(_, .some(let planned)): "\(name(planned)), once the lease is in the store"
        case .commit(_, nil): "no answer, but the lease is changed"
        }
    }

    private static func name(_ planned: PlannedReply) -> String {
        let type = planned.reply.messageType.map { "\($0)".uppercased() } ?? "BOOTREPLY"
        return planned.reply.yourAddress.isAny ? type : "\(type) of \(planned.reply.yourAddress)"
    }

    private static func text(_ route: ReplyRoute) -> String {
        switch route {
        case .unicast(let address, let port): "unicast to \(address):\(port)"
        case .broadcast(let port): "broadcast, port \(port)"
        case .linkLayer(let address, let mac, let port): "a frame to \(mac) with destination \(address):\(port)"
        }
    }

    private static func report(_ reply: DHCPReply) -> ExplainReport.Reply {
        let lines = reply.text.split(separator: "\n").map { line in String(line.drop { $0 == " " }) }
        let isOption: (String) -> Bool = { $0.first?.isNumber ?? false }
        return ExplainReport.Reply(
            fields: lines.filter { !isOption($0) }, options: lines.filter(isOption), bytesHex: hexText(reply.encode()))
    }

    /// What is called a secret is not repeated, not even to operators: explanations are pasted into tickets.
    private static func shown(_ parameter: ResolvedParameter) -> FieldValue {
        let isSecret = ["password", "secret", "token"].contains { parameter.name.lowercased().contains($0) }
        let isEmpty = parameter.winner.value == .string("")
        return isSecret && !isEmpty ? .string("(set, not shown)") : FieldValue(parameter.winner.value)
    }

    /// What the machine is to boot, or what the network gives to those that are not known.
    private func environment(_ mac: MACAddress, _ network: String?) -> BootEnvironment? {
        let machine = engine.machine(mac: mac)
        let unknown: String? =
            if case .environment(let name)? = network.flatMap({ cache.site.networks[$0]?.unknown }) { name } else {
                nil
            }
        return (machine == nil ? unknown : machine?.intent.environment).flatMap { cache.library.environments[$0] }
    }

    private func parameters(mac: MACAddress?, network: String?) -> [ExplainReport.Parameter] {
        guard let mac else { return [] }
        let site = cache.site
        let machine = engine.machine(mac: mac)
        let resolution = ParameterResolution(
            machine: machine, profiles: (machine?.profiles ?? []).compactMap { site.profiles[$0] },
            network: network.flatMap { site.networks[$0] }, global: site.parameters,
            environment: environment(mac, network))
        return resolution.list.map { parameter in
            let over = parameter.overridden.map { "\($0.source)" }.joined(separator: ", ")
            return ExplainReport.Parameter(
                name: parameter.name, value: Self.shown(parameter),
                from: "\(parameter.winner.source)" + (over.isEmpty ? "" : " (over \(over))"))
        }
    }
}

extension Verdict {
    /// The reply that goes out, at once or later.
    var planned: PlannedReply? {
        switch self {
        case .reply(let planned), .probe(_, let planned): planned
        case .commit(_, let planned): planned
        case .drop: nil
        }
    }
}
