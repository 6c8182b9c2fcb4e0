// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

extension NetworkDecision {
    /// RFC 2131 4.3.1: the binding, the previous address if it is still free, the address that the client wishes,
    /// and last a new one.
    func decideDiscover(_ client: Client, _ book: inout LeaseBook) -> Verdict {
        if let reservation = client.reservation {
            trace?.note("address", "\(reservation.address), its reservation")
            return .reply(
                plan(.offer, address: reservation.address, leaseSeconds: leaseSeconds, client: client))
        }
        guard network.mode == .dynamic else { return .drop(.noBinding) }
        if let silence = standing.silence { return .drop(silence) }
        guard !book.hasDeclinedTooOften(client.identity, now: now) else { return .drop(.declinedTooOften) }
        guard let choice = chooseAddress(client, book) else {
            trace?.note("address", "none is free: \(book.poolCount) addresses, \(book.leaseCount) records")
            return .drop(.poolFull)
        }
        book.hold(choice.address, for: client.identity, until: now.adding(seconds: Limits.offerHoldSeconds), now: now)
        let offer = plan(.offer, address: choice.address, leaseSeconds: leaseSeconds, client: client)
        if choice.wasItsOwn || !network.probe || !link.isDirect { return .reply(offer) }
        trace?.note("conflict probe", "ARP for \(choice.address) before the offer")
        return .probe(choice.address, then: offer)
    }

    /// `wasItsOwn`: the client had or was offered the address already, so it needs no probe.
    private func chooseAddress(
        _ client: Client, _ book: LeaseBook
    ) -> (address: IPv4Address, wasItsOwn: Bool)? {
        if let lease = book.lease(for: client.identity),
            book.obstacle(lease.address, for: client.identity, now: now) == nil
        {
            trace?.note("address", "\(lease.address), its \(lease.isHeld(at: now) ? "current" : "previous") lease")
            return (lease.address, true)
        }
        if let held = book.heldAddress(for: client.identity, now: now),
            book.obstacle(held, for: client.identity, now: now) == nil
        {
            trace?.note("address", "\(held), offered to it a moment ago")
            return (held, true)
        }
        if let wish = request.requestedAddress, book.obstacle(wish, for: client.identity, now: now) == nil {
            trace?.note("address", "\(wish), which it asked for and which is free")
            return (wish, false)
        }
        guard let address = book.candidate(for: client.identity, preferred: link.subnetIndex) else { return nil }
        trace?.note("address", "\(address), the free address that its identity leads to")
        return (address, false)
    }
}
