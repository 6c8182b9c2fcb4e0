// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// One process's way to the store. A commit is a message there and a message back: either may be late, lost or cut off,
/// and a commit whose answer is lost has happened. Everything runs on the simulation's only thread.
final class SimStoreHandle: StateStore, @unchecked Sendable {
    private unowned let world: SimWorld
    private unowned let node: SimNode
    private let run: NodeRun
    private var pending: [UInt64: @Sendable (Result<Revision, StoreError>) -> Void] = [:]
    private var next: UInt64 = 0

    init(world: SimWorld, node: SimNode, run: NodeRun) {
        self.world = world
        self.node = node
        self.run = run
    }

    func commit(_ batch: StoreBatch, then done: @escaping @Sendable (Result<Revision, StoreError>) -> Void) {
        next += 1
        let id = next
        pending[id] = done
        world.after(SimTimes.commitTimeout) { self.answer(id, .failure(.unavailable("no answer"))) }
        let isLeases = batch.writes.contains { $0.key.hasPrefix(StoreKeys.leasePrefix) }
        var batch = batch
        switch world.options.bug {
        case .noFence where isLeases:
            batch.guards.removeAll { $0.key.hasPrefix(StoreKeys.termPrefix) }
        case .ackBeforeCommit where isLeases:
            world.after(0) { self.answer(id, .success(Revision(self.world.store.revision + 1))) }
            if world.random.chance(perMille: 50) { return }
        case .noFence, .ackBeforeCommit, .nakFromEmptyReplica, nil: break
        }
        send(batch, id)
    }

    private func send(_ batch: StoreBatch, _ id: UInt64) {
        let here = SimLinks.Place.node(node.index)
        guard world.links.isUp(here, .store), !world.isLost(.commitLoss, perMille: 5) else { return }
        world.after(world.storeDelay()) { [self] in
            guard world.store.down == 0 else {
                // Some members still say that they have no leader; the others say nothing.
                if world.random.chance(perMille: 500) { back(id, .failure(.unavailable("no leader"))) }
                return
            }
            back(id, world.commit(batch, by: run))
        }
    }

    private func back(_ id: UInt64, _ result: Result<Revision, StoreError>) {
        guard world.links.isUp(.store, .node(node.index)), !world.isLost(.commitLoss, perMille: 5) else { return }
        world.after(world.storeDelay()) { self.answer(id, result) }
    }

    private func answer(_ id: UInt64, _ result: Result<Revision, StoreError>) {
        node.perform(.store, of: run) { _ in self.pending.removeValue(forKey: id)?(result) }
    }

    var operationsPerBatchMax: Int { 128 }
    var isShared: Bool { true }

    // What waits has no place in a world without real time; the simulation reads and follows for the nodes.
    func read(prefix: String) async throws(StoreError) -> StoreSnapshot { throw .unavailable("not in a simulation") }
    func changes(
        prefix: String, after revision: Revision
    ) async throws(StoreError) -> AsyncStream<StoreChange> {
        throw .unavailable("not in a simulation")
    }
    func close() async {}
    func status() async -> StoreStatus { StoreStatus(engine: "simulation") }
}
