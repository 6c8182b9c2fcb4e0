// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import Ports
import Wire

/// Watches a history from outside: the clients' clocks, the store's records and the packets on the wire, none of which
/// the product can talk its way around.
final class SimAuditor {
    private unowned let world: SimWorld
    private(set) var violation: SimOutcome.Violation?
    /// Machines that were replaced, with what they still believe.
    private var shelf: [(client: String, address: IPv4Address, until: SimTime)] = []
    private var highestEpoch: [String: UInt64] = [:]
    /// The first node's answer to each message of a client with a binding.
    private var staticAnswers: [StaticQuestion: StaticAnswer] = [:]
    private var staticOrder: [StaticQuestion] = []
    private var lastTermAt: [String: SimTime] = [:]

    private struct StaticQuestion: Hashable {
        var client: Int
        var transaction: UInt32
        var type: UInt8
        var siteRevision: Revision
    }

    private struct StaticAnswer {
        var node: String
        var bytes: [UInt8]
    }

    init(world: SimWorld) { self.world = world }

    private func report(_ rule: String, _ subject: SimSubject, _ text: String) {
        guard violation == nil else { return }
        let tail = world.history.tail(subject, count: world.options.tailLines)
        violation = SimOutcome.Violation(rule: rule, text: text, at: world.now, tail: tail)
    }

    // MARK: 1. One address, one holder

    func bound(_ client: SimClient, _ held: SimClient.Holding, wasNew: Bool) {
        if wasNew { world.counts.grants += 1 } else { world.counts.renewals += 1 }
        let subject = SimSubject(network: client.network, address: held.address, client: client.index)
        world.say(
            subject, [30, UInt64(client.index), UInt64(held.until)],
            "\(client.name) has \(held.address) until \(SimHistory.clock(held.until))")
        for other in world.clients where other !== client && other.holds(at: world.now) == held.address {
            double(held.address, client.name, other.name, other.holding?.until ?? 0, subject)
        }
        shelf.removeAll { $0.until <= world.now }
        for other in shelf where other.address == held.address {
            double(held.address, client.name, other.client, other.until, subject)
        }
    }

    func shelved(_ client: SimClient, _ held: SimClient.Holding) {
        shelf.append(("\(client.name) (\(client.mac), shelved)", held.address, held.until))
    }

    private func double(
        _ address: IPv4Address, _ one: String, _ other: String, _ until: SimTime, _ subject: SimSubject
    ) {
        report(
            "two holders", subject,
            "\(address) is given to \(one) while \(other) has it until \(SimHistory.clock(until))")
    }

    // MARK: 2. Written before spoken

    func replySent(_ reply: DHCPReply, to client: SimClient, by node: SimNode, _ process: SimProcess) {
        let address = reply.yourAddress
        if world.site.isReserved(address, for: client.mac) {
            return compareStatic(reply, client, node, process)
        }
        switch reply.messageType {
        case .ack: checkAck(reply, client, node, process)
        case .nak: checkNak(reply, client, node, process)
        case .offer, .discover, .request, .decline, .release, .inform, nil: break
        }
    }

    private func checkAck(_ reply: DHCPReply, _ client: SimClient, _ node: SimNode, _ process: SimProcess) {
        let address = reply.yourAddress
        let subject = SimSubject(network: client.network, address: address, client: client.index)
        let key = StoreKeys.lease(client.network, address)
        let leases = [world.store.records[key], world.store.forgotten[key]].compactMap { record in
            record.flatMap { try? LeaseRecord.decode($0.value, address: address) }
        }
        guard !leases.isEmpty else {
            return report(
                "ACK before commit", subject, "\(node.name) ACKs \(address) to \(client.name): not in the store")
        }
        // An answer that its client does not wait for any more is not taken by it.
        guard reply.transactionID == client.transaction else { return }
        let own = leases.filter { $0.identity == .mac(client.mac) }
        guard let reservedUntil = own.map(\.reservedUntil).max(), let until = own.map(\.until).max() else {
            let text = "\(node.name) ACKs \(address) to \(client.name): the store has it for \(leases[0].identity)"
            return report("ACK before commit", subject, text)
        }
        let promised = process.clock.now().adding(seconds: Int64(reply.options.uint32(.leaseTime) ?? 0))
        // The lease began when the request was decided on, at the earliest when the client first asked; whole seconds.
        let earlier = world.now - client.askedAt + 1_000
        guard reservedUntil.adding(milliseconds: earlier) >= promised else {
            let short = promised.millisecondsSince(reservedUntil)
            let text = "\(node.name) ACKs \(address) to \(client.name) for \(short) ms longer than the store keeps it"
            return report("ACK before commit", subject, text)
        }
        if until.adding(milliseconds: earlier) < promised { world.counts.unwritten += 1 }
    }

    // MARK: 3. The fence

    /// The store has taken in a batch. `terms`: those of the networks whose leases it wrote, as they were then.
    func committed(_ batch: StoreBatch, by run: NodeRun, under terms: [(network: String, record: StoreRecord?)]) {
        for (network, record) in terms {
            let subject = SimSubject(network: network, address: nil, client: nil)
            guard let record, let term = try? TermRecord.decode(record.value, network: network) else {
                report("fence", subject, "\(run.node) has written leases of \(network), which has no term")
                continue
            }
            if term.holder != run {
                let text = "\(run.node) has written leases of \(network) in the turn of \(term.holder.node)"
                report("fence", subject, "\(text), epoch \(term.epoch.value)")
            }
            if term.epoch.value < highestEpoch[network] ?? 0 {
                let text = "\(run.node) has written leases of \(network) in epoch \(term.epoch.value)"
                report("fence", subject, "\(text) after epoch \(highestEpoch[network] ?? 0) has been")
            }
        }
        for write in batch.writes {
            guard case .put(let key, let value) = write, key.hasPrefix(StoreKeys.termPrefix) else { continue }
            let network = String(key.dropFirst(StoreKeys.termPrefix.count))
            guard let term = try? TermRecord.decode(value, network: network) else { continue }
            world.counts.terms += 1
            lastTermAt[network] = world.now
            highestEpoch[network] = max(highestEpoch[network] ?? 0, term.epoch.value)
        }
    }

    // MARK: 4. Bindings

    /// Every node's answer to one message of a client with a binding is the same, identity apart.
    private func compareStatic(_ reply: DHCPReply, _ client: SimClient, _ node: SimNode, _ process: SimProcess) {
        guard reply.messageType == .ack || reply.messageType == .offer else { return }
        let question = StaticQuestion(
            client: client.index, transaction: reply.transactionID, type: reply.messageType?.rawValue ?? 0,
            siteRevision: process.siteRevision)
        let bytes = Self.withoutIdentity(reply)
        guard let first = staticAnswers[question] else {
            staticAnswers[question] = StaticAnswer(node: node.name, bytes: bytes)
            staticOrder.append(question)
            if staticOrder.count > 500 { staticAnswers[staticOrder.removeFirst()] = nil }
            return
        }
        if first.node != node.name { world.counts.staticComparisons += 1 }
        guard first.bytes != bytes else { return }
        let subject = SimSubject(network: client.network, address: reply.yourAddress, client: client.index)
        report("static answers differ", subject, "\(node.name) answers \(client.name) otherwise than \(first.node)")
    }

    private static func withoutIdentity(_ reply: DHCPReply) -> [UInt8] {
        var reply = reply
        var options = DHCPOptions()
        for (code, value) in reply.options {
            if code == .serverIdentifier { options.append(code, IPv4Address.any) } else { options.append(code, value) }
        }
        reply.options = options
        reply.nextServer = .any
        return reply.encode()
    }

    // MARK: 5. No NAK to a holder

    private func checkNak(_ reply: DHCPReply, _ client: SimClient, _ node: SimNode, _ process: SimProcess) {
        world.counts.naks += 1
        guard reply.transactionID == client.transaction, let address = client.holds(at: world.now),
            [.renewing, .rebinding, .rebooting].contains(client.phase)
        else { return }
        // An operator may have taken it away.
        guard
            world.site.isAlwaysDynamic(
                address, network: client.network, mac: client.mac, since: process.siteRevision)
        else { return }
        let reason = String(decoding: reply.options[.message] ?? [], as: UTF8.self)
        report(
            "NAK to a holder", SimSubject(network: client.network, address: address, client: client.index),
            "\(node.name) refuses \(client.name), which holds \(address): \(reason)")
    }

    // MARK: 6. The cluster heals

    /// At the end, when nothing has failed for long.
    func checkEnd() {
        for client in world.clients {
            let isWell = [.bound, .renewing].contains(client.phase) && client.holds(at: world.now) != nil
            guard !isWell else { continue }
            let subject = SimSubject(network: client.network, address: client.holding?.address, client: client.index)
            report(
                "not healed", subject, "\(client.name) in \(client.network) has no address at the end: \(client.phase)")
        }
        for network in SimSite.dynamic {
            let subject = SimSubject(network: network, address: nil, client: nil)
            let serving = world.nodes.filter { $0.process?.isServing(network) == true }.map(\.name)
            if serving.count != 1 {
                report(
                    "not healed", subject,
                    "\(network) is served by \(serving.isEmpty ? "nobody" : "\(serving)") at the end")
            }
            if let last = lastTermAt[network], world.now - last < SimTimes.quiet, last > world.options.calmFrom + 5_000
            {
                report("not quiet", subject, "the term of \(network) changed hands at \(SimHistory.clock(last))")
            }
        }
    }
}
