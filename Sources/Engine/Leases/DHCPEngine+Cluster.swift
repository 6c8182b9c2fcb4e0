// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Ports
import Synchronization
import Wire

/// What the node's place in the cluster means for the packet path.
extension DHCPEngine {
    /// Told of every network that this node comes up to bat for, before what has waited is answered, and of every one
    /// that it rests in, before anybody else can have it.
    public func onTerm(_ tell: @escaping @Sendable (_ network: String) -> Void) { termWatch.withLock { $0 = tell } }

    /// Up to bat from now on; what waits for an answer gets it.
    public func serve(_ held: HeldTerm) {
        state.withLock { $0.terms[held.term.network] = held }
        termWatch.withLock { $0 }?(held.term.network)
        answerHeld(held.term.network)
    }

    /// Answers what could not be answered when it came.
    func answerHeld(_ network: String) {
        let now = clock.now()
        let waiting = state.withLock { state in
            state.held.take(network: network, now: now).filter {
                !state.isOvertaken($0.arrived.request, at: $0.at, network)
            }
            .map(\.arrived)
        }
        for arrived in waiting {
            switch decide(arrived, isNew: false) {
            case .send(let reply), .probe(_, let reply): arrived.replyPort.send([reply])
            case .later, .nothing: break
            }
        }
    }

    /// On deck from now on.
    public func rest(_ network: String) {
        state.withLock { state in
            state.terms[network] = nil
            state.uncertain[network] = nil
            // Answers that were given as the one up to bat are no longer ours to repeat.
            state.cache.removeAll()
        }
        termWatch.withLock { $0 }?(network)
    }

    /// The store does not answer this node: it may confirm what it knows, and no more.
    public func setCutOff(_ isCutOff: Bool) {
        let isNews = state.withLock { state in
            defer {
                state.isCutOff = isCutOff
                state.hasBeenConnected = state.hasBeenConnected || !isCutOff
            }
            // A start is no outage.
            return state.isCutOff != isCutOff && state.hasBeenConnected
        }
        guard isNews else { return }
        timeline.add(
            isCutOff
                ? Event(.system, .error, .text("cut off from the store: known clients are confirmed, no others"))
                : Event(.system, .info, .text("the store answers again")))
    }

    /// Every node has taken in the store's commits up to `confirmed`; these are the other nodes' server identifiers.
    func clusterChanged(confirmed: Int64, siblings: Set<IPv4Address>) {
        let now = clock.now()
        state.withLock { state in
            state.facts.siblings = siblings
            guard confirmed > state.confirmed else { return }
            state.confirmed = confirmed
            for name in state.books.keys { state.books[name]?.confirmed(confirmed, now: now) }
        }
    }

    /// DISCOVERs received, by network.
    var heardCounts: [String: UInt64] {
        let counts = state.withLock { $0.heard }
        guard counts.count > Limits.heardNetworksMax else { return counts }
        let busiest = counts.sorted { $0.value > $1.value }.prefix(Limits.heardNetworksMax)
        return Dictionary(uniqueKeysWithValues: busiest.map { ($0.key, $0.value) })
    }

    // MARK: What other nodes have written

    /// All leases of a network, as the store has them. Where this node is up to bat its own book is the newer one.
    func replaceLeases(_ records: [StoreRecord], network: String) {
        let now = clock.now()
        let isOurs = state.withLock { state -> Bool in
            guard state.terms[network] == nil else { return true }
            if let compiled = state.site.networks[network] { state.books[network] = state.newBook(compiled, now: now) }
            return false
        }
        if !isOurs { loadLeases(records, network: network) }
    }

    func takeLeases(_ writes: [StoreWrite], network: String, revision: Revision) {
        let now = clock.now()
        let unreadable = state.withLock { state -> [String] in
            let held = state.terms[network]
            var unreadable: [String] = []
            for write in writes {
                guard let address = StoreKeys.leaseAddress(write.key) else { continue }
                // Since our term began only we write here, and know already what; except where an answer was lost.
                if let held, revision > held.revision {
                    guard state.uncertain[network]?.remove(address) != nil else { continue }
                }
                if !Self.take(write, at: address, network: network, revision, now: now, &state) {
                    unreadable.append(write.key)
                }
            }
            return unreadable
        }
        for key in unreadable {
            timeline.add(Event(.system, .error, network: network, .text("\(key) cannot be read: address kept back")))
        }
    }

    /// False: it cannot be read.
    private static func take(
        _ write: StoreWrite, at address: IPv4Address, network: String, _ revision: Revision, now: Instant,
        _ state: inout State
    ) -> Bool {
        guard case .put(_, let value) = write else {
            state.books[network]?.forget(address, revision: revision.value, now: now)
            return true
        }
        guard let lease = try? LeaseRecord.decode(value, address: address) else {
            let mark = LeaseChange.quarantine(
                network: network, address, reportedBy: .mac(MACAddress(bits: 0)), mac: nil,
                before: state.books[network]?.lease(at: address), now: now)
            state.books[network]?.record(mark.lease, revision: revision.value, now: now)
            return false
        }
        state.books[network]?.record(lease, revision: revision.value, now: now)
        if let mac = lease.mac { state.held.answered(ClientHardware(mac: mac), network: network) }
        return true
    }
}

extension DHCPEngine.State {
    /// A RELEASE or DECLINE that waited, while its client came back and was given a lease by somebody else: it would
    /// end what the client has now.
    fileprivate func isOvertaken(_ request: DHCPRequest, at arrival: Instant, _ network: String) -> Bool {
        guard request.messageType == .release || request.messageType == .decline else { return false }
        let address = request.messageType == .release ? request.clientAddress : request.requestedAddress
        guard let lease = address.flatMap({ books[network]?.lease(at: $0) }) else { return false }
        // Records begin at whole seconds.
        return lease.since.adding(seconds: 1) > arrival
    }
}
