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
        /// The highest epochs that this node's own disk remembers, by network.
        case epochsKnown([String: UInt64])
        /// The operator says that the store is the right one although its epochs went back (`RestReason.restored`).
        case restoreAccepted
        /// The store's record of a beat, in the order of the store's commits; of this node's own, too.
        case beat(Beat)
        case beatGone(node: String)
        /// Received directly, authenticated.
        case heartbeat(Heartbeat)
        /// The machine of `node` answers, and nobody listens on its peer port.
        case refused(node: String)
        /// The store took the beat of this sequence number.
        case ownBeatWritten(sequence: UInt64, sentAt: Uptime)
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
        /// No beat of ours was taken for too long: others may be about to take the term. Ends when one has been taken
        /// and the store's feed has shown it.
        case cutOff
        /// The network is no longer a dynamic one of the site.
        case gone
        /// The store has an older epoch than this node has seen: it was restored from a backup, or is another one.
        case restored
        case stopping
    }

    let settings: Settings
    /// Of the event at hand.
    var now: Uptime
    /// The cluster's time, for the `since` of new terms. Set before `handle`.
    public var clusterNow = Instant(milliseconds: 0)
    var effects: [Effect] = []

    var own: OwnBeat
    var phase = Phase.running
    /// The others, by name.
    var nodes: [String: NodeEvidence] = [:]
    var nodeNames: [String] = []
    var draining: Set<String> = []
    var ownDeaf: Set<String> = []
    var networks: [String: NetworkState] = [:]
    /// The site's dynamic networks, in the order of their names.
    var candidates: [Candidate] = []
    /// Networks with a term, by the holder's name.
    var held: [String: Set<String>] = [:]
    /// Dynamic networks without a term.
    var vacant: Set<String> = []
    var due = DueQueue()
    var balance: Balance
    var orders: [String: String] = [:]
    /// Orders that are gone from the store; the next term may be what they asked for.
    var ordersGone: [String: String] = [:]
    var ownHeard: [String: UInt64] = [:]
    var hearings: [String: Hearing] = [:]
    /// Nodes that lost a network because they did not hear its clients.
    var suspects: [String: [String: Suspect]] = [:]
    /// The store has been found to be an older one.
    public internal(set) var isRestored = false

    public init(_ settings: Settings, now: Uptime) {
        self.settings = settings
        self.now = now
        own = OwnBeat(now: now)
        balance = Balance(now: now)
    }

    var run: NodeRun { settings.run }
    var isShared: Bool { settings.isShared }

    /// `now` never goes back; when it seems to, it stands. At start everything that the store has comes before
    /// `.networks`: a network without a record counts as one that nobody ever had.
    public mutating func handle(_ event: Event, now: Uptime) -> [Effect] {
        self.now = max(self.now, now)
        reviewOwnBeat()
        take(event)
        while let entry = due.popDue(at: self.now) {
            guard networks[entry.network]?.wakeAt == entry.at else { continue }
            networks[entry.network]?.wakeAt = nil
            look(at: entry.network)
        }
        advanceStop()
        defer { effects = [] }
        return effects
    }

    private mutating func take(_ event: Event) {
        switch event {
        case .networks(let candidates): takeNetworks(candidates)
        case .term(let term, let revision): take(term, revision: revision)
        case .termGone(let network): takeTermGone(network)
        case .epochsKnown(let epochs): takeEpochs(epochs)
        case .restoreAccepted: acceptRestored()
        case .beat(let beat): take(beat)
        case .beatGone(let node): takeBeatGone(node)
        case .heartbeat(let heartbeat): take(heartbeat)
        case .refused(let node): takeRefusal(node)
        case .ownBeatWritten(let sequence, let sentAt): takeOwnBeat(sequence, sentAt: sentAt)
        case .ownBeatFailed: takeOwnBeatFailed()
        case .deaf(let networks): takeDeaf(networks)
        case .heard(let counts): takeHeard(counts)
        case .order(let network, let node): takeOrder(network, to: node)
        case .draining(let nodes): takeDraining(nodes)
        case .stopping: stop()
        case .wrote(let network, let outcome): takeOutcome(network, outcome)
        case .tick: tick()
        }
    }

    private mutating func tick() {
        guard isShared, phase != .stopped else { return }
        beatIfDue()
        reviewNodes()
        reviewHearings()
        rebalance()
    }

    /// When `tick` should come next, at the latest; nil: only when something happens.
    public var nextTick: Uptime? {
        guard phase != .stopped else { return nil }
        let beatAt = own.nextTick(silence: silence, margin: margin, isLast: intent == .stopped)
        return [due.soonest, phase.deadline, isShared ? beatAt : nil].compactMap { $0 }.min()
    }

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
}
