// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// What the server is, beside the site: what every decision needs and no packet says.
public struct ServerFacts: Sendable {
    /// Server identifiers of the other nodes of this cluster: a REQUEST that names one is meant for us too.
    public var siblings: Set<IPv4Address> = []
    /// Where boot files come from.
    public var httpPort: UInt16
    /// Boot loaders that the content sets hold, by content name.
    public var loaders: Set<String> = []
    /// The nodes, and the endpoints, that boot data may name.
    public var targets = TargetTable()
    /// Makes the token that goes into a machine's boot URLs, for its intent; nil: URLs have none.
    public var mintToken: (@Sendable (MACAddress, _ intent: String, Instant) -> String)?

    public init(httpPort: UInt16) { self.httpPort = httpPort }
}

/// The decision about one request in one network. Pure: the same request, site, book and time give the same verdict.
public struct NetworkDecision {
    let request: DHCPRequest
    let arrival: Arrival
    let link: Link
    let site: CompiledSite
    let facts: ServerFacts
    /// Only a node that is up to bat may write dynamic addresses.
    let standing: Standing
    let now: Instant
    let trace: DecisionTrace?

    /// PXE boot servers listen here beside 67 (PXE 2.1, 2.2.3).
    public static let bootServerPort: UInt16 = 4011

    var network: Network { link.network }

    public init(
        request: DHCPRequest, arrival: Arrival, link: Link, site: CompiledSite, facts: ServerFacts, standing: Standing,
        now: Instant, trace: DecisionTrace? = nil
    ) {
        var request = request
        // RFC 3046 2.1: option 82 without a relay is a client's invention, but a renewing client sends it back.
        let isRenewal = arrival.isUnicast && !request.clientAddress.isAny
        if request.relayAddress.isAny, !isRenewal, request.options.contains(.relayAgentInformation) {
            request.options = request.options.removing(.relayAgentInformation)
        }
        self.request = request
        self.arrival = arrival
        self.link = link
        self.site = site
        self.facts = facts
        self.standing = standing
        self.now = now
        self.trace = trace
    }

    /// Holds an offered address in `book`; everything else that changes is in the verdict.
    public func decide(_ book: inout LeaseBook) -> Verdict {
        book.advance(to: now)
        guard request.hops <= Limits.bootpHopsMax else { return .drop(.tooManyHops) }
        guard let client = Client(request, compiled: link.compiled, site: site, trace: trace) else {
            return .drop(.noIdentity)
        }
        trace?.note(
            "message", "\(request.messageType.map { "\($0)" } ?? "BOOTP") in a \(network.mode.rawValue) network")
        if network.mode == .proxy || arrival.port == Self.bootServerPort { return decideProxy(client) }
        guard isAllowed(client) else { return .drop(.unknownMachine) }
        book.withhold(arrival.interfaceAddresses)
        book.withhold(facts.siblings)
        switch request.messageType {
        case .discover: return decideDiscover(client, &book)
        case .request: return decideRequest(client, &book)
        case .decline: return decideDecline(client, &book)
        case .release: return decideRelease(client, &book)
        case .inform: return decideInform(client)
        case nil: return decideBOOTP(client, &book)
        case .offer, .ack, .nak: return .drop(.notARequest)
        }
    }

    /// The policy for machines that no object names (rules/boot: ignore, lease only, or an environment).
    private func isAllowed(_ client: Client) -> Bool {
        if client.isKnown { return true }
        trace?.note("unknown machine", "\(network.unknown)")
        return network.unknown != .ignore
    }

    // MARK: What several messages share

    /// Option 54: the relay's override (RFC 5107), the network's own, or the address that the client reached us at.
    var serverIdentifier: IPv4Address {
        if let override = request.relayAgent?.serverIdentifierOverride { return override }
        return network.serverIdentifier ?? ReplyRouting.source(arrival: arrival, link: link)
    }

    private func noteServerIdentifier() {
        guard let trace else { return }
        let reason: String
        if request.relayAgent?.serverIdentifierOverride != nil {
            reason = "by the relay's override (82.11)"
        } else {
            switch network.serverIdentity {
            case .vip where arrival.interfaceAddresses.contains(serverIdentifier):
                reason = "the network's vip, which this node has now"
            case .vip:
                reason = "the network's vip, which the node up to bat has; this node does not have it now"
            case .address: reason = "the network's server-id"
            case .node: reason = "this node's own address, where the client reached it"
            }
        }
        trace.note("server identifier", "\(serverIdentifier), \(reason)")
    }

    func isOurs(_ identifier: IPv4Address) -> Bool {
        identifier == serverIdentifier || identifier == network.serverIdentifier
            // Clients that were given it while it was the network's server-id come back with it.
            || identifier == network.virtualAddress || arrival.interfaceAddresses.contains(identifier)
            || facts.siblings.contains(identifier)
    }

    /// What the client may have: its wish (option 51) within the network's bounds.
    var leaseSeconds: UInt32 {
        guard let wish = request.requestedLeaseSeconds else { return network.leaseSeconds }
        return min(max(wish, Limits.leaseSecondsMin), network.leaseSecondsMax)
    }

    func plan(
        _ type: DHCPMessageType, address: IPv4Address, leaseSeconds: UInt32?, client: Client
    ) -> PlannedReply {
        var reply = DHCPReply(to: request, type: type)
        reply.yourAddress = address
        if type == .ack { reply.clientAddress = request.clientAddress }
        let terms = ReplyOptions.Terms(serverIdentifier: serverIdentifier, leaseSeconds: leaseSeconds)
        ReplyOptions.fill(&reply, for: request, client: client, link: link, terms: terms)
        let noBoot = addBootData(to: &reply, client: client)
        let route =
            request.messageType == .inform
            ? ReplyRouting.informRoute(to: request, arrival: arrival)
            : ReplyRouting.route(for: &reply, to: request, arrival: arrival, network: network)
        noteServerIdentifier()
        trace?.note("reply", "\(type)".uppercased() + (address.isAny ? "" : " of \(address)"))
        return PlannedReply(
            reply: reply, route: route, source: ReplyRouting.source(arrival: arrival, link: link), noBoot: noBoot)
    }

    /// RFC 2131 table 3: a NAK carries 53, 54, 56, 61 and 82, and nothing else.
    func nak(_ reason: String) -> Verdict {
        noteServerIdentifier()
        trace?.note("refused", reason)
        var reply = DHCPReply(to: request, type: .nak)
        reply.options.append(.serverIdentifier, serverIdentifier)
        reply.options.append(.message, Array(reason.utf8.prefix(120)))
        ReplyOptions.echoIdentity(&reply, request: request, network: network)
        let route = ReplyRouting.route(for: &reply, to: request, arrival: arrival, network: network)
        return .reply(
            PlannedReply(reply: reply, route: route, source: ReplyRouting.source(arrival: arrival, link: link)))
    }

    /// The lease as it is to be written, and the ACK that it allows.
    func grant(_ address: IPv4Address, client: Client, _ book: inout LeaseBook) -> Verdict {
        if let silence = standing.silence { return .drop(silence) }
        let seconds = leaseSeconds
        // The client counts from its REQUEST, which may lie behind the whole second that the record begins with.
        let until = Instant(seconds: now.adding(milliseconds: 999).seconds + Int64(seconds))
        let lease = Lease(
            address: address, state: .bound, identity: client.identity, mac: client.mac, hostname: hostname(client),
            since: Instant(seconds: now.seconds), until: until,
            reservedUntil: reservedUntil(address, until: until, leaseSeconds: seconds, book))
        book.hold(address, for: client.identity, until: now.adding(seconds: Limits.offerHoldSeconds), now: now)
        return .commit(
            LeaseChange(network: network.name, lease: lease),
            then: plan(.ack, address: address, leaseSeconds: seconds, client: client))
    }

    /// G beyond `until`. Never sooner than the record before said: a node that has only that one may go by it still.
    private func reservedUntil(
        _ address: IPv4Address, until: Instant, leaseSeconds: UInt32, _ book: LeaseBook
    ) -> Instant {
        let wish = network.reserveSeconds ?? (book.isShared ? leaseSeconds : 0)
        guard wish > 0 || book.isShared else { return until }
        let reserve = Reserve.seconds(wish, free: book.freeCount, of: book.dynamicCount)
        trace?.note("reserve", "\(reserve) s beyond the lease, of \(wish) s: \(book.freeCount) addresses are free")
        let end = until.adding(seconds: reserve)
        guard book.isShared, let before = book.lease(at: address)?.reservedUntil else { return end }
        return max(end, before)
    }

    /// The operator's name for the client, else the client's own (option 12).
    private func hostname(_ client: Client) -> String {
        guard client.hostname.isEmpty else { return client.hostname }
        let octets = (request.options[.hostName] ?? []).prefix(Limits.hostnameBytesMax)
            .prefix { $0 > 0x20 && $0 < 0x7f }
        return String(decoding: octets, as: UTF8.self)
    }
}
