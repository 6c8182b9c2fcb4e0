// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// Two nodes and one store, in random histories: one node is up to bat; the other follows late, has another idea of
/// the time, and confirms what it can. No address may ever be promised to two clients at once, by the clients' clocks.
@Suite struct ReserveHistoryTests {
    @Test(arguments: 1...16)
    func noAddressIsPromisedTwice(seed: UInt64) {
        var history = ReserveHistory(seed: seed, isShared: true)
        for _ in 0..<3_000 { history.step() }
        #expect(history.doubles == [])
        // It was no walk in the park.
        #expect(history.confirmedOnDeck > 10, "\(history.confirmedOnDeck)")
        #expect(history.changedHands > 20, "\(history.changedHands)")
    }

    /// The same histories with books that do not know that there is another node: the auditor must notice.
    @Test func aBookThatThinksItIsAloneIsCaught() {
        let caught = (1...8).filter { seed in
            var history = ReserveHistory(seed: UInt64(seed), isShared: false)
            for _ in 0..<2_000 { history.step() }
            return !history.doubles.isEmpty
        }
        #expect(caught.count > 1, "\(caught)")
    }
}

struct ReserveHistory {
    private static let network = "rack"
    private static let server = IPv4Address("10.1.0.1")!
    private static let clients = 1...8

    /// What the store has seen, in order; the position is the revision, from 1.
    private enum Entry { case put(Lease), delete(IPv4Address) }

    private var random: LeaseBookTests.Random
    private let isShared: Bool
    /// Whether an operator's delete removes the record; then nobody restarts, because only memory knows the rest.
    private let deletes: Bool
    /// The clients' time, which is the true one.
    private var now = Instant(seconds: 1_800_000_000)
    private var nodes: [Desk]
    /// How far each node's clock is ahead, in milliseconds: they differ by the greatest skew at most.
    private let offsets: [Int64]
    private var active = 0
    private var log: [Entry] = []
    /// How much of the log each node has taken in.
    private var taken = [0, 0]
    /// Until when which client may be using an address.
    private var promises: [IPv4Address: [Int: Instant]] = [:]
    private var addresses: [Int: IPv4Address] = [:]
    private var lastHolder: [IPv4Address: Int] = [:]

    private(set) var doubles: [String] = []
    private(set) var confirmedOnDeck = 0
    private(set) var changedHands = 0

    init(seed: UInt64, isShared: Bool) {
        random = LeaseBookTests.Random(state: seed &* 0x9e37_79b9_7f4a_7c15)
        self.isShared = isShared
        deletes = seed % 2 == 0
        let skew = Limits.clockSkewSecondsMax * 1000
        let first = Int64.random(in: -60_000...60_000, using: &random)
        offsets = [first, first + (Bool.random(using: &random) ? skew : -skew)]
        nodes = [Self.newNode(isShared), Self.newNode(isShared)]
    }

    private static func newNode(_ isShared: Bool) -> Desk {
        Desk(isShared: isShared) { network in
            network.subnets[0].pools = [IPv4Range("10.1.0.100-10.1.0.106")!]
            network.leaseSeconds = 600
            network.leaseSecondsMax = 1_200
            network.reserveSeconds = 600
        }
    }

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    mutating func step() {
        let pause = below(20) == 0 ? 900_000 : 20_000
        now = now.adding(milliseconds: Int64(below(pause)))
        setClocks()
        let number = Self.clients.lowerBound + below(Self.clients.count)
        switch below(20) {
        case 0..<6: start(number)
        case 6..<11: renew(number, at: below(2))
        case 11: reboot(number, at: below(2))
        case 12: release(number)
        case 13: if below(8) == 0 { decline(number) }
        case 14: if below(2) == 0 { operatorDeletes() }
        case 15, 16: follow(upTo: taken[1 - active] + below(log.count - taken[1 - active] + 1))
        case 17: confirm()
        case 18: if below(3) == 0 { takeOver() }
        default: if !deletes, below(3) == 0 { restart(below(2)) }
        }
    }

    private func setClocks() {
        for (index, node) in nodes.enumerated() { node.now = now.adding(milliseconds: offsets[index]) }
    }

    // MARK: The nodes

    /// The verdict of one node. What it commits is durable at once.
    private mutating func ask(_ index: Int, _ packet: DHCPRequest, to destination: IPv4Address = .broadcast) -> Verdict
    {
        let node = nodes[index]
        node.standing = index == active ? .upToBat : below(2) == 0 ? .onDeck : .cutOff
        let verdict = node.decide(packet, to: destination)
        if case .commit(let change, _) = verdict {
            if index != active { doubles.append("node \(index) commits without the term") }
            write(.put(change.lease))
        }
        return verdict
    }

    private mutating func write(_ entry: Entry) {
        log.append(entry)
        taken[active] = log.count
        take(entry, revision: Int64(log.count), into: nodes[active])
    }

    private func take(_ entry: Entry, revision: Int64, into node: Desk) {
        switch entry {
        case .put(let lease): node.books[Self.network]?.record(lease, revision: revision, now: node.now)
        case .delete(let address): node.books[Self.network]?.forget(address, revision: revision, now: node.now)
        }
    }

    private mutating func follow(upTo end: Int) {
        let index = 1 - active
        while taken[index] < end {
            take(log[taken[index]], revision: Int64(taken[index] + 1), into: nodes[index])
            taken[index] += 1
        }
    }

    private mutating func confirm() {
        let revision = Int64(taken.min() ?? 0)
        for node in nodes where below(2) == 0 { node.books[Self.network]?.confirmed(revision, now: node.now) }
    }

    private mutating func takeOver() {
        follow(upTo: log.count)
        active = 1 - active
    }

    /// A node that starts knows what the store has, the deleted records not among it.
    private mutating func restart(_ index: Int) {
        nodes[index] = Self.newNode(isShared)
        setClocks()
        var latest: [IPv4Address: (lease: Lease?, revision: Int)] = [:]
        for (position, entry) in log.enumerated() {
            switch entry {
            case .put(let lease): latest[lease.address] = (lease, position + 1)
            case .delete(let address): latest[address] = (nil, position + 1)
            }
        }
        for (_, found) in latest {
            if let lease = found.lease { take(.put(lease), revision: Int64(found.revision), into: nodes[index]) }
        }
        taken[index] = log.count
    }

    /// The operator says that a machine is gone: it has been switched off.
    private mutating func operatorDeletes() {
        let leases = nodes[active].books[Self.network]?.allLeases.filter { $0.state == .bound } ?? []
        guard let lease = leases.sorted(by: { $0.address < $1.address }).first, case .mac(let mac) = lease.identity
        else {
            return
        }
        forget(Int(mac.bits & 0xff))
        let release = LeaseChange.release(lease, network: Self.network, now: nodes[active].now)
        write(deletes ? .delete(lease.address) : .put(release.lease))
    }

    // MARK: The clients

    private mutating func client(_ number: Int) -> TestClient {
        var client = TestClient(number)
        client.transactionID = UInt32(truncatingIfNeeded: random.next())
        if below(3) == 0 {
            let wish = UInt32([60, 100, 300, 1_200][below(4)])
            client.options = [(.leaseTime, (0..<4).map { UInt8(truncatingIfNeeded: wish >> (24 - 8 * $0)) })]
        }
        return client
    }

    private mutating func forget(_ number: Int) {
        for address in promises.keys { promises[address]?[number] = nil }
    }

    /// The client counts from its request; an answer that gets lost leaves it with what it had.
    private mutating func hear(_ verdict: Verdict, _ number: Int, at node: Int) {
        guard let reply = verdict.reply, below(10) > 0 else { return }
        if reply.messageType == .nak {
            forget(number)
            addresses[number] = nil
        }
        guard reply.messageType == .ack, let seconds = reply.options.uint32(.leaseTime) else { return }
        let (address, end) = (reply.yourAddress, now.adding(seconds: Int64(seconds)))
        for (other, until) in promises[address, default: [:]] where other != number && until > now {
            doubles.append("\(address) is \(other)'s for \(until.millisecondsSince(now)) ms, and promised to \(number)")
        }
        if node != active { confirmedOnDeck += 1 }
        if let last = lastHolder.updateValue(number, forKey: address), last != number { changedHands += 1 }
        addresses[number] = address
        promises[address, default: [:]][number] = max(end, promises[address]?[number] ?? end)
    }

    private mutating func start(_ number: Int) {
        forget(number)
        let client = client(number)
        guard let offer = ask(active, client.discover()).reply, offer.messageType == .offer else { return }
        if below(20) == 0 { return }
        now = now.adding(milliseconds: Int64(below(2_000)))
        setClocks()
        hear(ask(active, client.request(offer.yourAddress, from: Self.server)), number, at: active)
    }

    private mutating func renew(_ number: Int, at node: Int) {
        guard let address = addresses[number], let end = promises[address]?[number], now < end else { return }
        let packet = client(number).extend(address)
        hear(ask(node, packet, to: below(2) == 0 ? Self.server : .broadcast), number, at: node)
    }

    private mutating func reboot(_ number: Int, at node: Int) {
        forget(number)
        guard let address = addresses[number] else { return }
        hear(ask(node, client(number).reboot(address)), number, at: node)
    }

    private mutating func release(_ number: Int) {
        guard let address = addresses[number], let end = promises[address]?[number], now < end else { return }
        forget(number)
        _ = ask(active, client(number).release(address, to: Self.server), to: Self.server)
    }

    private mutating func decline(_ number: Int) {
        guard let address = addresses[number] else { return }
        forget(number)
        addresses[number] = nil
        _ = ask(active, client(number).decline(address, to: Self.server))
    }
}
