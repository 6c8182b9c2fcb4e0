// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Ports
import Synchronization

/// What the store says, taken in in the order of its commits.
extension ClusterNode {
    /// Everything that the store has; replaces what was known.
    public func load(_ snapshot: StoreSnapshot) {
        dropLostTerms(snapshot.records)
        var leases: [String: [StoreRecord]] = [:]
        for record in snapshot.records {
            guard let network = StoreKeys.leaseNetwork(record.key) else { continue }
            leases[network, default: []].append(record)
        }
        for network in engine.networks {
            loadLeases(leases[network.name] ?? [], network: network.name, revision: snapshot.revision)
        }
        loadControl(snapshot.records, revision: snapshot.revision)
    }

    /// Terms that are no longer ours, going by all the store's terms: what others have written since must be taken in.
    func dropLostTerms(_ records: [StoreRecord]) {
        let current = Dictionary(records.map { ($0.key, $0.revision) }, uniquingKeysWith: { a, _ in a })
        for (network, held) in engine.allTerms where current[StoreKeys.term(network)] != held.revision {
            engine.rest(network)
        }
    }

    /// All leases of one network. A network that this node is up to bat for is left alone: nobody else writes there.
    public func loadLeases(_ records: [StoreRecord], network: String, revision: Revision) {
        state.withLock { $0.floors.leases[network] = revision }
        engine.replaceLeases(records, network: network)
    }

    /// Terms, beats, orders and drains: those among `records`. What is not there is gone. They must have been read
    /// before the leases were: a term says that everything committed before it has been taken in.
    public func loadControl(_ records: [StoreRecord], revision: Revision) {
        let (oldBeats, oldDraining) = state.withLock { state in
            state.floors.control = revision
            state.followed = revision
            state.beat.applied = revision.value
            defer {
                state.beats = [:]
                state.draining = []
            }
            return (state.beats, state.draining)
        }
        var events: [Leadership.Event] = []
        var ownBeat: StoreRecord?
        // All that there is: in a store that went back in time, our beat's record did, too.
        state.withLock { $0.beatRevision = .none }
        for record in records {
            if record.key == StoreKeys.beat(run.node) {
                ownBeat = record
                continue
            }
            events += takeControl(.put(key: record.key, value: record.value), revision: record.revision)
        }
        let echo = takeOwnBeat(ownBeat, asOf: revision)
        let keys = Set(records.map(\.key))
        events += state.withLock { $0.leadership.networks(now: clock.uptime()) }
            .filter { $0.term != nil && !keys.contains(StoreKeys.term($0.network)) }
            .map { .termGone(network: $0.network) }
        // Orders that went while nobody looked.
        events += engine.networks.filter { !keys.contains(StoreKeys.order($0.name)) }
            .map { .order(network: $0.name, to: nil) }
        events += oldBeats.keys.filter { !keys.contains(StoreKeys.beat($0)) }.map { .beatGone(node: $0) }
        let draining = state.withLock { $0.draining }
        if draining != oldDraining { events.append(.draining(draining)) }
        // Last: it says that everything before it has been taken in.
        handle(events + echo)
        beatsChanged()
    }

    /// This node's own beat, read with everything else. If it is younger than the terms that were read with it, then it
    /// does not prove that the terms are all there were before it; the feed will show it again.
    private func takeOwnBeat(_ record: StoreRecord?, asOf revision: Revision) -> [Leadership.Event] {
        guard let record else {
            takeOwnBeat(nil, revision: .none)
            return []
        }
        let echo = takeControl(.put(key: record.key, value: record.value), revision: record.revision)
        return record.revision <= revision ? echo : []
    }

    /// The next change, in the order of the store's commits.
    public func take(_ change: StoreChange) {
        var events: [Leadership.Event] = []
        let floors = state.withLock { $0.floors }
        var leases: [String: [StoreWrite]] = [:]
        for write in change.writes {
            if let network = StoreKeys.leaseNetwork(write.key) {
                if change.revision > floors.leases[network] ?? .none { leases[network, default: []].append(write) }
            } else if change.revision > floors.control {
                events += takeControl(write, revision: change.revision)
            }
        }
        // Before the terms: whoever sees a term has everything that was committed before it.
        for (network, writes) in leases { engine.takeLeases(writes, network: network, revision: change.revision) }
        state.withLock { state in
            state.followed = change.revision
            state.beat.applied = change.revision.value
        }
        if !events.isEmpty { handle(events) }
        if change.writes.contains(where: { $0.key.hasPrefix(StoreKeys.beatPrefix) }) { beatsChanged() }
    }

    private func takeControl(_ write: StoreWrite, revision: Revision) -> [Leadership.Event] {
        let key = write.key
        var value: [UInt8]?
        if case .put(_, let stored) = write { value = stored }
        if key.hasPrefix(StoreKeys.termPrefix) {
            return takeTerm(String(key.dropFirst(StoreKeys.termPrefix.count)), value, revision: revision)
        }
        if key.hasPrefix(StoreKeys.beatPrefix) {
            return takeBeat(String(key.dropFirst(StoreKeys.beatPrefix.count)), value, revision: revision)
        }
        if key.hasPrefix(StoreKeys.orderPrefix) {
            let network = String(key.dropFirst(StoreKeys.orderPrefix.count))
            return [.order(network: network, to: value.map { String(decoding: $0, as: UTF8.self) })]
        }
        if key.hasPrefix(StoreKeys.drainPrefix) {
            let node = String(key.dropFirst(StoreKeys.drainPrefix.count))
            let draining = state.withLock { state in
                if value == nil { state.draining.remove(node) } else { state.draining.insert(node) }
                return state.draining
            }
            return [.draining(draining)]
        }
        if key == StoreKeys.drill(run.node), let value { calls.drillOrdered(value, revision) }
        return []
    }

    private func takeTerm(_ network: String, _ value: [UInt8]?, revision: Revision) -> [Leadership.Event] {
        guard let value else { return [.termGone(network: network)] }
        do { return [.term(try TermRecord.decode(value, network: network), revision: revision.value)] } catch {
            timeline.add(
                Event(.system, .error, network: network, .text("\(StoreKeys.term(network)) cannot be read: \(error)")))
            return []
        }
    }

    private func takeBeat(_ node: String, _ value: [UInt8]?, revision: Revision) -> [Leadership.Event] {
        if node == run.node {
            takeOwnBeat(value, revision: revision)
            // Seeing its own beats, the node knows that its feed has not stalled.
            return value.flatMap { try? BeatRecord.decode($0, node: node) }.map { [.beat($0)] } ?? []
        }
        guard let value else {
            state.withLock { $0.beats[node] = nil }
            return [.beatGone(node: node)]
        }
        guard let beat = try? BeatRecord.decode(value, node: node) else {
            timeline.add(
                Event(.system, .error, .text("\(StoreKeys.beat(node)) cannot be read: is its version another?")))
            return []
        }
        state.withLock { state in
            guard state.beats[node] != nil || state.beats.count < Limits.nodesMax else { return }
            if !state.isSettled, state.beats[node] != nil { state.fresh[node] = (beat.sentAt, clock.uptime()) }
            state.beats[node] = beat
        }
        return [.beat(beat)]
    }

    /// Who the others are, what they all have taken in, and which server identifiers are the cluster's.
    private func beatsChanged() {
        let (beats, own) = state.withLock { (Array($0.beats.values), $0.beat) }
        // A node that stopped on purpose answers nobody; one that is silent may be answering from old records.
        let members = beats.filter { $0.intent != .stopped }
        let confirmed = members.map(\.applied).min().map { min($0, own.applied) } ?? own.applied
        engine.clusterChanged(
            confirmed: confirmed, siblings: members.reduce(into: Set()) { $0.formUnion($1.serverIdentifiers) })
        calls.peersChanged(beats)
    }
}
