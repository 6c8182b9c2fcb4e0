// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Engine
import Model
import Ports

/// What goes wrong, and when: drawn before a history begins, each kind from its own numbers, so that leaving one kind
/// out leaves the others where they are.
struct SimFaults {
    unowned let world: SimWorld

    private struct Window {
        var kind: SimFaultKind
        var from: SimTime
        var until: SimTime
    }

    func plan() {
        for kind in SimFaultKind.allCases where world.options.faults.contains(kind) {
            var random = SimRandom(seed: world.options.seed, purpose: kind.rawValue)
            var from = random.between(5_000, 2 * pauseBetween(kind))
            while from < world.options.calmFrom {
                let (low, high) = duration(kind)
                let until = min(from + random.skewed(low, high), world.options.calmFrom)
                strike(Window(kind: kind, from: from, until: until), &random)
                from = until + random.between(1_000, 2 * pauseBetween(kind))
            }
        }
        if world.options.restoresStore { planRestore() }
    }

    /// On average, milliseconds.
    private func pauseBetween(_ kind: SimFaultKind) -> SimTime { usualPause(kind) / world.options.faultRate }

    private func usualPause(_ kind: SimFaultKind) -> SimTime {
        switch kind {
        case .crash, .pause, .partition, .oneWay, .handover: 150_000
        case .packetLoss, .packetDelay, .packetRepeat, .heartbeatLoss, .commitLoss, .feedCut, .stop: 240_000
        case .storeSlow, .storeFull, .storeDown, .carrier, .drain, .clockStep, .configuration: 420_000
        case .powerLoss: 600_000
        case .clockSkew, .unrest: 1_000_000_000
        }
    }

    private func duration(_ kind: SimFaultKind) -> (SimTime, SimTime) {
        switch kind {
        case .crash: (50, 60_000)
        case .pause: (50, 90_000)
        case .partition, .oneWay, .carrier: (100, 240_000)
        case .storeDown, .storeFull: (300, 300_000)
        case .drain, .powerLoss: (2_000, 120_000)
        case .handover, .feedCut, .stop, .clockStep, .configuration, .clockSkew, .unrest: (1, 2)
        case .storeSlow, .packetLoss, .packetDelay, .packetRepeat, .heartbeatLoss, .commitLoss: (1_000, 60_000)
        }
    }

    private func strike(_ window: Window, _ random: inout SimRandom) {
        let node = world.nodes[random.index(world.nodes.count)]
        let draw = random.next()
        switch window.kind {
        case .packetLoss, .packetDelay, .packetRepeat, .heartbeatLoss, .commitLoss:
            during(window, "") { $0.raging[window.kind, default: 0] += $1 }
        case .storeSlow: during(window, "") { $0.store.slow += $1 }
        case .storeFull: during(window, "") { $0.store.full += $1 }
        case .storeDown: during(window, "") { $0.store.down += $1 }
        case .partition, .oneWay: cut(window, draw)
        case .carrier: carrier(window, node, SimSite.all[Int(draw % UInt64(SimSite.all.count))])
        case .pause: during(window, node.name) { _, change in if change > 0 { node.pause() } else { node.resume() } }
        case .crash:
            at(window.from, .crash, node.name) { _ in node.crash() }
            world.at(window.until) { node.start() }
        case .powerLoss:
            during(window, node.name) { _, change in
                node.outages += change
                if change > 0 { node.crash() } else { node.start() }
            }
        case .feedCut: at(window.from, .feedCut, node.name) { _ in node.feed?.cut() }
        case .clockStep: step(window, node, draw)
        case .configuration: at(window.from, .configuration, "") { _ in configure(draw) }
        case .handover:
            let network = SimSite.dynamic[Int(draw % 2)]
            at(window.from, .handover, "of \(network) to \(node.name)") { world in
                world.write([.put(key: StoreKeys.order(network), value: Array(node.name.utf8))])
            }
        case .drain:
            during(window, node.name) { world, change in
                let key = StoreKeys.drain(node.name)
                world.write([change > 0 ? .put(key: key, value: []) : .delete(key: key)])
            }
        case .stop: at(window.from, .stop, node.name) { _ in node.perform(.timer) { $0.cluster.handle(.stopping) } }
        case .clockSkew, .unrest: break
        }
    }

    // MARK: Kinds

    private func at(_ time: SimTime, _ kind: SimFaultKind, _ what: String, _ body: @escaping (SimWorld) -> Void) {
        let world = world
        world.at(time) { [unowned world] in
            world.counts.faults += 1
            world.say(.everybody, [60, UInt64(what.utf8.count)], "fault: \(kind.rawValue) \(what)")
            body(world)
        }
    }

    /// `body` gets +1 at the beginning and -1 at the end.
    private func during(_ window: Window, _ what: String, _ body: @escaping (SimWorld, Int) -> Void) {
        at(window.from, window.kind, "\(what) for \(window.until - window.from) ms") { body($0, 1) }
        let world = world
        world.at(window.until) { [unowned world] in
            world.say(.everybody, [61, UInt64(what.utf8.count)], "over: \(window.kind.rawValue) \(what)")
            body(world, -1)
        }
    }

    private func cut(_ window: Window, _ draw: UInt64) {
        let places = world.links.places
        let first = Int(draw % UInt64(world.nodes.count))
        let offset = 1 + Int(draw >> 16 % UInt64(places.count - 1))
        var (from, to) = (places[first], places[(first + offset) % places.count])
        if draw >> 40 & 1 == 1 { (from, to) = (to, from) }
        let isOneWay = window.kind == .oneWay
        let (one, other) = (from, to)
        during(window, "\(one) \(isOneWay ? "->" : "<->") \(other)") { world, change in
            for (a, b) in isOneWay ? [(one, other)] : [(one, other), (other, one)] {
                if change > 0 { world.links.cut(a, b) } else { world.links.mend(a, b) }
            }
        }
    }

    /// The interface says that it hears nothing.
    private func carrier(_ window: Window, _ node: SimNode, _ network: String) {
        during(window, "\(node.name) in \(network)") { world, change in
            let clients = SimLinks.Place.clients(network)
            for (a, b) in [(node.place, clients), (clients, node.place)] {
                if change > 0 { world.links.cut(a, b) } else { world.links.mend(a, b) }
            }
            node.setDeaf(network, change > 0)
        }
    }

    /// Somebody sets a machine's clock an hour off, and later right again.
    private func step(_ window: Window, _ node: SimNode, _ draw: UInt64) {
        let milliseconds = (draw & 1 == 1 ? 1 : -1) * Int64(draw >> 8 % 3_600_000)
        at(window.from, .clockStep, "of \(node.name) by \(milliseconds) ms") { world in
            node.machine.wallStep += milliseconds
            world.after(min(Int64(draw >> 32 % 900_000), max(world.options.calmFrom - world.now, 0))) {
                world.say(.everybody, [62], "\(node.name)'s clock is set right")
                node.machine.wallStep -= milliseconds
            }
        }
    }

    private func configure(_ draw: UInt64) {
        let network = SimSite.dynamic[Int(draw % 2)]
        if draw >> 8 & 1 == 1 {
            let size = world.pool(network) + Int(draw >> 16 % 20) - 10
            return world.configure([.network(SimSite.network(network, pool: size))])
        }
        let clients = world.clients.filter { $0.network == network }
        guard !clients.isEmpty else { return }
        let client = clients[Int(draw >> 16 % UInt64(clients.count))]
        let reservation = world.reservation(for: client)
        // One binding a client and an address; a machine that has come in another's place gets none.
        let isTaken = world.site.current.reservations.values.contains {
            $0.identity == reservation.identity || ($0.network == network && $0.address == reservation.address)
        }
        if !isTaken { world.configure([.reservation(reservation)]) }
    }

    private func planRestore() {
        let world = world
        var random = SimRandom(seed: world.options.seed, purpose: "restore")
        let backupAt = random.between(world.options.calmFrom / 4, world.options.calmFrom / 2)
        let restoreAt = backupAt + random.between(20_000, world.options.calmFrom / 3)
        var backup: SimQuorumStore.Backup?
        world.at(backupAt) { [unowned world] in backup = world.store.backup() }
        world.at(restoreAt) { [unowned world] in
            guard let backup else { return }
            world.say(.everybody, [63], "the store is restored from its backup of \(SimHistory.clock(backupAt))")
            world.store.restore(backup)
            for node in world.nodes { node.feed?.cut(forgets: true) }
        }
    }
}
