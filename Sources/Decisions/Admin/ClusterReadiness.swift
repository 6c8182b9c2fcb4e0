// SPDX-License-Identifier: Apache-2.0

import Model

/// What one node sees of its cluster, as far as it matters to the question whether a failure would be safe.
public struct ClusterFacts: Hashable, Sendable {
    public struct Store: Hashable, Sendable {
        /// "etcd 3.5.13"
        public var engine: String
        public var hasQuorum: Bool
        /// The loss of any one member would leave it working.
        public var survivesOneLoss: Bool
        /// Members that do not answer.
        public var unreachable: [String]
        /// What the store complains about, as sentences.
        public var alarms: [String]

        public init(engine: String, hasQuorum: Bool, survivesOneLoss: Bool, unreachable: [String], alarms: [String]) {
            self.engine = engine
            self.hasQuorum = hasQuorum
            self.survivesOneLoss = survivesOneLoss
            self.unreachable = unreachable
            self.alarms = alarms
        }
    }

    public struct Node: Hashable, Sendable {
        public var name: String
        public var isAlive: Bool
        /// Whether it takes terms: neither draining nor stopped.
        public var takesTerms: Bool
        /// Revisions that it lies behind the newest.
        public var lagRevisions: Int64
        public var clockOffsetMilliseconds: Int64
        /// Networks that it cannot hear.
        public var deaf: Set<String>

        public init(
            name: String, isAlive: Bool, takesTerms: Bool = true, lagRevisions: Int64 = 0,
            clockOffsetMilliseconds: Int64 = 0, deaf: Set<String> = []
        ) {
            self.name = name
            self.isAlive = isAlive
            self.takesTerms = takesTerms
            self.lagRevisions = lagRevisions
            self.clockOffsetMilliseconds = clockOffsetMilliseconds
            self.deaf = deaf
        }
    }

    public struct Network: Hashable, Sendable {
        public var name: String
        /// Whether it needs somebody up to bat.
        public var isDynamic: Bool
        /// Nil: nobody.
        public var holder: String?
        /// Its virtual address, where it has one and the holder has not got it.
        public var missingVIP: String?

        public init(name: String, isDynamic: Bool, holder: String?, missingVIP: String? = nil) {
            self.name = name
            self.isDynamic = isDynamic
            self.holder = holder
            self.missingVIP = missingVIP
        }
    }

    public var store: Store
    public var nodes: [Node]
    public var networks: [Network]
    /// The store takes no beat of the node that says all this.
    public var isCutOff: Bool

    public init(store: Store, nodes: [Node], networks: [Network], isCutOff: Bool = false) {
        self.store = store
        self.nodes = nodes
        self.networks = networks
        self.isCutOff = isCutOff
    }
}

/// Whether the failure of any one node, or of any one member of the store, right now would be survived without a gap
/// beyond the promises. A node that is already gone is no reason against it while two others are well.
public struct ClusterReadiness: Hashable, Sendable {
    /// What is missing, as sentences, the gravest first.
    public var reasons: [String]
    public var isSafe: Bool { reasons.isEmpty }

    public static func judge(_ facts: ClusterFacts) -> ClusterReadiness {
        ClusterReadiness(reasons: store(facts) + nodes(facts) + networks(facts))
    }

    private static func store(_ facts: ClusterFacts) -> [String] {
        let store = facts.store
        var reasons: [String] = []
        if facts.isCutOff { reasons.append("the store takes nothing from the node that was asked: its view is old") }
        if !store.hasQuorum {
            reasons.append("the store (\(store.engine)) has no quorum: nobody gets a new address")
        } else if !store.survivesOneLoss {
            reasons.append("the store (\(store.engine)) has no quorum to lose: it would not survive a member's failure")
        }
        // Of five members one may be gone, and the next one too.
        if !store.survivesOneLoss { reasons += store.unreachable.map { "store member \($0) does not answer" } }
        return reasons + store.alarms.map { "the store complains: \($0)" }
    }

    private static func nodes(_ facts: ClusterFacts) -> [String] {
        let alive = facts.nodes.filter(\.isAlive)
        let ready = alive.filter(\.takesTerms)
        var reasons: [String] = []
        switch (alive.count, ready.count) {
        case (0, _): reasons.append("no node is alive")
        case (1, _): reasons.append("only one node is alive: \(alive[0].name)")
        case (_, 0): reasons.append("every node that is alive is draining or stopping")
        case (_, 1):
            reasons.append("only \(ready[0].name) takes terms: the other nodes that are alive drain or stop")
        default: break
        }
        for node in alive where node.lagRevisions > Limits.lagRevisionsMax {
            reasons.append("node \(node.name) lies \(grouped(node.lagRevisions)) revisions behind")
        }
        for node in alive where node.clockOffsetMilliseconds.magnitude > Limits.clockOffsetMillisecondsMax.magnitude {
            let seconds = node.clockOffsetMilliseconds.magnitude / 1_000
            let way = node.clockOffsetMilliseconds < 0 ? "behind" : "ahead of"
            reasons.append(
                "the clock of node \(node.name) is \(RoughTime.text(seconds: Int64(seconds))) \(way) the cluster's")
        }
        return reasons
    }

    private static func networks(_ facts: ClusterFacts) -> [String] {
        let dynamic = facts.networks.filter(\.isDynamic)
        let alive = Set(facts.nodes.filter(\.isAlive).map(\.name))
        var reasons = about(dynamic.filter { $0.holder == nil }) { "\($0) nobody up to bat" }
        reasons += about(dynamic.filter { $0.holder.map { !alive.contains($0) } ?? false }) {
            "\($0) a node up to bat that is not alive"
        }
        reasons += about(dynamic.filter { $0.missingVIP != nil }) { "\($0) a node up to bat without the vip" }
        let ready = facts.nodes.filter { $0.isAlive && $0.takesTerms }
        // Where there is no second node at all, that has been said.
        guard ready.count >= 2 else { return reasons }
        let ears = facts.networks.map { network in
            (network, count: ready.count { !$0.deaf.contains(network.name) })
        }
        reasons += about(ears.filter { $0.count == 0 }.map(\.0)) { "\($0) no node that hears its clients" }
        reasons += about(ears.filter { $0.count == 1 }.map(\.0)) { "\($0) no second node that hears its clients" }
        return reasons
    }

    /// One sentence about all networks that have the same trouble.
    private static func about(_ networks: [ClusterFacts.Network], _ sentence: (String) -> String) -> [String] {
        let names = networks.map(\.name).sorted()
        switch names.count {
        case 0: return []
        case 1: return [sentence("network \(names[0]) has")]
        case 2...4: return [sentence("networks \(names.joined(separator: ", ")) each have")]
        default:
            return [sentence("networks \(names.prefix(3).joined(separator: ", ")) and \(names.count - 3) more have")]
        }
    }

    /// "1 200", "48 211"
    private static func grouped(_ number: Int64) -> String {
        var digits = Array(String(number))
        var place = digits.count - 3
        while place > 0 {
            digits.insert(" ", at: place)
            place -= 3
        }
        return String(digits)
    }
}
