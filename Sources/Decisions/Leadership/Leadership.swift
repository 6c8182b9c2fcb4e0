// SPDX-License-Identifier: Apache-2.0

import Model

/// Who is up to bat where: what one node concludes from what it sees, and does about it. A value: events go in with
/// the time of their happening on this node's own steady clock, effects come out; the same events in the same order
/// always give the same effects. Taking a term early is always safe - the store's compare fences the old holder - so
/// everything here serves only to take terms soon, evenly and not needlessly.
public struct Leadership: Sendable {
    public struct Settings: Sendable {
        public var run: NodeRun
        /// D: after so long without any sign of life a node counts as silent.
        public var silenceMilliseconds: Int64 = Limits.silenceMillisecondsDefault
        /// Whether anybody else can write to the store. If nobody can, terms need no beats and never end.
        public var isShared: Bool
        public init(run: NodeRun, isShared: Bool) { self.run = run; self.isShared = isShared }
    }

    /// A dynamic network, as the site describes it.
    public struct Candidate: Hashable, Sendable {
        public var network: String
        /// Nodes in the operator's order of preference; others come after them.
        public var preferred: [String]
        public init(network: String, preferred: [String] = []) {
            self.network = network
            self.preferred = preferred
        }
    }

    public enum Event: Sendable {
        /// All dynamic networks of the site.
        case networks([Candidate])
        /// The store's record of a term, in the order of the store's commits. Everything that was committed before
        /// it has been taken in already: a node that sees its own claim here has caught up.
        case term(Term, revision: Int64)
        case termGone(network: String)
        case beat(Beat)
        case beatGone(node: String)
        /// Received directly, authenticated.
        case heartbeat(Heartbeat)
        /// The machine of `node` answers, and nobody listens on its peer port.
        case refused(node: String)
        case ownBeatWritten(sentAt: Uptime)
        case ownBeatFailed
        /// The networks that this node cannot hear now.
        case deaf(Set<String>)
        /// Client packets received so far by this node, by network (counts only grow).
        case heard([String: UInt64])
        /// `StoreKeys.order`, nil when it is gone.
        case order(network: String, to: String?)
        /// The nodes that have a `StoreKeys.drain`.
        case draining(Set<String>)
        /// SIGTERM: hand over everything.
        case stopping
        /// How a `.write` ended. The record itself comes as `.term`.
        case wrote(network: String, Outcome)
        /// Nothing happened but time.
        case tick

        public enum Outcome: Hashable, Sendable {
            case written(revision: Int64)
            /// Somebody else was first.
            case conflict
            /// The store did not take it, or did not say.
            case failed
        }
    }

    public enum Effect: Hashable, Sendable {
        /// Compare-and-set of `StoreKeys.term(term.network)`: only if the record's revision is still `expected`
        /// (0: there is none). `deletesOrder`: an operator's order for this network is fulfilled by it; delete the
        /// order in the same batch.
        case write(Term, expected: Int64, deletesOrder: Bool)
        /// From now on this node answers the network's dynamic clients, commits guarded by `revision`.
        case serve(Term, revision: Int64)
        /// From now on it does not.
        case rest(network: String, RestReason)
        /// Write this node's beat; report it as `.ownBeatWritten` or `.ownBeatFailed`.
        case beat(intent: NodeIntent)
        /// Send a heartbeat to every peer.
        case heartbeat
        /// Everything is handed over, or cannot be: the process may end.
        case stopped
    }

    public enum RestReason: Hashable, Sendable {
        /// Being handed over to this node.
        case handingOver(to: String)
        /// Another node has the term.
        case lost(to: String)
        /// No beat of ours was taken for too long: others may be about to take the term.
        case cutOff
        /// The network is no longer a dynamic one of the site.
        case gone
        /// The store has an older epoch than this node has seen: it was restored from a backup, or is another one.
        case restored
        case stopping
    }

    private let settings: Settings

    public init(_ settings: Settings, now: Uptime) { self.settings = settings }

    public mutating func handle(_ event: Event, now: Uptime) -> [Effect] { [] }

    /// The cluster's time, for the `since` of new terms. Set before `handle`.
    public var clusterNow = Instant(milliseconds: 0)

    /// When `tick` should come next, at the latest.
    public var nextTick: Uptime? { nil }

    // MARK: What `ondeck cluster` shows

    public struct NetworkView: Hashable, Sendable {
        public var network: String
        /// Nil: nobody yet.
        public var term: Term?
        public var isServing: Bool
        /// Who would have it if all were well.
        public var desired: String?
        public init(network: String, term: Term?, isServing: Bool, desired: String?) {
            self.network = network
            self.term = term
            self.isServing = isServing
            self.desired = desired
        }
    }

    public struct NodeView: Hashable, Sendable {
        public enum Life: String, Hashable, Sendable {
            case alive, silent
            case processGone = "process-gone"
            case stopped
        }
        public var beat: Beat
        public var life: Life
        /// Since its last sign of life on this node's clock.
        public var silentMilliseconds: Int64
        public init(beat: Beat, life: Life, silentMilliseconds: Int64) {
            self.beat = beat
            self.life = life
            self.silentMilliseconds = silentMilliseconds
        }
    }

    public func networks(now: Uptime) -> [NetworkView] { [] }
    public func nodes(now: Uptime) -> [NodeView] { [] }
    /// Whether this node's own beats are taken.
    public func isCutOff(now: Uptime) -> Bool { false }
}
