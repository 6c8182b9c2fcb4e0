// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// How one process follows the store: reads everything, then takes change after change, in order, some time after they
/// happened. When the connection breaks it goes on where it was, or reads everything again.
final class SimFeed {
    private unowned let world: SimWorld
    private unowned let node: SimNode
    private let run: NodeRun
    private var isFollowing = false
    /// Told to the process, or lying in its socket.
    private var delivered: Revision?
    private var lastAt: SimTime = 0
    private var generation = 0

    init(world: SimWorld, node: SimNode, run: NodeRun) {
        self.world = world
        self.node = node
        self.run = run
    }

    private var isAlive: Bool { node.process?.run == run }
    private var reachesStore: Bool {
        world.links.isUp(node.place, .store) && world.links.isUp(.store, node.place) && world.store.down == 0
    }

    /// Begins, or begins again.
    func connect() {
        generation += 1
        let generation = generation
        isFollowing = false
        world.after(world.storeDelay()) { [self] in
            guard isAlive, self.generation == generation else { return }
            guard reachesStore, node.pauses == 0 else {
                node.startFromDisk(run)
                return retry()
            }
            if let delivered, world.random.chance(perMille: 500),
                let missed = world.store.changes(after: delivered)
            {
                isFollowing = true
                for change in missed { push(change) }
            } else {
                readAll(generation)
            }
        }
    }

    private func retry() {
        let generation = generation
        world.after(delivered == nil ? SimTimes.startRetry : SimTimes.feedRetry) { [self] in
            if isAlive, self.generation == generation { connect() }
        }
    }

    private func readAll(_ generation: Int) {
        let snapshot = world.store.snapshot()
        isFollowing = true
        lastAt = world.now + world.storeDelay()
        world.at(lastAt) { [self] in
            guard isAlive, self.generation == generation else { return }
            guard world.links.isUp(.store, node.place) else { return cut() }
            delivered = snapshot.revision
            world.say(
                .everybody, [4, UInt64(node.index), UInt64(snapshot.revision.value)],
                "\(self.node.name) reads everything at revision \(snapshot.revision.value)")
            node.perform(.feed, of: run) { $0.load(snapshot) }
        }
    }

    /// The store has a change.
    func push(_ change: StoreChange) {
        guard isFollowing else { return }
        let generation = generation
        lastAt = max(lastAt, world.now + world.feedDelay())
        world.at(lastAt) { [self] in
            guard isAlive, self.generation == generation else { return }
            guard world.links.isUp(.store, node.place) else { return cut() }
            delivered = change.revision
            node.perform(.feed, of: run) { $0.take(change) }
        }
    }

    /// The connection is gone. `forgets`: the store's past is, too.
    func cut(forgets: Bool = false) {
        generation += 1
        isFollowing = false
        if forgets { delivered = nil }
        retry()
    }
}
