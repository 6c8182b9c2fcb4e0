// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Synchronization
import Wire

/// What others ask of the engine; nothing here changes anything.
extension DHCPEngine {
    public struct Explanation: Sendable {
        public var verdict: Verdict
        public var steps: [DecisionStep]
        public var network: String?
    }

    /// The decision about a request, without its effects: the book is copied, offers in the copy are forgotten.
    public func explain(_ request: DHCPRequest, _ arrival: Arrival, network forced: String?) -> Explanation {
        let now = clock.now()
        return state.withLock { state in
            let trace = DecisionTrace()
            guard let link = Self.link(request, arrival, forced: forced, site: state.site, trace: trace) else {
                return Explanation(verdict: .drop(.noNetwork), steps: trace.steps, network: nil)
            }
            let name = link.network.name
            // A copy that is gone before the lock is: the original never has to be copied for it.
            var book = state.books[name] ?? state.newBook(link.compiled, now: now)
            var facts = state.facts
            // A token that works is for the machine's eyes; one that does not is as long.
            if facts.mintToken != nil { facts.mintToken = { _, _, _ in Self.tokenNotShown } }
            let decision = NetworkDecision(
                request: request, arrival: arrival, link: link, site: state.site, facts: facts,
                standing: state.standing(name), now: now, trace: trace)
            return Explanation(verdict: decision.decide(&book), steps: trace.steps, network: name)
        }
    }

    private static let tokenNotShown = "tokenhiddenhere"

    private static func link(
        _ request: DHCPRequest, _ arrival: Arrival, forced: String?, site: CompiledSite, trace: DecisionTrace
    ) -> Link? {
        guard let forced else {
            return SubnetSelection.link(for: request, arrival: arrival, site: site, trace: trace)
        }
        guard let compiled = site.networks[forced] else {
            trace.note("network", "none is called \(forced)")
            return nil
        }
        trace.note("network", "\(forced), as asked")
        let index = compiled.network.subnets.isEmpty ? nil : 0
        return Link(compiled: compiled, subnetIndex: index, isDirect: request.relayAddress.isAny)
    }

    public var networks: [Network] {
        state.withLock { $0.site.networks.values.map(\.network) }
    }

    public func machine(mac: MACAddress) -> Machine? { state.withLock { $0.site.machine(mac: mac, uuid: nil) } }

    /// Whose address this is: by its reservation, or by its lease.
    public func mac(at address: IPv4Address) -> MACAddress? {
        state.withLock { state in
            guard let compiled = state.site.network(of: address) else { return nil }
            if case .mac(let mac)? = compiled.reservedAddresses[address] { return mac }
            return state.books[compiled.network.name]?.lease(at: address)?.mac
        }
    }

    /// The network that an address belongs to.
    public func network(of address: IPv4Address) -> Network? {
        state.withLock { $0.site.network(of: address)?.network }
    }

    public func reservation(network: String, mac: MACAddress) -> Reservation? {
        state.withLock { $0.site.networks[network]?.reservations[.mac(mac)] }
    }

    /// The lease of this MAC address, in whichever network it has one.
    public func lease(mac: MACAddress, now: Instant) -> (network: String, lease: Lease)? {
        state.withLock { state in
            for (name, book) in state.books {
                if let lease = book.lease(for: .mac(mac)), lease.isHeld(at: now) { return (name, lease) }
            }
            return nil
        }
    }

    public func lease(network: String, at address: IPv4Address) -> Lease? {
        state.withLock { $0.books[network]?.lease(at: address) }
    }

    /// All records of a network, or of all; by network and address.
    public func leases(network: String?) -> [(network: String, lease: Lease)] {
        let lists = state.withLock { state in
            state.books.filter { network == nil || $0.key == network }.map { ($0.key, Array($0.value.allLeases)) }
        }
        return lists.sorted { $0.0 < $1.0 }.flatMap { name, leases in
            leases.sorted { $0.address < $1.address }.map { (name, $0) }
        }
    }

    public var storeHealth: StoreHealth { state.withLock { $0.health } }
    public var heldTerms: Int { state.withLock { $0.terms.count } }
    public func isServing(_ network: String) -> Bool { state.withLock { $0.terms[network] != nil } }

    public var metrics: [Metric] {
        let books = state.withLock { state in
            state.books.map { ($0.key, $0.value.leaseCount, $0.value.freeCount, $0.value.poolCount) }
        }
        var list = counters.metrics
        for (name, leases, free, pool) in books.sorted(by: { $0.0 < $1.0 }) {
            let labels = [("network", name)]
            list.append(
                Metric("ondeck_lease_records", help: "Lease records.", isCounter: false, labels: labels, Double(leases))
            )
            list.append(
                Metric(
                    "ondeck_pool_free", help: "Free dynamic addresses.", isCounter: false, labels: labels, Double(free))
            )
            list.append(
                Metric("ondeck_pool_size", help: "Addresses in pools.", isCounter: false, labels: labels, Double(pool)))
        }
        return list
    }
}
