// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// DECLINE, RELEASE, INFORM and BOOTP.
extension NetworkDecision {
    /// RFC 2131 4.3.3: the client found its address in use. Nobody gets it for a while.
    func decideDecline(_ client: Client, _ book: inout LeaseBook) -> Verdict {
        guard namesUs else { return .drop(.otherServer) }
        guard let address = request.requestedAddress else { return .drop(.malformed) }
        if client.reservation?.address == address { return .drop(.declinedBinding) }
        // Before the records are asked: another node's may be newer.
        if let silence = standing.silence { return .drop(silence) }
        let wasLeased = book.lease(at: address).map { $0.identity == client.identity && $0.isHeld(at: now) } ?? false
        guard wasLeased || book.heldAddress(for: client.identity, now: now) == address else {
            return .drop(.foreignAddress)
        }
        guard !book.hasDeclinedTooOften(client.identity, now: now) else { return .drop(.declinedTooOften) }
        book.noteDecline(by: client.identity, at: now)
        trace?.note("quarantine", "\(address) for \(Limits.declineSeconds) s")
        let change = LeaseChange.quarantine(
            network: network.name, address, reportedBy: client.identity, mac: client.mac,
            before: book.lease(at: address), now: now)
        return .commit(change, then: nil)
    }

    /// RFC 2131 4.3.4: the record stays, so that the client can have the address again.
    func decideRelease(_ client: Client, _ book: inout LeaseBook) -> Verdict {
        guard namesUs else { return .drop(.otherServer) }
        if let silence = standing.silence { return .drop(silence) }
        guard let lease = book.lease(for: client.identity), lease.address == request.clientAddress,
            lease.state == .bound
        else { return .drop(.nothingToRelease) }
        return .commit(LeaseChange.release(lease, network: network.name, now: now, byOperator: false), then: nil)
    }

    private var namesUs: Bool {
        guard let identifier = request.serverIdentifier else { return network.allows(.acceptMissingServerIdentifier) }
        return isOurs(identifier)
    }

    /// RFC 2131 4.3.5: options only; no lease is looked at or changed.
    func decideInform(_ client: Client) -> Verdict {
        .reply(plan(.ack, address: .any, leaseSeconds: nil, client: client))
    }

    /// RFC 951, RFC 1534: a binding without an end, and no DHCP options.
    func decideBOOTP(_ client: Client, _ book: inout LeaseBook) -> Verdict {
        if let reservation = client.reservation { return .reply(planBOOTP(reservation.address, client)) }
        guard network.mode == .dynamic, network.allows(.dynamicBOOTP) else { return .drop(.noBinding) }
        if let silence = standing.silence { return .drop(silence) }
        let known = book.lease(for: client.identity).flatMap { lease in
            book.obstacle(lease.address, for: client.identity, now: now) == nil ? lease.address : nil
        }
        guard let address = known ?? book.candidate(for: client.identity, preferred: link.subnetIndex) else {
            return .drop(.poolFull)
        }
        let lease = Lease(
            address: address, state: .bound, identity: client.identity, mac: client.mac, hostname: client.hostname,
            since: Instant(seconds: now.seconds), until: .distantFuture)
        book.hold(address, for: client.identity, until: now.adding(seconds: Limits.offerHoldSeconds), now: now)
        return .commit(LeaseChange(network: network.name, lease: lease), then: planBOOTP(address, client))
    }

    private func planBOOTP(_ address: IPv4Address, _ client: Client) -> PlannedReply {
        var reply = DHCPReply(to: request, type: nil)
        reply.yourAddress = address
        reply.hops = request.hops
        let noBoot = addBootData(to: &reply, client: client)
        reply.options = DHCPOptions()
        let route = ReplyRouting.route(for: &reply, to: request, arrival: arrival, network: network)
        return PlannedReply(
            reply: reply, route: route, source: ReplyRouting.source(arrival: arrival, link: link), noBoot: noBoot)
    }
}

extension LeaseChange {
    /// Keeps an address from everybody, because a client or our own probe found somebody else using it. `before` is the
    /// record that this one replaces: a node that has only that one may confirm the address for as long as it says.
    public static func quarantine(
        network: String, _ address: IPv4Address, reportedBy identity: ClientIdentity, mac: MACAddress?,
        before: Lease? = nil, now: Instant
    ) -> LeaseChange {
        let start = Instant(seconds: now.seconds)
        let lease = Lease(
            address: address, state: .declined, identity: identity, mac: mac, since: start,
            until: start.adding(seconds: Limits.declineSeconds), reservedUntil: before?.reservedUntil)
        return LeaseChange(network: network, lease: lease)
    }

    /// Ends a lease, because its client or an operator says so. The record stays, with the reserve that it had: until
    /// every node has taken it in, some may confirm the address to its client.
    public static func release(
        _ lease: Lease, network: String, now: Instant, byOperator: Bool = true
    ) -> LeaseChange {
        var released = lease
        released.state = .released
        released.since = Instant(seconds: now.seconds)
        released.until = byOperator ? Lease.takenAway : released.since
        released.reservedUntil = max(released.until, lease.reservedUntil)
        return LeaseChange(network: network, lease: released)
    }
}
