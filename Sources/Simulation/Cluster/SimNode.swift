// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import Ports
import Wire

/// A machine of the cluster, and the process on it: up, stopped in its tracks, dead, or without power. Everything that
/// reaches the process goes through `perform`.
final class SimNode: @unchecked Sendable {
    /// Things of one channel keep their order; of different channels they do not.
    enum Channel: Int, CaseIterable { case packets, peers, store, feed, timer }

    private struct Parked {
        var channel: Channel
        var at: SimTime
        var run: NodeRun
        var body: (SimProcess) -> Void
    }

    let index: Int
    let name: String
    let machine: SimMachine
    private unowned let world: SimWorld
    private(set) var process: SimProcess?
    private(set) var feed: SimFeed?
    /// Without power even the machine does not answer.
    var outages = 0
    private(set) var pauses = 0
    private var parked: [Parked] = []
    private var tickAt: SimTime?
    var outbox: [OutgoingReply] = []
    private var starts = 0
    /// What its disk has: it outlives processes.
    private var replica: SimProcess.Replica?
    /// Networks whose interface has no carrier.
    private var deaf: Set<String> = []

    init(index: Int, world: SimWorld, random: inout SimRandom) {
        self.index = index
        self.world = world
        name = "n\(index)"
        machine = SimMachine(world: world, random: &random)
    }

    var place: SimLinks.Place { .node(index) }

    // MARK: Life

    func start() {
        guard process == nil, outages == 0 else { return }
        starts += 1
        let run = NodeRun(node: name, incarnation: world.random.next() >> 1)
        let isForgetful = starts > 1 && world.options.bug == .nakFromEmptyReplica
        process = SimProcess(
            node: self, run: run, machine: machine, world: world, isForgetful: isForgetful,
            calls: calls(run))
        world.say(.everybody, [1, UInt64(index)], "\(self.name) starts")
        let feed = SimFeed(world: world, node: self, run: run)
        self.feed = feed
        feed.connect()
        if let replica { perform(.timer) { $0.cluster.handle(.epochsKnown(replica.epochs)) } }
        join(run)
        keepReplica(run)
        perform(.timer) { $0.cluster.tick() }
    }

    private func calls(_ run: NodeRun) -> ClusterNode.Calls {
        ClusterNode.Calls(
            tell: { [unowned self] in world.spread($0, from: self) },
            usurped: { [unowned self] _ in world.after(0) { self.stopped(run) } },
            stopped: { [unowned self] in world.after(0) { self.stopped(run) } })
    }

    /// As `ClusterNode.settle` does it.
    private func join(_ run: NodeRun) {
        perform(.timer, of: run) { [unowned self] process in
            if !deaf.isEmpty { process.cluster.handle(.deaf(deaf)) }
            guard process.isLoaded, process.cluster.settleStep(since: process.loadedAt) else {
                return world.after(20) { self.join(run) }
            }
            process.cluster.networksChanged()
        }
    }

    private func keepReplica(_ run: NodeRun) {
        world.after(Limits.replicaSeconds * 1000) { [unowned self] in
            guard process?.run == run else { return }
            perform(.timer, of: run) { [unowned self] in replica = $0.replica ?? replica }
            keepReplica(run)
        }
    }

    /// The store does not answer a process that starts.
    func startFromDisk(_ run: NodeRun) {
        guard let replica, process?.run == run, process?.isLoaded == false else { return }
        world.say(.everybody, [5, UInt64(index)], "\(self.name) starts from its own disk")
        perform(.timer, of: run) { $0.load(replica) }
    }

    func setDeaf(_ network: String, _ isDeaf: Bool) {
        if isDeaf { deaf.insert(network) } else { deaf.remove(network) }
        let deaf = deaf
        perform(.timer) { $0.cluster.handle(.deaf(deaf)) }
    }

    /// kill -9: whatever it knew is gone, what it had sent is on its way.
    func crash() {
        guard process != nil else { return }
        world.say(.everybody, [2, UInt64(index)], "\(self.name) crashes")
        end()
    }

    private func stopped(_ run: NodeRun) {
        guard process?.run == run else { return }
        world.say(.everybody, [3, UInt64(index)], "\(self.name) has stopped")
        end()
        world.after(world.random.between(200, 8_000)) { self.start() }
    }

    private func end() {
        process = nil
        feed = nil
        parked = []
        outbox = []
        tickAt = nil
    }

    func pause() { pauses += 1 }

    /// SIGCONT: everything that came meanwhile is there at once, and its threads take it up in any order.
    func resume() {
        pauses -= 1
        guard pauses == 0 else { return }
        var queues = Channel.allCases.map { channel in parked.filter { $0.channel == channel } }
        parked = []
        queues[Channel.packets.rawValue].removeAll { world.now - $0.at > Limits.requestAgeMillisecondsMax }
        while true {
            let waiting = queues.indices.filter { !queues[$0].isEmpty }
            guard !waiting.isEmpty else { return }
            let next = queues[waiting[world.random.index(waiting.count)]].removeFirst()
            queues[next.channel.rawValue].removeAll { $0.run != next.run }
            perform(next.channel, of: next.run, next.body)
        }
    }

    // MARK: Events

    /// Runs `body` on the process: now, when it goes on, or never, if that run of it is over.
    func perform(_ channel: Channel, of run: NodeRun? = nil, _ body: @escaping (SimProcess) -> Void) {
        guard let process, run == nil || process.run == run else { return }
        guard pauses == 0 else {
            parked.append(Parked(channel: channel, at: world.now, run: process.run, body: body))
            return
        }
        body(process)
        settle()
    }

    private func settle() {
        guard let process else { return }
        if !outbox.isEmpty {
            // Which thread of several sends first is not ours to know; the order here is only to be the same each time.
            let replies = outbox.sorted { Self.order($0) < Self.order($1) }
            outbox = []
            for reply in replies { world.replySent(reply, by: self, process) }
        }
        scheduleTick(process)
    }

    private static func order(_ reply: OutgoingReply) -> (UInt64, UInt32) {
        (reply.planned.reply.hardware.high, reply.planned.reply.transactionID)
    }

    private func scheduleTick(_ process: SimProcess) {
        let latest = world.now + Limits.tickMillisecondsMax
        let wanted = process.cluster.nextTick.map { machine.time(ofSteady: $0.milliseconds) } ?? latest
        let at = min(max(wanted, world.now + 1), latest)
        if let tickAt, tickAt <= at, tickAt > world.now { return }
        tickAt = at
        let run = process.run
        world.at(at) { [unowned self] in
            guard tickAt == at else { return }
            tickAt = nil
            perform(.timer, of: run) { $0.cluster.tick() }
        }
    }

    func receive(_ request: DHCPRequest, network: String, isUnicast: Bool, from source: IPv4Address) {
        perform(.packets) { [unowned self] process in
            outbox += process.receive(request, network: network, isUnicast: isUnicast, from: source)
        }
    }
}
