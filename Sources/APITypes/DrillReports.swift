// SPDX-License-Identifier: Apache-2.0

import Model

/// `POST /api/v1/cluster/networks/{network}/drill`
public struct DrillRequest: Codable, Hashable, Sendable {
    public var kind: DrillKind
    /// Who is to take over by hand-over; nil: whichever node can.
    public var to: String?
    /// How long the node stands still; nil: `Limits.drillSilenceMillisecondsDefault`.
    public var milliseconds: Int64?
    /// Also when a failure now would not be safe.
    public var force: Bool?
    /// Only says what would be done, or why it would not.
    public var dryRun: Bool?

    public init(
        kind: DrillKind, to: String? = nil, milliseconds: Int64? = nil, force: Bool? = nil, dryRun: Bool? = nil
    ) {
        self.kind = kind
        self.to = to
        self.milliseconds = milliseconds
        self.force = force
        self.dryRun = dryRun
    }
}

/// What is done to which node. A kill or silence happens a moment after this answer (`Limits.drillDelayMilliseconds`).
public struct DrillOrderReport: Codable, Hashable, Sendable {
    public var network: String
    public var kind: DrillKind
    /// The node that was up to bat.
    public var node: String
    /// Of a hand-over: who is up to bat now, or would be.
    public var successor: String?
    /// How long the node stands still.
    public var milliseconds: Int64?

    public init(network: String, kind: DrillKind, node: String, successor: String? = nil, milliseconds: Int64? = nil) {
        self.network = network
        self.kind = kind
        self.node = node
        self.successor = successor
        self.milliseconds = milliseconds
    }
}

/// `PUT /api/v1/cluster/networks/{network}/drill`: what has come of one, for the timeline.
public struct DrillOutcome: Codable, Hashable, Sendable {
    public var kind: DrillKind
    public var outcome: DrillReport.Outcome
    /// Nil: nobody got an address any more.
    public var gapMilliseconds: Double?

    public init(kind: DrillKind, outcome: DrillReport.Outcome, gapMilliseconds: Double?) {
        self.kind = kind
        self.outcome = outcome
        self.gapMilliseconds = gapMilliseconds
    }

    /// "a kill: kept, 62 ms without an ACK (promised: 300 ms at most)"
    public var sentence: String {
        let gap = gapMilliseconds.map { "\(Int64(clampingMilliseconds: $0)) ms without an ACK" }
        return "a \(kind.rawValue): \(outcome.rawValue), \(gap ?? "nobody got an address any more") "
            + "(promised: \(kind.promiseMilliseconds) ms at most)"
    }
}

extension Int64 {
    fileprivate init(clampingMilliseconds value: Double) {
        self = Int64(exactly: value.rounded()) ?? (value > 0 ? .max : 0)
    }
}

/// What made-up clients saw of a rehearsal, in milliseconds: what `ondeck drill -o json` writes.
public struct DrillReport: Codable, Hashable, Sendable {
    public struct Spread: Codable, Hashable, Sendable {
        public var p50: Double
        public var p99: Double
        public init(p50: Double, p99: Double) { (self.p50, self.p99) = (p50, p99) }
    }

    /// Until the first fault was ordered.
    public struct Before: Codable, Hashable, Sendable {
        public var leases: Int
        public var leasesPerSecond: Double
        /// From the first DISCOVER to the OFFER, and from the REQUEST to the ACK; nil: there was none.
        public var offer: Spread?
        public var ack: Spread?
        /// Between two ACKs.
        public var longestGap: Double
        public var sentAgain: Int

        public init(
            leases: Int, leasesPerSecond: Double, offer: Spread?, ack: Spread?, longestGap: Double, sentAgain: Int
        ) {
            self.leases = leases
            self.leasesPerSecond = leasesPerSecond
            self.offer = offer
            self.ack = ack
            self.longestGap = longestGap
            self.sentAgain = sentAgain
        }
    }

    /// The longest time without an ACK that one fault brought about.
    public struct Gap: Codable, Hashable, Sendable {
        /// "n1 hands over to n2"
        public var fault: String
        /// Nil: no ACK came any more.
        public var milliseconds: Double?
        /// The server that had given the last lease before the fault, and the one that gave the first after it that is
        /// from another; nil: none did.
        public var lastFrom: String?
        public var firstFrom: String?

        public init(fault: String, milliseconds: Double?, lastFrom: String?, firstFrom: String?) {
            self.fault = fault
            self.milliseconds = milliseconds
            self.lastFrom = lastFrom
            self.firstFrom = firstFrom
        }
    }

    public enum Outcome: String, Codable, Hashable, Sendable, CaseIterable {
        /// As promised.
        case kept
        case broken
        /// The measurement says nothing about OnDeck.
        case unclear
    }

    public var network: String
    public var kind: DrillKind
    public var interface: String
    public var clients: Int
    /// That were asked for.
    public var perSecond: Int
    public var before: Before
    public var gaps: [Gap]
    /// The longest of them; nil: one did not end.
    public var gapMilliseconds: Double?
    public var promiseMilliseconds: Int64
    /// All of the drill.
    public var leases: Int
    /// Since the first fault: the longest that a client waited for its lease, from its first DISCOVER.
    public var slowest: Double?
    /// Clients' turns in which something had to be sent twice, since the first fault.
    public var sentAgain: Int
    public var neverAnswered: Int
    /// Sentences: addresses that two clients had at once.
    public var duplicates: [String]
    /// NAKs for what had just been offered.
    public var refused: Int
    public var released: Int
    /// The longest that the drill itself did not get to run.
    public var stall: Double
    public var outcome: Outcome
    /// Sentences.
    public var reasons: [String]

    public init(network: String, kind: DrillKind, interface: String, clients: Int, perSecond: Int, before: Before) {
        self.network = network
        self.kind = kind
        self.interface = interface
        self.clients = clients
        self.perSecond = perSecond
        self.before = before
        gaps = []
        promiseMilliseconds = kind.promiseMilliseconds
        leases = 0
        sentAgain = 0
        neverAnswered = 0
        duplicates = []
        refused = 0
        released = 0
        stall = 0
        outcome = .unclear
        reasons = []
    }
}
