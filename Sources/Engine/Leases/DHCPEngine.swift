// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Ports
import Synchronization
import Wire

/// A term that this node holds, with the revision that its lease commits are guarded by.
public struct HeldTerm: Hashable, Sendable {
    public var term: Term
    public var revision: Revision
    public init(term: Term, revision: Revision) { self.term = term; self.revision = revision }
}

/// Holds what the packet path decides on - site, lease books, terms, recent answers - behind one lock, and turns
/// verdicts into effects. Nothing is sent or written while the lock is held.
public final class DHCPEngine: Sendable {
    struct State: Sendable {
        var site = CompiledSite()
        var facts: ServerFacts
        var books: [String: LeaseBook] = [:]
        var terms: [String: HeldTerm] = [:]
        var cache = ReplyCache()
        var health = StoreHealth.unknown
        /// Whether other nodes write leases too.
        var isShared = false
        /// No beat of this node was taken for so long that others may be up to bat by now.
        var isCutOff = false
        /// One was, once.
        var hasBeenConnected = false
        /// Time or records cannot be trusted: nothing for dynamic clients.
        var isBenched = false
        /// What every node has taken in.
        var confirmed: Int64 = 0
        /// Addresses whose last write may or may not have happened.
        var uncertain: [String: Set<IPv4Address>] = [:]
        /// Client packets received, by network.
        var heard: [String: UInt64] = [:]
        var held = HeldRequests()
        /// The latest beginning of a lease among those that were read as a whole.
        var latestSeen = Instant(milliseconds: 0)

        /// Counts what every node should hear; what a client sends to one node alone says nothing about the others.
        /// Repetitions that are answered from memory, and what is too much, count as well: else nodes that answer
        /// nobody, and so remember no answers, would hear more than the one up to bat.
        mutating func hear(_ request: DHCPRequest, _ arrival: Arrival) {
            guard isShared, request.messageType == .discover,
                let link = SubnetSelection.link(for: request, arrival: arrival, site: site, trace: nil)
            else { return }
            heard[link.network.name, default: 0] += 1
        }

        func standing(_ network: String) -> Standing {
            if isBenched { return .benched }
            if case .failing = health { return .cutOff }
            if terms[network] != nil { return .upToBat }
            return isCutOff ? .cutOff : .onDeck
        }

        func newBook(_ compiled: CompiledNetwork, now: Instant) -> LeaseBook {
            Self.newBook(compiled, isShared: isShared, confirmed: confirmed, now: now)
        }

        static func newBook(
            _ compiled: CompiledNetwork, isShared: Bool, confirmed: Int64, now: Instant
        ) -> LeaseBook {
            var book = LeaseBook(
                network: compiled.network, reserved: compiled.reservedAddresses.keys, isShared: isShared)
            book.confirmed(confirmed, now: now)
            return book
        }
    }

    let state: Mutex<State>
    let clock: Clock
    let timeline: Timeline
    public let counters = DHCPCounters()
    let termWatch = Mutex<(@Sendable (_ network: String) -> Void)?>(nil)
    let isStopping = Atomic(false)
    /// When the log last heard of too much work.
    let overloadTold = Mutex<Uptime?>(nil)
    private let committerBox = Mutex<LeaseCommitter?>(nil)

    public init(facts: ServerFacts, clock: Clock, timeline: Timeline, isShared: Bool = false) {
        state = Mutex(State(facts: facts, isShared: isShared))
        self.clock = clock
        self.timeline = timeline
    }

    /// Makes the committer that writes this engine's leases to `store`.
    public func makeCommitter(store: any StateStore) -> LeaseCommitter {
        let committer = LeaseCommitter(store: store, engine: self)
        committerBox.withLock { $0 = committer }
        return committer
    }

    private var committer: LeaseCommitter? { committerBox.withLock { $0 } }

    /// Decides about one packet and starts what follows from it. Takes microseconds and never waits.
    public func decide(_ arrived: ArrivedRequest) -> DHCPOutcome { decide(arrived, isNew: true) }

    /// `isNew`: it has just come, and is not decided again.
    func decide(_ arrived: ArrivedRequest, isNew: Bool) -> DHCPOutcome {
        if arrived.request.messageType == .discover, committer?.isBehind == true {
            if isNew { state.withLock { $0.hear(arrived.request, arrived.arrival) } }
            note(.drop(.queueFull), arrived.request, network: nil)
            return .nothing
        }
        let now = clock.now()
        let arrival = arrived.arrival
        let key = ReplyCache.Key(arrived.request, port: arrival.port)
        let (verdict, network) = state.withLock { state in
            Self.decide(arrived, arrival, isNew: isNew, key: key, now: now, &state)
        }
        note(verdict, arrived.request, network: network)
        return carryOut(verdict, arrived, key: key)
    }

    private static func decide(
        _ arrived: ArrivedRequest, _ arrival: Arrival, isNew: Bool, key: ReplyCache.Key, now: Instant,
        _ state: inout State
    ) -> (Verdict, String?) {
        let request = arrived.request
        if isNew { state.hear(request, arrival) }
        switch state.cache.entry(for: key, now: now) {
        case .answered(let planned): return (.reply(planned), nil)
        case .pending: return (.drop(.repeatPending), nil)
        case nil: break
        }
        guard let link = SubnetSelection.link(for: request, arrival: arrival, site: state.site, trace: nil) else {
            return (.drop(.noNetwork), nil)
        }
        let name = link.network.name
        let decision = NetworkDecision(
            request: request, arrival: arrival, link: link, site: state.site, facts: state.facts,
            standing: state.standing(name), now: now)
        let (isShared, confirmed) = (state.isShared, state.confirmed)
        let verdict = decision.decide(
            &state.books[
                name,
                default: State.newBook(link.compiled, isShared: isShared, confirmed: confirmed, now: now)])
        switch verdict {
        case .drop(.notUpToBat), .drop(.storeDown), .drop(.windowOver):
            state.held.hold(arrived, network: name, now: now)
        case .reply(let planned): state.cache.set(key, .answered(planned), now: now)
        case .commit: state.cache.set(key, .pending, now: now)
        // A repetition of a probed DISCOVER finds the address held for it, and is answered at once.
        case .drop, .probe: break
        }
        return (verdict, name)
    }

    private func carryOut(_ verdict: Verdict, _ arrived: ArrivedRequest, key: ReplyCache.Key) -> DHCPOutcome {
        let port = arrived.datagram.port
        switch verdict {
        case .drop: return .nothing
        case .reply(let planned): return .send(OutgoingReply(planned, port: port))
        case .probe(let address, let planned): return .probe(address, then: OutgoingReply(planned, port: port))
        case .commit(let change, let reply):
            let pending = PendingCommit(change: change, reply: reply, arrived: arrived, key: key)
            guard committer?.submit(pending) == true else {
                state.withLock { $0.cache.remove(key) }
                note(.drop(.queueFull), arrived.request, network: change.network)
                return .nothing
            }
            return .later
        }
    }

    /// Somebody uses the address that was about to be offered: nobody gets it for a while, and the client's request
    /// is decided again.
    public func conflict(_ address: IPv4Address, usedBy mac: MACAddress, _ arrived: ArrivedRequest) -> DHCPOutcome {
        let now = clock.now()
        let change = state.withLock { state -> LeaseChange? in
            guard let network = state.site.network(of: address)?.network.name else { return nil }
            let change = LeaseChange.quarantine(
                network: network, address, reportedBy: .mac(mac), mac: mac,
                before: state.books[network]?.lease(at: address), now: now)
            // At once in memory, so that the repeated decision passes it over; the store follows.
            state.books[network]?.record(change.lease, now: now)
            return change
        }
        guard let change else { return .nothing }
        _ = committer?.submit(PendingCommit(change: change))
        timeline.add(
            Event(
                .dhcp, .warning, mac: mac, address: address, network: change.network,
                .text("address in use by somebody who has no lease of it: quarantined")))
        return decide(arrived, isNew: false)
    }

    /// Takes a lease away, as an operator demands. Calls `done` when the store has it.
    public func delete(_ lease: Lease, network: String, done: @escaping @Sendable (StoreError?) -> Void) {
        // Where others may still confirm it a record stays that says until when.
        let isShared = state.withLock { $0.isShared }
        let change =
            isShared
            ? LeaseChange.release(lease, network: network, now: clock.now())
            : LeaseChange(network: network, lease: lease)
        let pending = PendingCommit(change: change, done: done, isDelete: !isShared)
        if committer?.submit(pending) != true { done(.unavailable("too many changes wait for the store")) }
    }
}
