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
        case .renewing(let address): return extend(address, client, &book, isRebinding: false)
        case .rebinding(let address): return extend(address, client, &book, isRebinding: true)
        case .bare:
            guard network.allows(.acceptBareRequest), let lease = book.lease(for: client.identity) else {
                return .drop(.malformed)
            }
            return extend(lease.address, client, &book, isRebinding: true)
        }
    }

    /// The client chose our offer: it gets the address, or a NAK if that has become impossible.
    private func select(_ address: IPv4Address, _ client: Client, _ book: inout LeaseBook) -> Verdict {
        if let verdict = answerReservation(address, client) { return verdict }
        guard network.mode == .dynamic else { return .drop(.noBinding) }
        guard isServing else { return .drop(.notUpToBat) }
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
        // 4.3.2: "If the DHCP server has no record of this client, then it MUST remain silent".
        guard let lease = book.lease(for: client.identity) else { return .drop(.noRecord) }
        guard isServing else { return .drop(.notUpToBat) }
        guard lease.address == address else { return nak("your address is \(lease.address), not \(address)") }
        if let obstacle = book.obstacle(address, for: client.identity, now: now) {
            return nak("\(address) is not available: \(obstacle.sentence)")
        }
        return grant(address, client: client, &book)
    }

    /// RENEWING and REBINDING: the client uses the address now.
    private func extend(
        _ address: IPv4Address, _ client: Client, _ book: inout LeaseBook, isRebinding: Bool
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
        guard isServing else { return .drop(.notUpToBat) }
        if let obstacle = book.obstacle(address, for: client.identity, now: now) {
            return network.authoritative
                ? nak("\(address) is not yours: \(obstacle.sentence)") : .drop(.notAuthoritative)
        }
        if isItsLease { return grant(address, client: client, &book) }
        guard isRebinding else { return .drop(.noRecord) }
        return network.authoritative ? nak("no lease of \(address) is known") : .drop(.noRecord)
    }

    /// A client whose reservation names another address than the lease that it still has: it keeps the rest of that
    /// lease, is not given more of it, and comes to its reserved address without an interruption.
    private func runOut(
        _ lease: Lease?, _ isItsLease: Bool, reserved: IPv4Address, _ client: Client
    ) -> Verdict {
        guard let lease, isItsLease, lease.isHeld(at: now) else {
            return network.authoritative ? nak("your address is \(reserved)") : .drop(.notAuthoritative)
        }
        let rest = UInt32(clamping: lease.until.millisecondsSince(now) / 1000)
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
