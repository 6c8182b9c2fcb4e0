// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// One network's dynamic addresses: which client has which, what is offered to whom, what is free. The store holds the
/// leases; this is what they mean now. A value: copying it is how `explain` asks without changing anything.
///
/// Every question costs the same whether the pool is empty, full, or a million addresses large.
///
/// An address belongs to its client for longer than the client knows: nodes that have an older record may still confirm
/// it. So what a client may have depends on who asks: `obstacle` has the rules.
public struct LeaseBook: Sendable {
    /// An address kept for a client that was offered it, or whose lease is on its way to the store.
    struct Hold: Sendable {
        var identity: ClientIdentity
        var until: Instant
    }

    /// What a record that is gone, or says less than the one before, may still make another node promise: its client
    /// may have the address, and nobody else before `until`, or before every node has taken in `revision`.
    struct Claim: Sendable {
        var identity: ClientIdentity
        var until: Instant
        /// The store's revision of the newer record; 0 when it is not known, and then only time ends the claim.
        var revision: Int64
    }

    let network: String
    /// Whether other nodes have these records too. If not, nothing is ever out of date.
    public let isShared: Bool
    private(set) var leases: [IPv4Address: Lease] = [:]
    private var addressByIdentity: [ClientIdentity: IPv4Address] = [:]
    private var holds: [IPv4Address: Hold] = [:]
    private var holdByIdentity: [ClientIdentity: IPv4Address] = [:]
    /// These three only in a shared book.
    private var claims: [IPv4Address: Claim] = [:]
    private var revisions: [IPv4Address: Int64] = [:]
    private var confirmedRevision: Int64 = 0
    private var pools: [Pool] = []
    private var expiries = ExpiryQueue()
    private var declines: [ClientIdentity: [Instant]] = [:]

    /// An empty book. `reserved` are addresses bound to other clients, and whatever else must never be dynamic.
    public init(network: Network, reserved: some Sequence<IPv4Address>, isShared: Bool = false) {
        self.network = network.name
        self.isShared = isShared
        pools = Self.pools(network: network, reserved: reserved)
    }

    /// Takes over a changed network: pools and bindings are new, leases and offers stay.
    public mutating func reconfigure(network: Network, reserved: some Sequence<IPv4Address>, now: Instant) {
        pools = Self.pools(network: network, reserved: reserved)
        for address in leases.keys { refresh(address, now: now) }
        for address in holds.keys { refresh(address, now: now) }
        for address in claims.keys { refresh(address, now: now) }
    }

    private static func pools(network: Network, reserved: some Sequence<IPv4Address>) -> [Pool] {
        var pools: [Pool] = []
        for (index, subnet) in network.subnets.enumerated() {
            for range in subnet.pools {
                var pool = Pool(range: range, subnetIndex: index)
                let ends = subnet.subnet.prefixLength < 31 ? [subnet.subnet.first, subnet.subnet.last] : []
                for address in ends where range.contains(address) { pool.block(address) }
                for exclusion in subnet.exclusions where exclusion.overlaps(range) {
                    let first = max(exclusion.first, range.first).bits
                    let last = min(exclusion.last, range.last).bits
                    for bits in first...last { pool.block(IPv4Address(bits: bits)) }
                }
                pools.append(pool)
            }
        }
        guard !pools.isEmpty else { return [] }
        for address in reserved { block(address, &pools) }
        for (address, _) in network.spokenFor { block(address, &pools) }
        return pools
    }

    private static func block(_ address: IPv4Address, _ pools: inout [Pool]) {
        if let i = pools.firstIndex(where: { $0.range.contains(address) }) { pools[i].block(address) }
    }

    /// Never to be handed out while this network is as it is: addresses that the nodes have themselves.
    mutating func withhold(_ addresses: some Sequence<IPv4Address>) {
        for address in addresses where isInPool(address) { Self.block(address, &pools) }
    }

    // MARK: Questions

    public func lease(for identity: ClientIdentity) -> Lease? { addressByIdentity[identity].flatMap { leases[$0] } }
    public func lease(at address: IPv4Address) -> Lease? { leases[address] }
    public var leaseCount: Int { leases.count }
    public var freeCount: Int { pools.reduce(0) { $0 + $1.free.count } }
    public var poolCount: Int { pools.reduce(0) { $0 + $1.range.count } }
    /// Addresses in pools that are neither excluded nor reserved.
    var dynamicCount: Int { pools.reduce(0) { $0 + $1.dynamicCount } }
    public var allLeases: some Collection<Lease> { leases.values }

    func isInPool(_ address: IPv4Address) -> Bool {
        pools.contains { $0.range.contains(address) && !$0.isBlocked(address) }
    }

    /// What was offered to the client and is still kept for it.
    func heldAddress(for identity: ClientIdentity, now: Instant) -> IPv4Address? {
        guard let address = holdByIdentity[identity], let hold = holds[address], now < hold.until else { return nil }
        return address
    }

    /// Who else stands in the way of giving `address` to `identity`; nil when nobody does. A client's own lease never
    /// does, whether its time is over or not: until somebody else has the address it is its.
    func obstacle(_ address: IPv4Address, for identity: ClientIdentity, now: Instant) -> Obstacle? {
        guard isInPool(address) else { return .notDynamic }
        if let lease = leases[address], now < keptUntil(lease) {
            if lease.state == .declined { return .declined }
            if lease.identity != identity { return .leased }
        }
        if let claim = claims[address], claim.identity != identity, now < claim.until { return .leased }
        if let hold = holds[address], now < hold.until, hold.identity != identity { return .offered }
        return nil
    }

    /// Until when a record by itself keeps its address from others. What a client may have been told ends sooner by
    /// the nodes' skew, and others wait for as long again: so neither of two clocks has to be right.
    private func keptUntil(_ lease: Lease) -> Instant {
        switch lease.state {
        case .bound: othersMayHave(after: lease.reservedUntil)
        case .declined: lease.until
        // Nothing by itself; in a shared book there is a claim.
        case .released: Instant(milliseconds: .min)
        }
    }

    private func othersMayHave(after end: Instant) -> Instant {
        isShared ? end.adding(seconds: Limits.clockSkewSecondsMax) : end
    }

    enum Obstacle: Hashable, Sendable { case notDynamic, declined, leased, offered }

    /// A free address for a client that has none: the one its identity leads to, in the subnet `preferred` first.
    func candidate(for identity: ClientIdentity, preferred: Int?) -> IPv4Address? {
        let seed = Allocation.seed(network: network, identity: identity)
        for pool in pools where pool.subnetIndex == preferred {
            if let address = pool.candidate(seed: seed) { return address }
        }
        for pool in pools where pool.subnetIndex != preferred {
            if let address = pool.candidate(seed: seed) { return address }
        }
        return nil
    }

    func hasDeclinedTooOften(_ identity: ClientIdentity, now: Instant) -> Bool {
        let recent = declines[identity, default: []].filter { now.millisecondsSince($0) < 3_600_000 }
        return recent.count >= Limits.declinesPerClientPerHour
    }

    // MARK: Changes

    /// Ends offers and leases whose time is over. Call it with each packet; it does nothing when nothing is due.
    public mutating func advance(to now: Instant) {
        while let address = expiries.popDue(at: now) {
            if let hold = holds[address], hold.until <= now { dropHold(address) }
            if let claim = claims[address], claim.until <= now { claims[address] = nil }
            refresh(address, now: now)
        }
        if expiries.count > 4 * (leases.count + holds.count + claims.count) + 4096 { rebuildExpiries() }
    }

    /// Keeps `address` for `identity`; a client has one offer at a time.
    public mutating func hold(_ address: IPv4Address, for identity: ClientIdentity, until: Instant, now: Instant) {
        if let old = holdByIdentity[identity], old != address {
            dropHold(old)
            refresh(old, now: now)
        }
        holds[address] = Hold(identity: identity, until: until)
        holdByIdentity[identity] = address
        expiries.add(address, at: until)
        withPool(of: address) { $0.setTaken(address) }
    }

    /// Gives up the offer to a client that chose another server.
    mutating func forgetOffer(for identity: ClientIdentity, now: Instant) {
        guard let address = holdByIdentity[identity] else { return }
        dropHold(address)
        refresh(address, now: now)
    }

    mutating func noteDecline(by identity: ClientIdentity, at now: Instant) {
        declines[identity, default: []].append(now)
        declines[identity]?.removeAll { now.millisecondsSince($0) >= 3_600_000 }
        if declines.count > Limits.declinersMax { declines.removeAll() }
    }

    /// Takes in a record that the store has, at the store's `revision` of that record (0: not known). Records may come
    /// twice and in any order - from the feed, and from a commit's own answer: an older one undoes no newer one.
    public mutating func record(_ lease: Lease, revision: Int64, now: Instant) {
        guard isNews(lease.address, revision) else { return }
        let old = leases.updateValue(lease, forKey: lease.address)
        if let old, old.identity != lease.identity, addressByIdentity[old.identity] == lease.address {
            addressByIdentity[old.identity] = nil
        }
        // A declined address is no longer its client's: the client must get another one.
        if lease.state == .declined {
            if addressByIdentity[lease.identity] == lease.address { addressByIdentity[lease.identity] = nil }
        } else if isLatest(lease) {
            addressByIdentity[lease.identity] = lease.address
        }
        if let hold = holds[lease.address], hold.identity == lease.identity { dropHold(lease.address) }
        if isShared { updateClaim(lease.address, from: old, to: lease, revision: revision, now: now) }
        let end = keptUntil(lease)
        if now < end { expiries.add(lease.address, at: end) }
        refresh(lease.address, now: now)
    }

    /// For callers that do not know the revision: in a shared book only time ends what an older record allows.
    public mutating func record(_ lease: Lease, now: Instant) { record(lease, revision: 0, now: now) }

    /// The store no longer has a record of this address: it was deleted at `revision` (0: not known).
    public mutating func forget(_ address: IPv4Address, revision: Int64, now: Instant) {
        guard isNews(address, revision) else { return }
        let old = leases.removeValue(forKey: address)
        if let old, addressByIdentity[old.identity] == address { addressByIdentity[old.identity] = nil }
        if isShared { updateClaim(address, from: old, to: nil, revision: revision, now: now) }
        refresh(address, now: now)
    }

    public mutating func forget(_ address: IPv4Address, now: Instant) { forget(address, revision: 0, now: now) }

    /// Every node that may still answer - also one that is cut off, until its records are too old for it to - has
    /// taken in all records up to `revision`: what older ones said no longer matters to anybody.
    public mutating func confirmed(_ revision: Int64, now: Instant) {
        guard revision > confirmedRevision else { return }
        confirmedRevision = revision
        for (address, claim) in claims where isConfirmed(claim.revision) {
            claims[address] = nil
            refresh(address, now: now)
        }
    }

    public mutating func reserveCapacity(_ count: Int) {
        leases.reserveCapacity(count)
        addressByIdentity.reserveCapacity(count)
        if isShared { revisions.reserveCapacity(count) }
    }

    // MARK: Bookkeeping

    private mutating func isNews(_ address: IPv4Address, _ revision: Int64) -> Bool {
        guard isShared, revision != 0 else { return true }
        if let known = revisions[address], revision < known { return false }
        revisions[address] = revision
        return true
    }

    /// Whether this, of all records of its client, is the one that counts. Records that are read as a whole come in the
    /// order of their addresses, and a client may have had one address after the other.
    private func isLatest(_ lease: Lease) -> Bool {
        guard let other = addressByIdentity[lease.identity].flatMap({ leases[$0] }), other.address != lease.address,
            other.identity == lease.identity
        else { return true }
        if isShared { return revisions[other.address] ?? 0 <= revisions[lease.address] ?? 0 }
        // One clock wrote both.
        return (other.since, other.state == .bound ? 1 : 0) <= (lease.since, lease.state == .bound ? 1 : 0)
    }

    private func isConfirmed(_ revision: Int64) -> Bool { revision != 0 && revision <= confirmedRevision }

    /// What remains of what `old` and the claim before it allowed, now that the store has `new` instead.
    private mutating func updateClaim(
        _ address: IPv4Address, from old: Lease?, to new: Lease?, revision: Int64, now: Instant
    ) {
        var claim = claims.removeValue(forKey: address)
        func add(_ lease: Lease) {
            let until = othersMayHave(after: lease.reservedUntil)
            guard claim.map({ $0.until < until }) ?? true else { return }
            claim = Claim(identity: lease.identity, until: until, revision: revision)
        }
        if let old, old.state == .bound { add(old) }
        // A released or declined record remembers for how long the address was reserved before.
        if let new, new.state != .bound { add(new) }
        guard var claim, now < claim.until, !isConfirmed(revision) else { return }
        if let new, new.state == .bound {
            // That somebody else could be given the address proves that the claim was over.
            guard new.identity == claim.identity, othersMayHave(after: new.reservedUntil) < claim.until else { return }
        }
        claim.revision = revision
        claims[address] = claim
        expiries.add(address, at: claim.until)
    }

    private mutating func dropHold(_ address: IPv4Address) {
        guard let hold = holds.removeValue(forKey: address) else { return }
        if holdByIdentity[hold.identity] == address { holdByIdentity[hold.identity] = nil }
    }

    private mutating func withPool(of address: IPv4Address, _ body: (inout Pool) -> Void) {
        if let i = pools.firstIndex(where: { $0.range.contains(address) }) { body(&pools[i]) }
    }

    /// Makes the pool say what lease and offer say.
    private mutating func refresh(_ address: IPv4Address, now: Instant) {
        let lease = leases[address]
        let isKept = lease.map { now < keptUntil($0) } ?? false || claims[address].map { now < $0.until } ?? false
        let isTaken = isKept || holds[address] != nil
        withPool(of: address) { isTaken ? $0.setTaken(address) : $0.setFree(address, hasRecord: lease != nil) }
    }

    private mutating func rebuildExpiries() {
        expiries.removeAll()
        for (address, lease) in leases where lease.state != .released { expiries.add(address, at: keptUntil(lease)) }
        for (address, hold) in holds { expiries.add(address, at: hold.until) }
        for (address, claim) in claims { expiries.add(address, at: claim.until) }
    }
}
