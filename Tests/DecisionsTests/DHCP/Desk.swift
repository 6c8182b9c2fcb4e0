// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Wire

/// A server without a socket or a store: packets go in, verdicts come out, commits are taken in at once.
final class Desk {
    var site = Site()
    var books: [String: LeaseBook] = [:]
    var now = Instant(seconds: 1_800_000_000)
    var standing = Standing.upToBat
    /// Whether other nodes have the leases too.
    let isShared: Bool
    /// The store's, counted up by every commit.
    var revision: Int64 = 0
    var siblings: Set<IPv4Address> = []
    var interface = "eth1"
    /// The UDP port that relayed packets come from.
    var relaySourcePort: UInt16 = 67
    var ownAddress = IPv4Address("10.1.0.1")!
    /// What the interface has besides.
    var furtherAddresses: [IPv4Address] = []

    /// One direct network, "rack", 10.1.0.0/24, on which we are 10.1.0.1.
    init(isShared: Bool = false, _ change: (inout Network) -> Void = { _ in }) {
        self.isShared = isShared
        var network = Network(name: "rack")
        var subnet = Subnet(subnet: IPv4Subnet("10.1.0.0/24")!)
        subnet.pools = [IPv4Range("10.1.0.100-10.1.0.109")!]
        network.subnets = [subnet]
        network.unknown = .lease
        network.probe = false
        change(&network)
        site.set(.network(network))
        rebuild()
    }

    func add(_ object: SiteObject) {
        site.set(object)
        rebuild()
    }

    private func rebuild() {
        for network in site.networks.values {
            let reserved = site.reservations.values.filter { $0.network == network.name }.map(\.address)
            if books[network.name] == nil {
                books[network.name] = LeaseBook(network: network, reserved: reserved, isShared: isShared)
            }
            books[network.name]?.reconfigure(network: network, reserved: reserved, now: now)
        }
    }

    func wait(seconds: Int64) { now = now.adding(seconds: seconds) }

    /// The verdict about a packet, and what the store and the link would do with it.
    func receive(_ packet: DHCPRequest, to destination: IPv4Address = .broadcast, port: UInt16 = 67) -> Verdict {
        let verdict = decide(packet, to: destination, port: port)
        if case .commit(let change, _) = verdict { write(change) }
        return verdict
    }

    /// What a commit does: the record is in the store, and in this node's book.
    func write(_ change: LeaseChange) {
        revision += 1
        books[change.network]?.record(change.lease, revision: revision, now: now)
    }

    /// What the feed does on another node: it takes in what this one has.
    func follow(_ other: Desk) {
        revision = other.revision
        for (name, book) in other.books {
            for lease in book.allLeases { books[name]?.record(lease, revision: revision, now: now) }
        }
    }

    /// The verdict alone: the lease is not written.
    func decide(
        _ packet: DHCPRequest, to destination: IPv4Address = .broadcast, port: UInt16 = 67,
        trace: DecisionTrace? = nil
    ) -> Verdict {
        let source = packet.relayAddress.isAny ? packet.clientAddress : packet.relayAddress
        let arrival = Arrival(
            interface: interface, interfaceAddresses: [ownAddress] + furtherAddresses, source: source,
            sourcePort: packet.relayAddress.isAny ? 68 : relaySourcePort,
            destination: packet.relayAddress.isAny ? destination : ownAddress, port: port)
        let compiled = CompiledSite(site: site, environments: site.environments, statuses: [:])
        guard let link = SubnetSelection.link(for: packet, arrival: arrival, site: compiled, trace: nil) else {
            return .drop(.noNetwork)
        }
        var facts = ServerFacts(httpPort: 8080)
        facts.siblings = siblings
        let decision = NetworkDecision(
            request: packet, arrival: arrival, link: link, site: compiled, facts: facts, standing: standing,
            now: now, trace: trace)
        return decision.decide(&books[link.network.name, default: LeaseBook(network: link.network, reserved: [])])
    }

    /// DISCOVER, REQUEST, ACK: the address that the client has then; nil when anything else happens.
    func bind(_ client: TestClient) -> IPv4Address? {
        guard let offer = receive(client.discover()).reply else { return nil }
        let ack = receive(client.request(offer.yourAddress, from: ownAddress)).reply
        return ack?.messageType == .ack ? ack?.yourAddress : nil
    }
}

/// A client that sends what the RFC says.
struct TestClient {
    var mac: MACAddress
    var transactionID: UInt32 = 1
    var options: [(DHCPOptionCode, [UInt8])] = []
    var relay: IPv4Address = .any
    var flags: UInt16 = 0

    init(_ number: Int) { mac = MACAddress(bits: 0x0200_0000_0000 + UInt64(number)) }

    private func packet(_ type: DHCPMessageType?) -> DHCPRequest {
        var packet = DHCPRequest(hardware: ClientHardware(mac: mac))
        packet.transactionID = transactionID
        packet.messageType = type
        packet.relayAddress = relay
        packet.flags = flags
        packet.options = DHCPOptions(options)
        return packet
    }

    func discover(wishing address: IPv4Address? = nil) -> DHCPRequest {
        var packet = packet(.discover)
        if let address { packet.options.append(.requestedAddress, address) }
        return packet
    }

    /// SELECTING
    func request(_ address: IPv4Address, from server: IPv4Address) -> DHCPRequest {
        var packet = packet(.request)
        packet.options.append(.requestedAddress, address)
        packet.options.append(.serverIdentifier, server)
        return packet
    }

    func reboot(_ address: IPv4Address) -> DHCPRequest {
        var packet = packet(.request)
        packet.options.append(.requestedAddress, address)
        return packet
    }

    /// RENEWING when it is sent to the server, REBINDING when it is broadcast.
    func extend(_ address: IPv4Address) -> DHCPRequest {
        var packet = packet(.request)
        packet.clientAddress = address
        return packet
    }

    func decline(_ address: IPv4Address, to server: IPv4Address) -> DHCPRequest {
        var packet = packet(.decline)
        packet.options.append(.requestedAddress, address)
        packet.options.append(.serverIdentifier, server)
        return packet
    }

    func release(_ address: IPv4Address, to server: IPv4Address) -> DHCPRequest {
        var packet = packet(.release)
        packet.clientAddress = address
        packet.options.append(.serverIdentifier, server)
        return packet
    }

    func inform(_ address: IPv4Address) -> DHCPRequest {
        var packet = packet(.inform)
        packet.clientAddress = address
        return packet
    }

    func bootp() -> DHCPRequest { packet(nil) }
}

extension Verdict {
    var planned: PlannedReply? {
        switch self {
        case .reply(let planned), .probe(_, let planned): planned
        case .commit(_, let planned): planned
        case .drop: nil
        }
    }
    var reply: DHCPReply? { planned?.reply }
    var type: DHCPMessageType? { reply?.messageType }
    var dropped: DropReason? { if case .drop(let reason) = self { reason } else { nil } }
    var committed: Lease? { if case .commit(let change, _) = self { change.lease } else { nil } }
}

func address(_ text: String) -> IPv4Address { IPv4Address(text)! }
