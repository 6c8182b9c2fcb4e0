// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model
import Ports
import Synchronization

/// This node among the others: gives `Leadership` what happens, and carries out what it concludes. It has no thread and
/// no timer of its own; whoever brings an event carries out its effects, one event after the other.
public final class ClusterNode: Sendable {
    struct State {
        var leadership: Leadership
        var inbox: [Leadership.Event] = []
        var isHandling = false
        var beat: Beat
        var isBeating = false
        /// Revision of this node's own beat record, as far as it is known.
        var beatRevision = Revision.none
        var beats: [String: Beat] = [:]
        var draining: Set<String> = []
        var floors = Floors()
        var followed = Revision.none
        var isUsurped = false
        /// Before its first beat a node may find one of its name: that of its own last run.
        var hasBeaten = false
        var time = TimeFollower()
        /// Whether this node's time is the cluster's: until then it takes no term, and tells nobody the time.
        var isSettled = true
        /// Beats written by others while this node was joining: their time, and when it was seen.
        var fresh: [String: (sentAt: Instant, seen: Uptime)] = [:]
    }

    /// What has been read as a whole; older changes of the feed say nothing new.
    struct Floors {
        var control = Revision.none
        var leases: [String: Revision] = [:]
    }

    /// What the node asks of the rest of the process.
    public struct Calls: Sendable {
        /// Sends a heartbeat to all peers.
        public var tell: @Sendable (Heartbeat) -> Void
        /// The other nodes' latest beats are these, or where to find them has changed.
        public var peersChanged: @Sendable ([Beat]) -> Void
        /// Another process has this node's name and is the newer one: this one must end.
        public var usurped: @Sendable (Beat) -> Void
        /// This node is ordered to rehearse a fault: the order's record.
        public var drillOrdered: @Sendable ([UInt8], Revision) -> Void
        /// Everything is handed over.
        public var stopped: @Sendable () -> Void

        public init(
            tell: @escaping @Sendable (Heartbeat) -> Void,
            peersChanged: @escaping @Sendable ([Beat]) -> Void = { _ in },
            usurped: @escaping @Sendable (Beat) -> Void = { _ in },
            drillOrdered: @escaping @Sendable ([UInt8], Revision) -> Void = { _, _ in },
            stopped: @escaping @Sendable () -> Void = {}
        ) {
            self.tell = tell
            self.peersChanged = peersChanged
            self.usurped = usurped
            self.drillOrdered = drillOrdered
            self.stopped = stopped
        }
    }

    let state: Mutex<State>
    let store: any StateStore
    let engine: DHCPEngine
    let clock: Clock
    let timeline: Timeline
    let calls: Calls
    public let run: NodeRun

    public init(
        settings: Leadership.Settings, store: any StateStore, engine: DHCPEngine, clock: Clock, timeline: Timeline,
        calls: Calls
    ) {
        run = settings.run
        var beat = Beat(run: settings.run)
        beat.startedAt = clock.now()
        state = Mutex(State(leadership: Leadership(settings, now: clock.uptime()), beat: beat))
        self.store = store
        self.engine = engine
        self.clock = clock
        self.timeline = timeline
        self.calls = calls
    }

    /// For simulations: a node that only sends heartbeats.
    public convenience init(
        settings: Leadership.Settings, store: any StateStore, engine: DHCPEngine, clock: Clock, timeline: Timeline,
        tell: @escaping @Sendable (Heartbeat) -> Void
    ) {
        self.init(
            settings: settings, store: store, engine: engine, clock: clock, timeline: timeline,
            calls: Calls(tell: tell))
    }

    /// What this node says of itself from now on.
    public func describe(_ change: (inout Beat) -> Void) { state.withLock { change(&$0.beat) } }

    // MARK: Events

    public func handle(_ event: Leadership.Event) {
        if case .stopping = event { engine.beginStopping() }
        if case .tick = event { tick() } else { handle([event]) }
    }

    func handle(_ events: [Leadership.Event]) {
        let isFirst = state.withLock { state in
            state.inbox += events
            defer { state.isHandling = true }
            return !state.isHandling
        }
        guard isFirst else { return }
        while let (effects, isCutOff) = next() {
            // Before the effects: who begins to serve answers what has waited.
            engine.setCutOff(isCutOff)
            for effect in effects { perform(effect) }
        }
    }

    /// The effects of the next event, and whether this node is cut off after it; nil when there is none.
    private func next() -> (effects: [Leadership.Effect], isCutOff: Bool)? {
        let (now, clusterNow) = (clock.uptime(), clock.now())
        return state.withLock { state in
            guard !state.inbox.isEmpty else {
                state.isHandling = false
                return nil
            }
            state.leadership.clusterNow = clusterNow
            let effects = state.leadership.handle(state.inbox.removeFirst(), now: now)
            return (effects, state.leadership.isCutOff(now: now))
        }
    }

    public func tick() { handle([.heard(engine.heardCounts), .tick]) }

    /// Changes after this revision are still to be taken in.
    var followedFrom: Revision { state.withLock { $0.followed } }

    public var nextTick: Uptime? { state.withLock { $0.leadership.nextTick } }

    /// The site has other networks than before.
    public func networksChanged() {
        guard state.withLock({ $0.isSettled }) else { return }
        let candidates = engine.networks.filter { $0.mode == .dynamic }
            .map { Leadership.Candidate(network: $0.name, preferred: $0.preferredNodes) }
            .sorted { $0.network < $1.network }
        handle(.networks(candidates))
    }

    /// A peer's heartbeat, authenticated.
    public func receive(_ heartbeat: Heartbeat) {
        guard heartbeat.run.node != run.node else { return }
        if state.withLock({ $0.isSettled }) { followTime(heartbeat) } else { settle(at: heartbeat.sentAt) }
        handle(.heartbeat(heartbeat))
    }

    // MARK: Effects

    private func perform(_ effect: Leadership.Effect) {
        switch effect {
        case .write(let term, let expected, let deletesOrder):
            write(term, expected: Revision(expected), deletesOrder: deletesOrder)
        case .serve(let term, let revision): serve(HeldTerm(term: term, revision: Revision(revision)))
        case .rest(let network, let reason): rest(network, reason)
        case .beat(let intent): beat(intent)
        case .heartbeat: tell()
        case .stopped: calls.stopped()
        }
    }

    private func write(_ term: Term, expected: Revision, deletesOrder: Bool) {
        let key = StoreKeys.term(term.network)
        var writes = [StoreWrite.put(key: key, value: TermRecord.encode(term))]
        if deletesOrder { writes.append(.delete(key: StoreKeys.order(term.network))) }
        let batch = StoreBatch(guards: [StoreGuard(key: key, revision: expected)], writes: writes)
        store.commit(batch) { [self] result in
            switch result {
            case .success(let revision):
                handle(.wrote(network: term.network, .written(revision: revision.value)))
                // Nobody else writes to it, so nobody follows it: what was written is what there is.
                if !store.isShared { handle(.term(term, revision: revision.value)) }
            case .failure(.conflict): handle(.wrote(network: term.network, .conflict))
            case .failure: handle(.wrote(network: term.network, .failed))
            }
        }
    }

    private func serve(_ held: HeldTerm) {
        engine.serve(held)
        guard store.isShared else { return }
        let term = held.term
        timeline.add(
            Event(
                .system, .info, network: term.network,
                .text("up to bat, epoch \(term.epoch.value): \(term.cause.sentence)")))
    }

    private func rest(_ network: String, _ reason: Leadership.RestReason) {
        engine.rest(network)
        timeline.add(Event(.system, reason.level, network: network, .text(reason.sentence)))
    }

    private func tell() {
        let heard = engine.heardCounts
        let heartbeat = state.withLock { state -> Heartbeat? in
            guard state.isSettled else { return nil }
            state.beat.sequence += 1
            var heartbeat = Heartbeat(
                run: run, sequence: state.beat.sequence, sentAt: clock.now(), intent: state.beat.intent)
            heartbeat.deaf = state.beat.deaf
            heartbeat.heard = heard
            return heartbeat
        }
        if let heartbeat { calls.tell(heartbeat) }
    }

    /// One at a time: a slow store is not asked for more.
    private func beat(_ intent: NodeIntent) {
        let sentAt = clock.uptime()
        let heard = engine.heardCounts
        let sending = state.withLock { state -> (Beat, Revision)? in
            guard !state.isBeating, !state.isUsurped else { return nil }
            state.isBeating = true
            state.beat.sequence += 1
            state.beat.sentAt = clock.now()
            state.beat.clockOffsetMilliseconds = clock.driftMilliseconds()
            state.beat.intent = intent
            state.beat.heard = heard
            return (state.beat, state.beatRevision)
        }
        guard let (beat, revision) = sending else { return }
        let key = StoreKeys.beat(run.node)
        let batch = StoreBatch(
            guards: [StoreGuard(key: key, revision: revision)],
            writes: [.put(key: key, value: BeatRecord.encode(beat))])
        store.commit(batch) { [self] in beatEnded($0, sequence: beat.sequence, sentAt: sentAt) }
    }

    private func beatEnded(_ result: Result<Revision, StoreError>, sequence: UInt64, sentAt: Uptime) {
        state.withLock { state in
            state.isBeating = false
            if case .success(let revision) = result { (state.beatRevision, state.hasBeaten) = (revision, true) }
        }
        switch result {
        case .success:
            engine.storeWorks()
            handle(.ownBeatWritten(sequence: sequence, sentAt: sentAt))
        // The record is not as we left it: an answer was lost, an operator removed it, or somebody uses our name. The
        // change itself says which.
        case .failure(.conflict): handle(.ownBeatFailed)
        case .failure(let error):
            engine.storeFails(error)
            handle(.ownBeatFailed)
        }
    }

    /// What the store has under our name.
    func takeOwnBeat(_ value: [UInt8]?, revision: Revision) {
        let found = value.flatMap { try? BeatRecord.decode($0, node: run.node) }
        let usurper = state.withLock { state -> Beat? in
            if revision > state.beatRevision || value == nil { state.beatRevision = revision }
            guard let found, found.run != run, found.intent != .stopped, !state.isUsurped, state.hasBeaten else {
                return nil
            }
            state.isUsurped = true
            return found
        }
        if let usurper { calls.usurped(usurper) }
    }

    // MARK: Time

    private func followTime(_ heartbeat: Heartbeat) {
        let (ours, uptime) = (clock.now(), clock.uptime())
        let behind = state.withLock {
            $0.time.sample(heartbeat.sentAt, of: heartbeat.run.node, ours: ours, uptime: uptime)
        }
        guard let behind else { return }
        clock.set(to: clock.now().adding(milliseconds: -behind))
        guard behind > 1_000 else { return }
        timeline.add(Event(.system, .warning, .text("this node's time was \(behind) ms ahead of the cluster's")))
    }
}

extension Leadership.RestReason {
    var level: Event.Level {
        switch self {
        case .handingOver, .gone, .stopping: .info
        case .lost, .cutOff: .warning
        case .restored: .error
        }
    }

    var sentence: String {
        switch self {
        case .handingOver(let node): "on deck: handing over to \(node)"
        case .lost(let node): "on deck: \(node) is up to bat"
        case .cutOff: "on deck: the store does not take this node's beats, others may take over"
        case .gone: "no longer a dynamic network"
        case .restored:
            "benched: the store has an older epoch than this node has seen, so it was restored from a backup or is "
                + "another one; no dynamic addresses until 'ondeck cluster accept-restored'"
        case .stopping: "on deck: this node stops"
        }
    }
}
