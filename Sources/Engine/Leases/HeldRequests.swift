// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// Requests for networks that another node is up to bat for, kept for the case that it no longer answers: who comes up
/// to bat answers what is still fresh, and no client has to repeat itself.
struct HeldRequests: Sendable {
    private struct Key: Hashable, Sendable {
        var network: String
        var hardware: ClientHardware
        var messageType: DHCPMessageType?
    }

    private var requests: [Key: (arrived: ArrivedRequest, at: Instant)] = [:]
    /// In the order of arrival, with those that were replaced or dropped since.
    private var order: [(key: Key, at: Instant)] = []
    private var first = 0

    var count: Int { requests.count }

    /// A repetition replaces what it repeats.
    mutating func hold(_ arrived: ArrivedRequest, network: String, now: Instant) {
        dropOld(now: now)
        guard requests.count < Limits.heldRequestsMax else { return }
        let (hardware, type) = (arrived.request.hardware, arrived.request.messageType)
        if type == .discover || type == .request {
            // The client is back: what it gave up before no longer counts, and must not be carried out after this.
            for old in [DHCPMessageType.release, .decline] {
                requests[Key(network: network, hardware: hardware, messageType: old)] = nil
            }
        }
        let key = Key(network: network, hardware: hardware, messageType: type)
        requests[key] = (arrived, now)
        order.append((key, now))
    }

    /// Somebody has written a lease for this client: it has its answer.
    mutating func answered(_ hardware: ClientHardware, network: String) {
        guard !requests.isEmpty else { return }
        for type in [DHCPMessageType.discover, .request] {
            requests[Key(network: network, hardware: hardware, messageType: type)] = nil
        }
    }

    /// What is still fresh of one network, REQUESTs first: they have less time left.
    mutating func take(network: String, now: Instant) -> [(arrived: ArrivedRequest, at: Instant)] {
        dropOld(now: now)
        let mine = requests.filter { $0.key.network == network }
        for key in mine.keys { requests[key] = nil }
        return mine.values.sorted { a, b in
            let (first, second) = (a.arrived.request.messageType, b.arrived.request.messageType)
            if (first == .request) != (second == .request) { return first == .request }
            return a.at < b.at
        }
    }

    private mutating func dropOld(now: Instant) {
        while first < order.count, now.millisecondsSince(order[first].at) > Limits.heldRequestMilliseconds {
            let (key, at) = order[first]
            if requests[key]?.at == at { requests[key] = nil }
            first += 1
        }
        guard first > 1_024, first > order.count / 2 else { return }
        order.removeFirst(first)
        first = 0
    }
}
