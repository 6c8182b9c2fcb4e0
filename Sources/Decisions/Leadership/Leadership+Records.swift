// SPDX-License-Identifier: Apache-2.0

import Model

/// The networks of the site and the store's records of their terms.
extension Leadership {
    mutating func takeNetworks(_ next: [Candidate]) {
        var wanted: [String: Candidate] = [:]
        for candidate in next { wanted[candidate.network] = candidate }
        let gone = candidates.map(\.network).filter { wanted[$0] == nil }
        candidates = wanted.values.sorted { $0.network < $1.network }
        for candidate in candidates {
            var state = networks[candidate.network] ?? NetworkState(now: now)
            if state.candidate == nil { state.vacantSince = now }
            state.candidate = candidate
            networks[candidate.network] = state
            if state.record == nil { vacant.insert(candidate.network) }
        }
        for name in gone {
            networks[name]?.candidate = nil
            look(at: name)
            vacant.remove(name)
            hearings[name] = nil
            // A network of this name that is made later begins its epochs anew.
            if networks[name]?.record == nil { networks[name] = nil }
        }
        planChanged()
        for candidate in candidates { look(at: candidate.network) }
    }

    mutating func take(_ term: Term, revision: Int64) {
        let name = term.network
        var state = networks[name] ?? NetworkState(now: now)
        let before = state.record
        if before?.revision == revision, before?.term == term {
            // The store was read again, and a write that it had said to have is not there.
            if state.writing?.isWritten == true { networks[name]?.writing = nil }
            return look(at: name)
        }
        let wentBack = term.epoch.value < state.highestEpoch && !state.isForgiven
        state.record = NetworkState.Record(term: term, revision: revision, seenAt: now)
        state.vacantSince = now
        state.unheardSince = nil
        state.highestEpoch = max(state.highestEpoch, term.epoch.value)
        if term.epoch.value >= state.highestEpoch { state.isForgiven = false }
        if state.isServing, term.holder != run { state.wasLost = true }
        finishWriting(&state, term)
        networks[name] = state
        reindex(name, from: before?.term.holder.node, to: term.holder.node)
        hearings[name] = nil
        takeWishes(of: term)
        suspectHolder(before: before?.term, after: term)
        balance.isUneven = true
        if term.holder != run {
            rest(name, .lost(to: term.holder.node))
            leavingEnded(name)
            knowHolder(term.holder)
        }
        if wentBack { foundRestored(name) }
        look(at: name)
    }

    /// The record that a write of ours was to make, or one that made it fail.
    private func finishWriting(_ state: inout NetworkState, _ term: Term) {
        guard let writing = state.writing else { return }
        let isAnswer = writing.successor == nil ? term.holder == run : term.holder != run
        guard isAnswer || writing.isWritten else { return }
        if !writing.isWritten { state.answersToSkip += 1 }
        state.writing = nil
    }

    private mutating func reindex(_ name: String, from old: String?, to new: String?) {
        if let old, old != new {
            held[old]?.remove(name)
            if held[old]?.isEmpty == true { held[old] = nil }
        }
        if let new {
            held[new, default: []].insert(name)
            vacant.remove(name)
        }
    }

    mutating func takeTermGone(_ name: String) {
        guard let state = networks[name], let before = state.record else { return }
        // Its network may be about to go as well: that this is an older store is said when it has not.
        rest(name, .gone)
        leavingEnded(name)
        reindex(name, from: before.term.holder.node, to: nil)
        hearings[name] = nil
        networks[name]?.record = nil
        networks[name]?.vacantSince = now
        if networks[name]?.writing?.isWritten == true { networks[name]?.writing = nil }
        guard state.candidate != nil else {
            networks[name] = nil
            return
        }
        vacant.insert(name)
        balance.isUneven = true
        look(at: name)
    }

    // MARK: A store that went back

    mutating func takeEpochs(_ epochs: [String: UInt64]) {
        for (name, epoch) in epochs.sorted(by: { $0.key < $1.key }) {
            var state = networks[name] ?? NetworkState(now: now)
            state.highestEpoch = max(state.highestEpoch, epoch)
            networks[name] = state
            if state.isBehind, !state.isForgiven { foundRestored(name) }
            look(at: name)
        }
    }

    /// The store has forgotten epochs, and with them leases: nothing dynamic until the operator has looked at it.
    mutating func foundRestored(_ name: String) {
        guard !isRestored else { return }
        isRestored = true
        balance.moves = []
        networks[name]?.isServing = false
        effects.append(.rest(network: name, .restored))
        for other in held[run.node, default: []].sorted() { rest(other, .restored) }
    }

    mutating func acceptRestored() {
        guard isRestored else { return }
        isRestored = false
        for name in networks.keys.sorted() {
            guard let state = networks[name] else { continue }
            if state.isBehind || state.record == nil {
                networks[name]?.isForgiven = true
                networks[name]?.vacantSince = now
            }
        }
        planChanged()
        for name in networks.keys.sorted() { look(at: name) }
    }
}
