// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// One network's dynamic addresses: which client has which, what is offered to whom, what is free. The store holds the
/// leases; this is what they mean now. A value: copying it is how `explain` asks without changing anything.
///
/// Every question costs the same whether the pool is empty, full, or a million addresses large.
public struct LeaseBook: Sendable {
    /// An address kept for a client that was offered it, or whose lease is on its way to the store.
    struct Hold: Sendable {
        var identity: ClientIdentity
        var until: Instant
    }

    let network: String
    private(set) var leases: [IPv4Address: Lease] = [:]
    private var addressByIdentity: [ClientIdentity: IPv4Address] = [:]
    private var holds: [IPv4Address: Hold] = [:]
    private var holdByIdentity: [ClientIdentity: IPv4Address] = [:]
    private var pools: [Pool] = []
    private var expiries = ExpiryQueue()
    private var declines: [ClientIdentity: [Instant]] = [:]

    /// An empty book. `reserved` are addresses bound to other clients, and whatever else must never be dynamic.
    public init(network: Network, reserved: some Sequence<IPv4Address>) {
        self.network = network.name
        pools = Self.pools(network: network, reserved: reserved)
    }

    /// Takes over a changed network: pools and bindings are new, leases and offers stay.
    public mutating func reconfigure(network: Network, reserved: some Sequence<IPv4Address>, now: Instant) {
        pools = Self.pools(network: network, reserved: reserved)
        for address in leases.keys { refresh(address, now: now) }
        for address in holds.keys { refresh(address, now: now) }
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
        for address in reserved {
            if let i = pools.firstIndex(where: { $0.range.contains(address) }) { pools[i].block(address) }
        }
        return pools
    }

    // MARK: Questions

    public func lease(for identity: ClientIdentity) -> Lease? { addressByIdentity[identity].flatMap { leases[$0] } }
    public func lease(at address: IPv4Address) -> Lease? { leases[address] }
    public var leaseCount: Int { leases.count }
    public var freeCount: Int { pools.reduce(0) { $0 + $1.free.count } }
    public var poolCount: Int { pools.reduce(0) { $0 + $1.range.count } }
    public var allLeases: some Collection<Lease> { leases.values }

    func isInPool(_ address: IPv4Address) -> Bool {
        pools.contains { $0.range.contains(address) && !$0.isBlocked(address) }
    }

    /// What was offered to the client and is still kept for it.
    func heldAddress(for identity: ClientIdentity, now: Instant) -> IPv4Address? {
        guard let address = holdByIdentity[identity], let hold = holds[address], now < hold.until else { return nil }
        return address
    }

    /// Who else stands in the way of giving `address` to `identity`; nil when nobody does.
    func obstacle(_ address: IPv4Address, for identity: ClientIdentity, now: Instant) -> Obstacle? {
        guard isInPool(address) else { return .notDynamic }
        if let lease = leases[address], lease.isHeld(at: now) {
            if lease.state == .declined { return .declined }
            if lease.identity != identity { return .leased }
        }
        if let hold = holds[address], now < hold.until, hold.identity != identity { return .offered }
        return nil
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
            refresh(address, now: now)
        }
        if expiries.count > 4 * (leases.count + holds.count) + 4096 { rebuildExpiries() }
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

    /// Takes in a record that the store has.
    public mutating func record(_ lease: Lease, now: Instant) {
        if let old = leases[lease.address], old.identity != lease.identity,
            addressByIdentity[old.identity] == lease.address
        {
            addressByIdentity[old.identity] = nil
        }
        leases[lease.address] = lease
        // A declined address is no longer its client's: the client must get another one.
        if lease.state == .declined {
            if addressByIdentity[lease.identity] == lease.address { addressByIdentity[lease.identity] = nil }
        } else {
            addressByIdentity[lease.identity] = lease.address
        }
        if let hold = holds[lease.address], hold.identity == lease.identity { dropHold(lease.address) }
        if lease.isHeld(at: now) { expiries.add(lease.address, at: lease.until) }
        refresh(lease.address, now: now)
    }

    /// The store no longer has a record of this address.
    public mutating func forget(_ address: IPv4Address, now: Instant) {
        if let old = leases.removeValue(forKey: address), addressByIdentity[old.identity] == address {
            addressByIdentity[old.identity] = nil
        }
        refresh(address, now: now)
    }

    public mutating func reserveCapacity(_ count: Int) {
        leases.reserveCapacity(count)
        addressByIdentity.reserveCapacity(count)
    }

    // MARK: Bookkeeping

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
        let taken = lease?.isHeld(at: now) ?? false || holds[address] != nil
        withPool(of: address) { taken ? $0.setTaken(address) : $0.setFree(address, hasRecord: lease != nil) }
    }

    private mutating func rebuildExpiries() {
        expiries.removeAll()
        for (address, lease) in leases where lease.state != .released { expiries.add(address, at: lease.until) }
        for (address, hold) in holds { expiries.add(address, at: hold.until) }
    }
}
