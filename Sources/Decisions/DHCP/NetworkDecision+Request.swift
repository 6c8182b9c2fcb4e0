// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

extension NetworkDecision {
    /// RFC 2131 4.3.2.
    func decideRequest(_ client: Client, _ book: inout LeaseBook) -> Verdict {
        let state = RequestState(request, isUnicast: arrival.isUnicast)
        trace?.note("state", state.name)
        switch state {
        case .selecting(let server, let address):
            guard isOurs(server) else {
                // Never NAK: a NAK would take the client's lease from the other server away (iPXE before 2023).
                trace?.note("server", "\(server) is not ours")
                book.forgetOffer(for: client.identity, now: now)
                return .drop(.otherServer)
            }
            return select(address, client, &book)
        case .initReboot(let address): return reboot(address, client, &book)
        case .renewing(let address), .rebinding(let address): return extend(address, client, &book, state)
        case .bare:
            guard network.allows(.acceptBareRequest), let lease = book.lease(for: client.identity) else {
                return .drop(.malformed)
            }
            return extend(lease.address, client, &book, state)
        }
    }

    /// The client chose our offer: it gets the address, or a NAK if that has become impossible.
    private func select(_ address: IPv4Address, _ client: Client, _ book: inout LeaseBook) -> Verdict {
        if let verdict = answerReservation(address, client) { return verdict }
        guard network.mode == .dynamic else { return .drop(.noBinding) }
        if let silence = standing.silence { return .drop(silence) }
        if let obstacle = book.obstacle(address, for: client.identity, now: now) {
            return nak("\(address) is not available: \(obstacle.sentence)")
        }
        return grant(address, client: client, &book)
    }

    /// A client that restarts and hopes to keep its address.
    private func reboot(_ address: IPv4Address, _ client: Client, _ book: inout LeaseBook) -> Verdict {
        guard isOnLink(address) else { return wrongNetwork(address) }
        if let verdict = answerReservation(address, client) { return verdict }
        guard network.mode == .dynamic else { return .drop(.noBinding) }
        // Before the records are asked: another node's may be newer.
        if let silence = standing.silence { return .drop(silence) }
        // 4.3.2: "If the DHCP server has no record of this client, then it MUST remain silent".
        guard let lease = book.lease(for: client.identity) else { return .drop(.noRecord) }
        guard lease.address == address else { return nak("your address is \(lease.address), not \(address)") }
        if let obstacle = book.obstacle(address, for: client.identity, now: now) {
            return nak("\(address) is not available: \(obstacle.sentence)")
        }
        return grant(address, client: client, &book)
    }

    /// RENEWING and REBINDING: the client uses the address now.
    private func extend(
        _ address: IPv4Address, _ client: Client, _ book: inout LeaseBook, _ state: RequestState
    ) -> Verdict {
        guard isOnLink(address) else { return wrongNetwork(address) }
        let lease = book.lease(at: address)
        let isItsLease = lease.map { $0.identity == client.identity && $0.state == .bound } ?? false
        if let reservation = client.reservation {
            if reservation.address == address {
                return .reply(plan(.ack, address: address, leaseSeconds: leaseSeconds, client: client))
            }
            return runOut(lease, isItsLease, reserved: reservation.address, client)
        }
        guard network.mode == .dynamic else { return .drop(.noBinding) }
        let obstacle = book.obstacle(address, for: client.identity, now: now)
        // A bare request is SELECTING by another name, and that needs the store.
        if let lease, isItsLease, obstacle == nil, state != .bare, let verdict = confirm(lease, client) {
            return verdict
        }
        // No NAK from here on but by the node that hands the addresses out: another's records may be behind.
        if let silence = standing.silence { return .drop(silence) }
        if let obstacle {
            return network.authoritative
                ? nak("\(address) is not yours: \(obstacle.sentence)") : .drop(.notAuthoritative)
        }
        // Its own record is enough, though it says "released": a RELEASE that was held up on its way may come in after
        // the client's next lease. It uses the address, and nobody else has it.
        let isItsRecord = lease.map { $0.identity == client.identity && $0.until != Lease.takenAway } ?? false
        if isItsRecord { return grant(address, client: client, &book) }
        if case .renewing = state { return .drop(.noRecord) }
        return network.authoritative ? nak("no lease of \(address) is known") : .drop(.noRecord)
    }

    /// Inside the window: the same address to the same client, without a write, a term or the store (design, section
    /// 6). Nil where that is not possible, and others are better placed: the store, or the node up to bat.
    private func confirm(_ lease: Lease, _ client: Client) -> Verdict? {
        let left = lease.confirmableUntil.millisecondsSince(now) / 1000
        trace?.note("window", "\(max(left, 0)) s may be confirmed without a write")
        switch standing {
        case .benched: return nil
        // Without a reserve a confirmation would shorten the lease in place of renewing it.
        case .upToBat where lease.reservedUntil == lease.until: return nil
        case .upToBat, .onDeck, .cutOff:
            guard left < Int64(leaseSeconds) else { return acknowledge(lease, seconds: leaseSeconds, client) }
        }
        // The node up to bat writes a new lease. Nobody can while the store is down: better the rest than nothing.
        guard standing == .cutOff else { return nil }
        guard left >= Int64(Limits.leaseSecondsMin) else { return .drop(.windowOver) }
        return acknowledge(lease, seconds: UInt32(left), client)
    }

    private func acknowledge(_ lease: Lease, seconds: UInt32, _ client: Client) -> Verdict {
        trace?.note("lease", "\(seconds) s, as the record allows: nothing is written")
        return .reply(plan(.ack, address: lease.address, leaseSeconds: seconds, client: client))
    }

    /// A client whose reservation names another address than the lease that it still has: it keeps the rest of that
    /// lease, is not given more of it, and comes to its reserved address without an interruption. The rest is what it
    /// may have been promised, by whichever node: to a client that was promised less it is safe to give, because
    /// nobody else has the address before.
    private func runOut(
        _ lease: Lease?, _ isItsLease: Bool, reserved: IPv4Address, _ client: Client
    ) -> Verdict {
        guard let lease, isItsLease, lease.isHeld(at: now) else {
            return network.authoritative ? nak("your address is \(reserved)") : .drop(.notAuthoritative)
        }
        if standing == .benched { return .drop(.benched) }
        let rest = UInt32(clamping: lease.promisedUntil.millisecondsSince(now) / 1000)
        trace?.note("lease", "what is left of it, \(rest) s: the reservation names \(reserved)")
        return .reply(plan(.ack, address: lease.address, leaseSeconds: rest, client: client))
    }

    /// Nil when the client has no reservation.
    private func answerReservation(_ address: IPv4Address, _ client: Client) -> Verdict? {
        guard let reservation = client.reservation else { return nil }
        guard reservation.address == address else { return nak("your address is \(reservation.address)") }
        return .reply(plan(.ack, address: address, leaseSeconds: leaseSeconds, client: client))
    }

    private func isOnLink(_ address: IPv4Address) -> Bool { link.compiled.subnetIndex(containing: address) != nil }

    private func wrongNetwork(_ address: IPv4Address) -> Verdict {
        network.authoritative ? nak("\(address) does not belong to this network") : .drop(.notAuthoritative)
    }
}

extension LeaseBook.Obstacle {
    var sentence: String {
        switch self {
        case .notDynamic: "it is not a dynamic address of this network"
        case .declined: "it is quarantined, something else used it"
        case .leased: "another client has it"
        case .offered: "it is offered to another client"
        }
    }
}
