// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model
import Testing

/// Several `Leadership` values, a store with revisions, and links with delays, in virtual time. Equal seeds give equal
/// histories. Every effect is checked against what must hold at all times.
final class ClusterWorld {
    struct Change {
        enum Record {
            case term(Term)
            case termGone(String)
            case beat(Beat)
            case order(String, String?)
            case draining(Set<String>)
        }
        var revision: Int64
        var record: Record
    }

    var now: Int64 = 0
    var random: SplitMix
    let silence: Int64
    let isShared: Bool
    var candidates: [Leadership.Candidate] = []
    var members: [String: Member] = [:]

    // The store
    var isStoreUp = true
    var revision: Int64 = 0
    var terms: [String: (term: Term, revision: Int64)] = [:]
    var beats: [String: Beat] = [:]
    var orders: [String: String] = [:]
    var drains: Set<String> = []

    /// Links that are cut: "a>b" for heartbeats, "a>store" and "store>a".
    var cuts: Set<String> = []
    /// In thousandths.
    var heartbeatLoss = 0

    private var queue = EventQueue()
    /// What was done, but for the beats; kept where somebody reads it.
    var transcript: [String]?
    private var owners: [String: NodeRun] = [:]
    private(set) var violations: [String] = []

    init(seed: UInt64 = 1, silence: Int64 = 1_000, isShared: Bool = true) {
        random = SplitMix(state: seed)
        self.silence = silence
        self.isShared = isShared
    }

    // MARK: Time

    func at(_ time: Int64, _ action: @escaping (ClusterWorld) -> Void) { queue.add(at: max(time, now), action) }
    func after(_ delay: Int64, _ action: @escaping (ClusterWorld) -> Void) { at(now + delay, action) }

    func run(_ milliseconds: Int64) {
        let end = now + milliseconds
        while let (time, action) = queue.pop(before: end) {
            now = time
            action(self)
        }
        now = end
    }

    /// Runs until `condition` holds; nil if it has not within `limit`.
    func run(until limit: Int64, _ condition: (ClusterWorld) -> Bool) -> Int64? {
        let start = now
        while now - start <= limit {
            if condition(self) { return now - start }
            run(1)
        }
        return nil
    }

    func delay(_ range: ClosedRange<Int64>) -> Int64 { random.next(range) }
    func isCut(_ from: String, _ to: String) -> Bool { cuts.contains("\(from)>\(to)") }

    // MARK: Nodes

    func start(_ name: String, deaf: Set<String> = [], prepare: (Member) -> Void = { _ in }) {
        let run = NodeRun(node: name, incarnation: random.next())
        let member = Member(self, run, offset: delay(0...1_000_000))
        member.deaf = deaf
        members[name]?.state = .dead(answers: false)
        members[name] = member
        prepare(member)
        member.load()
        member.tick()
    }

    /// kill -9: its machine answers for it.
    func kill(_ name: String) { members[name]?.state = .dead(answers: true) }
    func cutPower(_ name: String) { members[name]?.state = .dead(answers: false) }
    func stop(_ name: String) {
        members[name]?.isStopping = true
        members[name]?.handle(.stopping)
    }

    func pause(_ name: String) { if members[name]?.state == .running { members[name]?.state = .paused } }
    func resume(_ name: String) {
        guard let member = members[name], member.state == .paused else { return }
        member.state = .running
        member.tick()
        let missed = member.inbox
        member.inbox = []
        for event in missed { member.handle(event) }
    }

    func heal() {
        cuts = []
        heartbeatLoss = 0
        isStoreUp = true
        for name in members.keys.sorted() { members[name]?.reconnect() }
    }

    // MARK: Store

    func put(_ record: Change.Record) {
        revision += 1
        switch record {
        case .term(let term): terms[term.network] = (term, revision)
        case .termGone(let network): terms[network] = nil
        case .beat(let beat): beats[beat.run.node] = beat
        case .order(let network, let node): orders[network] = node
        case .draining(let nodes): drains = nodes
        }
        let change = Change(revision: revision, record: record)
        for name in members.keys.sorted() { members[name]?.feed(change) }
    }

    func order(_ network: String, _ node: String) { put(.order(network, node)) }
    func drain(_ nodes: Set<String>) { put(.draining(nodes)) }

    /// Whether it was committed.
    func compareAndSet(_ term: Term, expected: Int64, deletesOrder: Bool) -> Int64? {
        guard (terms[term.network]?.revision ?? 0) == expected else { return nil }
        put(.term(term))
        let written = revision
        if deletesOrder { put(.order(term.network, nil)) }
        return written
    }

    // MARK: What must hold

    func expect(_ condition: Bool, _ text: @autoclosure () -> String) {
        if !condition, violations.count < 5 { violations.append("\(now): \(text())") }
    }

    func served(_ term: Term, revision: Int64, by member: Member) {
        let key = "\(term.network)/\(term.epoch.value)"
        expect(
            owners[key] ?? term.holder == member.run,
            "\(key) served by \(member.run) and \(String(describing: owners[key]))")
        owners[key] = member.run
        expect(term.holder == member.run, "\(member.name) serves \(term)")
        let latest = terms[term.network]?.revision ?? 0
        expect(revision <= latest, "\(member.name) serves \(term.network) at \(revision), which is not stored yet")
        expect(
            revision < latest || terms[term.network]?.term == term,
            "\(member.name) serves another term than the stored one")
    }

    func note(_ text: @autoclosure () -> String, _ effect: Leadership.Effect? = nil) {
        guard transcript != nil, effect != .heartbeat else { return }
        transcript?.append("\(now) \(text())")
    }

    // MARK: Views

    /// Nodes that serve it and could commit.
    func servers(_ network: String) -> [String] {
        members.values.filter { member in
            guard member.state == .running, let serving = member.serving[network] else { return false }
            return serving.revision == terms[network]?.revision && isStoreUp && !isCut(member.name, "store")
        }.map(\.name).sorted()
    }

    func shares() -> [String: Int] {
        var shares: [String: Int] = [:]
        for candidate in candidates { for node in servers(candidate.network) { shares[node, default: 0] += 1 } }
        return shares
    }

    var isSettled: Bool { candidates.allSatisfy { servers($0.network).count == 1 && everyServer($0.network) == 1 } }

    /// Nodes that believe they serve it.
    func everyServer(_ network: String) -> Int {
        members.values.count { $0.state == .running && $0.serving[network] != nil }
    }
}

/// A heap of actions by time; equal times in the order of their making.
struct EventQueue {
    private var entries: [(time: Int64, number: Int, action: (ClusterWorld) -> Void)] = []
    private var count = 0

    mutating func add(at time: Int64, _ action: @escaping (ClusterWorld) -> Void) {
        count += 1
        entries.append((time, count, action))
        var child = entries.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop(before end: Int64) -> (Int64, (ClusterWorld) -> Void)? {
        guard let first = entries.first, first.time <= end else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count && isBefore(child, least) {
                least = child
            }
            guard least != parent else { break }
            entries.swapAt(parent, least)
            parent = least
        }
        return (first.time, first.action)
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        (entries[a].time, entries[a].number) < (entries[b].time, entries[b].number)
    }
}

struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var hash = state
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return hash ^ hash >> 31
    }

    mutating func next(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }
}
