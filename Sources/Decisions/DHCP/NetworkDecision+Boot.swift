// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// Boot data beside an address, and boot data alone (proxy mode and port 4011).
extension NetworkDecision {
    /// Adds what the client boots. The reason, where it is a boot client and is told of nothing.
    func addBootData(to reply: inout DHCPReply, client: Client) -> NoBoot? {
        switch bootAnswer(.lease, client) {
        case .loader(let boot), .script(let boot): boot.apply(to: &reply)
        case .none(.notABootClient): break
        case .none(let reason): return reason
        }
        return nil
    }

    private func bootAnswer(_ exchange: BootExchange, _ client: Client) -> BootAnswer {
        let status = client.machine.flatMap { site.statuses[$0.name] }
        let permission = BootGate.permission(
            machine: client.machine, network: network, status: status, now: now,
            isReserved: client.reservation != nil)
        let environment =
            if case .boot(let name, _) = permission { site.environments[name] } else { nil as BootEnvironment? }
        let own = ReplyRouting.source(arrival: arrival, link: link)
        var question = BootQuestion(
            request: request, exchange: exchange, permission: permission, network: network, environment: environment,
            endpoint: BootEndpoint(address: network.bootServer ?? own, httpPort: facts.httpPort),
            loaders: facts.loaders)
        if question.firmware != .none, permission.sendsSomewhere, facts.targets.isConsulted(for: network) {
            question.endpoint = endpoint(own: own, environment: environment?.name)
        }
        if let mint = facts.mintToken, let mac = request.mac {
            let (intent, now) = (BootGate.tokenIntent(client.machine), now)
            question.mintToken = { mint(mac, intent, now) }
        }
        var steps: [BootStep]? = trace == nil ? nil : []
        let answer = BootDecision.decide(question, trace: &steps)
        for step in steps ?? [] { trace?.note(step.question, step.answer) }
        return answer
    }

    /// Where the client is sent: the same for its OFFER and its ACK, and for every node that answers it.
    private func endpoint(own: IPv4Address, environment: String?) -> BootEndpoint {
        var question = EndpointQuestion(
            network: network, table: facts.targets, own: own, httpPort: facts.httpPort, key: request.mac?.bits ?? 0)
        question.environment = environment
        question.isTraced = trace != nil
        if trace == nil { question.basesMax = 1 }
        let answer = EndpointResolver.resolve(question)
        for step in answer.steps { trace?.note(step.question, step.answer) }
        return answer.endpoint
    }

    /// Another server hands out addresses here. On port 67 PXE clients get an offer without one, at once; on 4011 they
    /// get the boot file. Nobody gets a NAK: it would take the other server's address away.
    func decideProxy(_ client: Client) -> Verdict {
        guard request.options.contains(.vendorClass), FirmwareClass(request) != .none else {
            return .drop(arrival.port == Self.bootServerPort ? .bootPortOnly : .proxyNotPXE)
        }
        switch (request.messageType, arrival.port == Self.bootServerPort) {
        case (.discover, false): return planBoot(.offer, .proxyOffer, client)
        case (.request, true), (.inform, true), (.discover, true): return planBoot(.ack, .bootServer, client)
        case (.request, false): return .drop(.proxyOtherServer)
        default: return .drop(.proxyNotPXE)
        }
    }

    private func planBoot(_ type: DHCPMessageType, _ exchange: BootExchange, _ client: Client) -> Verdict {
        guard let boot = bootAnswer(exchange, client).reply else { return .drop(.proxyNoBootFile) }
        var reply = DHCPReply(to: request, type: type)
        // Without option 54 some ROMs broadcast their request to port 4011.
        reply.options.append(.serverIdentifier, serverIdentifier)
        ReplyOptions.echoIdentity(&reply, request: request, network: network)
        boot.apply(to: &reply)
        let source = ReplyRouting.source(arrival: arrival, link: link)
        guard exchange == .bootServer else {
            let route = ReplyRouting.route(for: &reply, to: request, arrival: arrival, network: network)
            return .reply(PlannedReply(reply: reply, route: route, source: source))
        }
        reply.clientAddress = request.clientAddress
        let client = request.clientAddress.isAny ? arrival.source : request.clientAddress
        let route: ReplyRoute =
            client.isAny
            ? .broadcast(port: ReplyRouting.clientPort) : .unicast(to: client, port: arrival.sourcePort)
        return .reply(PlannedReply(reply: reply, route: route, source: source))
    }
}

extension BootPermission {
    /// Whether a client that has it is told of a server.
    fileprivate var sendsSomewhere: Bool {
        switch self {
        case .boot, .hold: true
        case .local, .refuse: false
        }
    }
}
