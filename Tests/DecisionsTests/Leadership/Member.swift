// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model

/// One process of a `ClusterWorld`: carries out its machine's effects.
final class Member {
    enum State: Equatable {
        case running
        case paused
        /// `answers`: its machine refuses what comes for its port.
        case dead(answers: Bool)
        case stopped
    }

    unowned let world: ClusterWorld
    let run: NodeRun
    var leadership: Leadership
    var state = State.running
    var inbox: [Leadership.Event] = []
    var serving: [String: (term: Term, revision: Int64)] = [:]
    var effects: [(at: Int64, effect: Leadership.Effect)] = []
    var heard: [String: UInt64] = [:]
    var deaf: Set<String> = []
    var isStopping = false
    /// Its peer port is closed to others although it lives.
    var refusesWrongly = false

    private let offset: Int64
    private var sequence: UInt64 = 0
    private var intent = NodeIntent.serving
    private var isBeating = false
    private var coveredUntil: Int64 = -1
    private var tickAt: Int64?
    /// Feed: the store's changes come in their order.
    private var feedAt: Int64 = 0
    private var isFeedBroken = false
    /// What was read as a whole; older changes that are still under way say nothing new.
    private var feedFloor: Int64 = 0

    var name: String { run.node }

    init(_ world: ClusterWorld, _ run: NodeRun, offset: Int64) {
        self.world = world
        self.run = run
        self.offset = offset
        var settings = Leadership.Settings(run: run, isShared: world.isShared)
        settings.silenceMilliseconds = world.silence
        leadership = Leadership(settings, now: Uptime(milliseconds: world.now + offset))
    }

    private var uptime: Uptime { Uptime(milliseconds: world.now + offset) }
    private var clusterNow: Instant { Instant(milliseconds: 1_000_000 + world.now) }

    // MARK: Events

    /// Everything that the store has, as at a start or after the feed broke.
    func load() {
        guard world.isStoreUp, !world.isCut("store", name) else {
            isFeedBroken = true
            return
        }
        isFeedBroken = false
        (feedAt, feedFloor) = (world.now, world.revision)
        for view in leadership.networks(now: uptime) where view.term != nil && world.terms[view.network] == nil {
            handle(.termGone(network: view.network))
        }
        for (_, record) in world.terms.sorted(by: { $0.key < $1.key }) {
            handle(.term(record.term, revision: record.revision))
        }
        for (_, beat) in world.beats.sorted(by: { $0.key < $1.key }) { handle(.beat(beat)) }
        for (network, node) in world.orders.sorted(by: { $0.key < $1.key }) {
            handle(.order(network: network, to: node))
        }
        handle(.draining(world.drains))
        handle(.deaf(deaf))
        handle(.networks(world.candidates))
    }

    func feed(_ change: ClusterWorld.Change) {
        guard world.isShared, state == .running || state == .paused else { return }
        guard world.isStoreUp, !world.isCut("store", name), !isFeedBroken else {
            isFeedBroken = true
            return
        }
        feedAt = max(feedAt, world.now + world.delay(1...8))
        let event: Leadership.Event =
            switch change.record {
            case .term(let term): .term(term, revision: change.revision)
            case .termGone(let network): .termGone(network: network)
            case .beat(let beat): .beat(beat)
            case .order(let network, let node): .order(network: network, to: node)
            case .draining(let nodes): .draining(nodes)
            }
        world.at(feedAt) { [self] _ in if !isFeedBroken, change.revision > feedFloor { handle(event) } }
    }

    func reconnect() {
        guard isFeedBroken, state == .running || state == .paused else { return }
        load()
    }

    func setDeaf(_ networks: Set<String>) {
        deaf = networks
        handle(.deaf(networks))
    }

    func handle(_ event: Leadership.Event) {
        switch state {
        case .dead, .stopped: return
        case .paused: return inbox.append(event)
        case .running: break
        }
        leadership.clusterNow = clusterNow
        for effect in leadership.handle(event, now: uptime) {
            effects.append((world.now, effect))
            world.note("\(name): \(effect)", effect)
            perform(effect)
        }
        world.expect(serving.isEmpty || !world.isShared || world.now < coveredUntil, "\(name) serves without a beat")
        scheduleTick()
    }

    func tick() {
        handle(.heard(heard))
        handle(.tick)
        let next = leadership.nextTick
        world.expect(state != .running || next.map { $0 > uptime } ?? true, "\(name) wants to tick in the past")
    }

    private func scheduleTick() {
        guard state == .running, let next = leadership.nextTick else { return }
        let time = max(next.milliseconds - offset, world.now + 1)
        if let tickAt, tickAt <= time, tickAt > world.now { return }
        tickAt = time
        world.at(time) { [self] world in
            guard tickAt == world.now, state == .running else { return }
            tickAt = nil
            tick()
        }
    }

    // MARK: Effects

    private func perform(_ effect: Leadership.Effect) {
        switch effect {
        case .write(let term, let expected, let deletesOrder): write(term, expected, deletesOrder)
        case .serve(let term, let revision):
            world.expect(serving[term.network] == nil, "\(name) serves \(term.network) twice")
            serving[term.network] = (term, revision)
            world.served(term, revision: revision, by: self)
        case .rest(let network, let reason):
            world.expect(
                serving[network] != nil || reason == .restored, "\(name) rests where it does not serve: \(reason)")
            serving[network] = nil
        case .beat(let intent): beat(intent)
        case .heartbeat: tell()
        case .stopped: state = .stopped
        }
    }

    /// To the store and back; either way may be cut.
    private func ask<Answer>(_ request: @escaping () -> Answer, _ answered: @escaping (Answer?) -> Void) {
        world.after(world.delay(1...6)) { [self] world in
            guard world.isStoreUp, !world.isCut(name, "store") else {
                return world.after(700) { _ in answered(nil) }
            }
            if case .dead = state { return }
            let answer = request()
            if world.isCut("store", name) { return world.after(700) { _ in answered(nil) } }
            world.after(world.delay(1...6)) { _ in answered(answer) }
        }
    }

    private func write(_ term: Term, _ expected: Int64, _ deletesOrder: Bool) {
        ask { [self] in
            world.compareAndSet(term, expected: expected, deletesOrder: deletesOrder)
        } _: { [self] answer in
            guard let answer else { return handle(.wrote(network: term.network, .failed)) }
            handle(.wrote(network: term.network, answer.map { .written(revision: $0) } ?? .conflict))
            // As the engine does where nobody else can write.
            if !world.isShared, let answer { handle(.term(term, revision: answer)) }
        }
    }

    private func beat(_ intent: NodeIntent) {
        guard !isBeating else { return }
        isBeating = true
        self.intent = intent
        sequence += 1
        var beat = Beat(run: run)
        (beat.sequence, beat.sentAt, beat.intent) = (sequence, clusterNow, intent)
        (beat.heard, beat.deaf) = (heard, deaf)
        let (sentAt, sent) = (uptime, world.now)
        ask { [world] in
            world.put(.beat(beat))
        } _: { [self] answer in
            isBeating = false
            if answer != nil {
                coveredUntil = max(coveredUntil, sent + world.silence - Limits.silenceMarginMilliseconds)
            }
            handle(answer == nil ? .ownBeatFailed : .ownBeatWritten(sequence: beat.sequence, sentAt: sentAt))
            if answer != nil { reconnect() }
        }
    }

    private func tell() {
        sequence += 1
        var heartbeat = Heartbeat(run: run, sequence: sequence, sentAt: clusterNow, intent: intent)
        (heartbeat.heard, heartbeat.deaf) = (heard, deaf)
        for peer in world.members.keys.sorted() where peer != name {
            guard !world.isCut(name, peer), world.delay(0...999) >= Int64(world.heartbeatLoss) else { continue }
            world.after(world.delay(1...4)) { [self] world in
                guard let member = world.members[peer] else { return }
                if member.state == .dead(answers: true) || member.state == .stopped || member.refusesWrongly {
                    guard !world.isCut(peer, name) else { return }
                    world.after(1) { [self] _ in handle(.refused(node: peer)) }
                }
                member.handle(.heartbeat(heartbeat))
            }
        }
    }
}
