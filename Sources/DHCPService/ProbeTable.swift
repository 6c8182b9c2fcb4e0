// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// For whom an address is probed. A client's next try has the same key and takes the place of the earlier one.
struct ProbeKey: Hashable, Sendable {
    var client: MACAddress
    var transactionID: UInt32
}

/// An ARP packet, Ethernet and IPv4 (RFC 826).
struct ARPPacket: Hashable, Sendable {
    var senderMAC: MACAddress
    var senderAddress: IPv4Address
    var targetAddress: IPv4Address
}

/// The addresses that are being probed on one link (RFC 5227 2.1.1, with shorter times: an offer cannot wait for
/// seconds). A value: it is told what was heard and what time it is, and says what to do.
struct ProbeTable<Offer> {
    struct Waiting {
        var key: ProbeKey
        var address: IPv4Address
        var offer: Offer
        /// When the first probe for this client was asked for; the time that conflicts took counts from here.
        var startedAt: Instant
        /// How many addresses have been probed for the client, this one included.
        var attempt: Int
        /// Nil once the second probe is out.
        var repeatAt: Instant?
        var endsAt: Instant
    }

    enum Admission: Hashable {
        /// Send the first probe.
        case probe
        /// The client has asked again; the probe that is on its way serves the new offer.
        case joined
        /// No room, or no time left: send the offer as it is.
        case unprobed
        /// Too many addresses have turned out to be in use: send nothing.
        case abandoned
    }

    enum Step {
        case probeAgain(IPv4Address)
        /// Nobody has answered.
        case free(Offer)
    }

    private(set) var waiting: [Waiting] = []

    var isEmpty: Bool { waiting.isEmpty }

    /// When `due` has something to say next.
    var nextWake: Instant? { waiting.map { $0.repeatAt ?? $0.endsAt }.min() }

    /// Asks for a probe of `address`. `after`: the probe that found the client's previous address in use.
    mutating func add(
        _ key: ProbeKey, address: IPv4Address, offer: Offer, after previous: Waiting? = nil, now: Instant
    ) -> Admission {
        if let index = waiting.firstIndex(where: { $0.key == key && $0.address == address }) {
            waiting[index].offer = offer
            return .joined
        }
        if let previous = previous ?? remove(key) {
            guard previous.attempt < Limits.probeAttemptsMax else { return .abandoned }
            return restart(previous, address: address, offer: offer, now: now)
        }
        return start(key, address: address, offer: offer, startedAt: now, attempt: 1, now: now)
    }

    private mutating func restart(
        _ previous: Waiting, address: IPv4Address, offer: Offer, now: Instant
    ) -> Admission {
        start(
            previous.key, address: address, offer: offer, startedAt: previous.startedAt,
            attempt: previous.attempt + 1, now: now)
    }

    private mutating func start(
        _ key: ProbeKey, address: IPv4Address, offer: Offer, startedAt: Instant, attempt: Int, now: Instant
    ) -> Admission {
        let limit = startedAt.adding(milliseconds: Limits.offerDelayMillisecondsMax)
        guard waiting.count < Limits.probesWaitingMax, now < limit else { return .unprobed }
        let endsAt = min(now.adding(milliseconds: Limits.probeMilliseconds), limit)
        let repeatAt = now.adding(milliseconds: Limits.probeRepeatMilliseconds)
        waiting.append(
            Waiting(
                key: key, address: address, offer: offer, startedAt: startedAt, attempt: attempt,
                repeatAt: repeatAt < endsAt ? repeatAt : nil, endsAt: endsAt))
        return .probe
    }

    /// Takes out the probe of that client's try.
    mutating func remove(_ key: ProbeKey) -> Waiting? {
        waiting.firstIndex { $0.key == key }.map { waiting.remove(at: $0) }
    }

    /// Takes out the probes that `packet` answers: somebody sends from the address, or is about to take it (a probe
    /// of its own, which has no sender address). The client itself may; so does one that kept its address.
    mutating func heard(_ packet: ARPPacket) -> [Waiting] {
        let claimed = packet.senderAddress.isAny ? packet.targetAddress : packet.senderAddress
        let isAnswered = { (entry: Waiting) in entry.address == claimed && entry.key.client != packet.senderMAC }
        guard waiting.contains(where: isAnswered) else { return [] }
        defer { waiting.removeAll(where: isAnswered) }
        return waiting.filter(isAnswered)
    }

    /// What is due at `now`, in the order in which it was asked for.
    mutating func due(now: Instant) -> [Step] {
        guard let wake = nextWake, wake <= now else { return [] }
        var steps: [Step] = []
        var kept: [Waiting] = []
        for var entry in waiting {
            if entry.endsAt <= now {
                steps.append(.free(entry.offer))
                continue
            }
            if let repeatAt = entry.repeatAt, repeatAt <= now {
                steps.append(.probeAgain(entry.address))
                entry.repeatAt = nil
            }
            kept.append(entry)
        }
        waiting = kept
        return steps
    }
}
