// SPDX-License-Identifier: Apache-2.0

/// What can go wrong in a history. Each kind can be left out, which is how a failure is made smaller.
public enum SimFaultKind: String, CaseIterable, Sendable {
    case packetLoss = "packet-loss"
    case packetDelay = "packet-delay"
    case packetRepeat = "packet-repeat"
    case heartbeatLoss = "heartbeat-loss"
    /// A commit's request or its answer is lost.
    case commitLoss = "commit-loss"
    case storeSlow = "store-slow"
    case storeFull = "store-full"
    case storeDown = "store-down"
    case feedCut = "feed-cut"
    /// Both directions between two of: nodes, store, clients.
    case partition
    /// One direction only.
    case oneWay = "one-way"
    /// A node's interface loses its carrier, and the node knows.
    case carrier
    /// SIGSTOP and SIGCONT.
    case pause
    case crash
    /// The machine goes down, not only the process: nothing answers for it.
    case powerLoss = "power-loss"
    case clockStep = "clock-step"
    /// Clocks that run too fast or too slow, and do not agree at the start.
    case clockSkew = "clock-skew"
    case configuration
    case handover
    case drain
    /// SIGTERM: a node hands over, and comes back.
    case stop
    /// Clients that restart, leave, give back, decline, or are replaced by others.
    case unrest
}

/// A bug that is put into the wiring on purpose: the auditor must find it.
public enum SimBug: String, CaseIterable, Sendable {
    /// Lease commits do not compare the term.
    case noFence = "no-fence"
    /// The store's answer is made up before the store has it, and some batches never reach it.
    case ackBeforeCommit = "ack-before-commit"
    /// A node that starts again knows no leases.
    case nakFromEmptyReplica = "nak-from-empty-replica"
}

/// One history, as asked for.
public struct SimOptions: Sendable {
    public var seed: UInt64
    public var minutes: Int64
    public var nodes = 3
    public var clients = 40
    public var bug: SimBug?
    public var faults = Set(SimFaultKind.allCases)
    /// How many times as many faults as usual there are.
    public var faultRate: Int64 = 1
    /// Once, the store is set back to a backup of some minutes before.
    public var restoresStore = false
    /// Lines of a history that a failure shows.
    public var tailLines = 60
    /// Prints every line as it happens.
    public var isVerbose = false

    public init(seed: UInt64, minutes: Int64) {
        self.seed = seed
        self.minutes = minutes
    }

    var endsAt: SimTime { minutes * 60_000 }
    /// From here on nothing fails any more.
    var calmFrom: SimTime { endsAt - min(SimTimes.calm, endsAt * 6 / 10) }
}

/// How long things take in a history, milliseconds.
enum SimTimes {
    /// Twice the longest reservation of an address, and a client's patience.
    static let calm: SimTime = 15 * 60_000
    /// How long a node waits for the store's answer.
    static let commitTimeout: SimTime = 2_000
    static let feedRetry: SimTime = 700
    static let startRetry: SimTime = 1_000
    /// At the end so long nobody may have taken a term.
    static let quiet: SimTime = 2 * 60_000
}

/// What came out.
public struct SimOutcome: Sendable {
    public struct Violation: Sendable {
        public var rule: String
        public var text: String
        public var at: SimTime
        /// The last lines of the history that have to do with it.
        public var tail: [String]
    }

    public var options: SimOptions
    public var violation: Violation?
    /// Equal for equal histories.
    public var digest: UInt64
    public var counts: SimCounts
}

/// How much a history held: a simulation in which nothing happens proves nothing.
public struct SimCounts: Sendable {
    public var events = 0
    public var grants = 0
    public var renewals = 0
    public var commits = 0
    public var conflicts = 0
    public var terms = 0
    public var naks = 0
    public var faults = 0
    public var staticComparisons = 0
    /// ACKs of dynamic addresses that no write stands behind.
    public var unwritten = 0

    public init() {}

    public mutating func add(_ other: SimCounts) {
        events += other.events
        grants += other.grants
        renewals += other.renewals
        commits += other.commits
        conflicts += other.conflicts
        terms += other.terms
        naks += other.naks
        faults += other.faults
        staticComparisons += other.staticComparisons
        unwritten += other.unwritten
    }
}
