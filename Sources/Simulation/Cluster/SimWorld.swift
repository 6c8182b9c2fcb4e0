// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import Ports
import Wire

/// A whole cluster, its store, its clients and everything that goes wrong between them, on one thread and without real
/// time: the same options give the same history.
public final class SimWorld: @unchecked Sendable {
    let options: SimOptions
    private(set) var now: SimTime = 0
    private var queue = SimQueue()
    var random: SimRandom
    var history = SimHistory()
    var counts = SimCounts()
    var links: SimLinks
    let store = SimQuorumStore()
    var site = SimSite()
    private(set) var nodes: [SimNode] = []
    private(set) var clients: [SimClient] = []
    private var clientByMAC: [MACAddress: Int] = [:]
    private(set) var auditor: SimAuditor!
    /// Faults that last: how many of each kind are going on.
    var raging: [SimFaultKind: Int] = [:]
    private var declines = 0

    public static func run(_ options: SimOptions) -> SimOutcome {
        let world = SimWorld(options)
        world.prepare()
        world.play()
        return SimOutcome(
            options: options, violation: world.auditor.violation, digest: world.history.digest, counts: world.counts)
    }

    private init(_ options: SimOptions) {
        self.options = options
        random = SimRandom(seed: options.seed, purpose: "world")
        links = SimLinks(nodes: options.nodes)
        history.isVerbose = options.isVerbose
    }

    private func prepare() {
        auditor = SimAuditor(world: self)
        var people = SimRandom(seed: options.seed, purpose: "people")
        nodes = (0..<options.nodes).map { SimNode(index: $0, world: self, random: &people) }
        for index in 0..<options.clients {
            // Of twenty: nine beside the nodes, nine behind the relay, two in the network of bindings.
            let network = index % 20 < 9 ? SimSite.direct : index % 20 < 18 ? SimSite.relayed : SimSite.bindings
            clients.append(SimClient(index: index, network: network, world: self, random: &people))
            clientByMAC[clients[index].mac] = index
        }
        var objects: [SiteObject] = SimSite.all.map { .network(SimSite.network($0, pool: pool($0))) }
        for client in clients where client.network == SimSite.bindings || client.index % 10 == 3 {
            objects.append(.reservation(reservation(for: client)))
        }
        configure(objects)
        for node in nodes { at(people.between(0, 4_000)) { node.start() } }
        for client in clients {
            client.start(after: people.between(0, 20_000))
            if options.faults.contains(.unrest) { unrest(client) }
        }
        SimFaults(world: self).plan()
    }

    /// Room for everybody, and for what those leave behind who were replaced or have declined.
    func pool(_ network: String) -> Int { clients.count { $0.network == network } * 3 / 2 + 12 }

    func reservation(for client: SimClient) -> Reservation {
        Reservation(
            network: client.network, address: SimSite.address(client.network, 10 + client.index % 80),
            identity: .mac(client.mac))
    }

    private func play() {
        while let next = queue.nextAt, next <= options.endsAt, auditor.violation == nil {
            guard let event = queue.pop() else { break }
            now = event.at
            event.body()
            counts.events += 1
        }
        guard auditor.violation == nil else { return }
        now = options.endsAt
        if !options.restoresStore { auditor.checkEnd() }
    }

    // MARK: Time

    func at(_ time: SimTime, _ body: @escaping () -> Void) { queue.add(at: max(time, now), body) }
    func after(_ delay: SimTime, _ body: @escaping () -> Void) { at(now + delay, body) }

    func say(_ subject: SimSubject, _ facts: [UInt64], _ text: @escaping @autoclosure () -> String) {
        history.add(at: now, subject, facts: facts, text())
    }

    // MARK: Chance

    var isCalm: Bool { now >= options.calmFrom }
    var isUnrestful: Bool { options.faults.contains(.unrest) && !isCalm }

    /// Now and then things are lost; much more while a fault of the kind rages.
    func isLost(_ kind: SimFaultKind, perMille: Int) -> Bool {
        guard options.faults.contains(kind), !isCalm else { return false }
        return random.chance(perMille: raging[kind] ?? 0 > 0 ? 300 : perMille)
    }

    func packetDelay() -> SimTime {
        guard isLost(.packetDelay, perMille: 20) else { return random.between(0, 2) }
        return random.skewed(2, 2_500)
    }

    func storeDelay() -> SimTime {
        if store.slow > 0 { return random.skewed(50, 5_000) }
        return random.between(0, 3)
    }

    func feedDelay() -> SimTime { store.slow > 0 ? random.skewed(5, 2_000) : random.between(0, 4) }

    // MARK: Packets

    /// A client's packet: to everybody on its link, or by unicast to the node that has the address.
    func send(_ request: DHCPRequest, from client: SimClient, to server: IPv4Address?) {
        say(
            SimSubject(network: client.network, address: client.holding?.address, client: client.index),
            [40, UInt64(client.index), UInt64(request.transactionID), UInt64(request.messageType?.rawValue ?? 0)],
            "\(client.name) \(Self.text(request))\(server.map { " to \($0)" } ?? "")")
        guard !isLost(.packetLoss, perMille: 10) else { return }
        var request = request
        if server == nil, SimSite.isRelayed(client.network) {
            request.relayAddress = SimSite.relay(client.network)
            request.hops = 1
        }
        for node in nodes {
            if let server, server != SimSite.nodeAddress(node.index, client.network) { continue }
            repeat {
                deliver(request, from: client, to: node, isUnicast: server != nil)
            } while isLost(.packetRepeat, perMille: 10)
        }
    }

    private func deliver(_ request: DHCPRequest, from client: SimClient, to node: SimNode, isUnicast: Bool) {
        guard !isLost(.packetLoss, perMille: 5) else { return }
        let network = client.network
        let source = isUnicast ? request.clientAddress : request.relayAddress
        after(packetDelay()) { [self] in
            guard links.isUp(.clients(network), node.place) else { return }
            node.receive(request, network: network, isUnicast: isUnicast, from: source)
        }
    }

    func replySent(_ outgoing: OutgoingReply, by node: SimNode, _ process: SimProcess) {
        let reply = outgoing.planned.reply
        guard let mac = reply.hardware.mac, let index = clientByMAC[mac] else { return }
        let client = clients[index]
        say(
            SimSubject(
                network: client.network, address: reply.yourAddress.isAny ? nil : reply.yourAddress, client: index),
            [
                41, UInt64(node.index), UInt64(index), UInt64(reply.transactionID),
                UInt64(reply.messageType?.rawValue ?? 0),
            ],
            "\(node.name) -> \(client.name) \(Self.text(reply))")
        // Its address may have become another machine's.
        guard client.mac == mac else { return }
        auditor.replySent(reply, to: client, by: node, process)
        repeat {
            guard !isLost(.packetLoss, perMille: 10) else { continue }
            after(packetDelay()) { [self] in
                if links.isUp(node.place, .clients(client.network)), client.mac == mac { client.receive(reply) }
            }
        } while isLost(.packetRepeat, perMille: 10)
    }

    private static func text(_ request: DHCPRequest) -> String {
        let type = request.messageType.map { "\($0)".uppercased() } ?? "BOOTP"
        let current = request.clientAddress.isAny ? "" : " ciaddr \(request.clientAddress)"
        let wish = request.requestedAddress.map { " wants \($0)" } ?? ""
        return "\(type)\(current)\(wish)\(request.serverIdentifier.map { " of \($0)" } ?? "")"
    }

    private static func text(_ reply: DHCPReply) -> String {
        let type = reply.messageType.map { "\($0)".uppercased() } ?? "BOOTP"
        let why = reply.options[.message].map { ": " + String(decoding: $0, as: UTF8.self) } ?? ""
        return "\(type) \(reply.yourAddress)\(reply.options.uint32(.leaseTime).map { " \($0) s" } ?? "")\(why)"
    }

    // MARK: Clients

    func clientChanged(_ client: SimClient) { clientByMAC[client.mac] = client.index }

    /// A declined address is kept from everybody for longer than a history lasts: the pool bears only a few.
    func mayDecline(_ client: SimClient) -> Bool {
        guard declines < 6, !site.isReserved(client.holding?.address ?? .any, for: client.mac) else { return false }
        declines += 1
        return true
    }

    private func unrest(_ client: SimClient) {
        after(random.skewed(10_000, 1_200_000)) { [self] in
            guard !isCalm else { return }
            client.disturb()
            unrest(client)
        }
    }

    // MARK: The store

    /// What an operator writes, by whichever way: it is in the store at once.
    func configure(_ objects: [SiteObject]) {
        guard let revision = write(objects.map { SimSite.write($0) }) else { return }
        site.took(objects, at: revision)
    }

    @discardableResult func write(_ writes: [StoreWrite]) -> Revision? {
        guard case .success(let revision) = store.commit(StoreBatch(writes: writes)) else { return nil }
        for write in writes { say(.everybody, [50, UInt64(revision.value)], "operator writes \(write.key)") }
        spread(StoreChange(revision: revision, writes: writes))
        return revision
    }

    func commit(_ batch: StoreBatch, by run: NodeRun) -> Result<Revision, StoreError> {
        let networks = Set(batch.writes.compactMap { StoreKeys.leaseNetwork($0.key) }).sorted()
        // As they are before this batch, which may change them.
        let terms = networks.map { ($0, store.term($0)) }
        let result = store.commit(batch)
        guard case .success(let revision) = result else {
            counts.conflicts += 1
            return result
        }
        counts.commits += 1
        history.mix(UInt64(revision.value))
        for write in batch.writes { note(write, by: run, revision) }
        auditor.committed(batch, by: run, under: terms)
        spread(StoreChange(revision: revision, writes: batch.writes))
        return result
    }

    private func note(_ write: StoreWrite, by run: NodeRun, _ revision: Revision) {
        guard case .put(let key, let value) = write else { return }
        if let network = StoreKeys.leaseNetwork(key), let address = StoreKeys.leaseAddress(key) {
            say(
                SimSubject(network: network, address: address), [51, UInt64(revision.value)],
                "store: \(run.node) writes \(address): \(String(decoding: value, as: UTF8.self))")
        } else if key.hasPrefix(StoreKeys.termPrefix) {
            let network = String(key.dropFirst(StoreKeys.termPrefix.count))
            say(
                SimSubject(network: network), [52, UInt64(revision.value)],
                "store: \(run.node) writes the term of \(network): \(String(decoding: value, as: UTF8.self))")
        }
    }

    private func spread(_ change: StoreChange) {
        for node in nodes { node.feed?.push(change) }
    }
}
