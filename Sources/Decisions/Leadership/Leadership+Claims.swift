// SPDX-License-Identifier: Apache-2.0

import Model

/// Serving, resting and taking terms.
extension Leadership {
    /// Does what one network needs now, and sees to it that it is looked at again when time alone changes that.
    mutating func look(at name: String) {
        guard let state = networks[name] else { return }
        networks[name]?.wakeAt = nil
        guard state.candidate != nil else { return rest(name, .gone) }
        guard !isRestored else { return rest(name, .restored) }
        if let writing = state.writing, !writing.isWritten {
            guard now >= writing.until else { return wake(name, at: writing.until) }
            networks[name]?.writing = nil
            networks[name]?.answersToSkip = 0
        }
        guard networks[name]?.writing == nil else { return }
        if let record = state.record, record.term.holder == run, !state.isBehind {
            lookAtOwn(name, record)
        } else {
            lookAtOther(name, state)
        }
    }

    private mutating func lookAtOwn(_ name: String, _ record: NetworkState.Record) {
        if isStopping { return leave(name) }
        guard own.isValid || !isShared else { return rest(name, .cutOff) }
        if let departure = departure(of: name) {
            if let retryAt = networks[name]?.retryAt, now < retryAt {
                wake(name, at: retryAt)
            } else {
                return handOver(name, to: departure)
            }
        }
        serve(name, record)
    }

    private mutating func lookAtOther(_ name: String, _ state: NetworkState) {
        guard isTaking, !isShared || !ownDeaf.contains(name), let claim = claim(on: name, state) else { return }
        let dueAt = max(claim.dueAt, state.retryAt ?? claim.dueAt)
        guard now >= dueAt else { return wake(name, at: dueAt) }
        guard let cause = claim.cause else {
            foundRestored(name)
            return
        }
        guard let epoch = state.nextEpoch else { return }
        let until = now.adding(milliseconds: silence)
        networks[name]?.writing = NetworkState.Writing(until: until)
        wake(name, at: until)
        let term = Term(network: name, holder: run, epoch: epoch, cause: cause, since: clusterNow)
        let isOrdered = orders[name] == run.node
        effects.append(.write(term, expected: state.record?.revision ?? 0, deletesOrder: isOrdered))
    }

    mutating func wake(_ name: String, at time: Uptime) {
        guard networks[name]?.wakeAt != time else { return }
        networks[name]?.wakeAt = time
        due.add(name, at: time)
    }

    mutating func serve(_ name: String, _ record: NetworkState.Record) {
        guard networks[name]?.isServing == false else { return }
        networks[name]?.isServing = true
        effects.append(.serve(record.term, revision: record.revision))
    }

    mutating func rest(_ name: String, _ reason: RestReason) {
        guard networks[name]?.isServing == true else { return }
        networks[name]?.isServing = false
        effects.append(.rest(network: name, reason))
    }

    // MARK: Whose turn

    /// What may be claimed, and when: nil when nothing may. Without a cause: the record is missing although there
    /// was one.
    struct Claim {
        var cause: TermCause?
        var dueAt: Uptime
    }

    private mutating func claim(on name: String, _ state: NetworkState) -> Claim? {
        guard let record = state.record else {
            if state.highestEpoch > 0, !state.isForgiven {
                return Claim(
                    cause: nil, dueAt: state.vacantSince.adding(milliseconds: Limits.termMissingMilliseconds))
            }
            return start(name, since: state.vacantSince)
        }
        let holder = record.term.holder
        guard isShared else {
            // What was ours and somebody took is not fought over at every turn.
            return Claim(cause: .start, dueAt: state.wasLost ? record.seenAt.adding(milliseconds: silence) : now)
        }
        if state.isBehind { return start(name, since: state.vacantSince) }
        if holder.node == run.node { return Claim(cause: .start, dueAt: now) }
        return standing(of: holder, record, state, name)
    }

    /// Nobody has it.
    private mutating func start(_ name: String, since: Uptime) -> Claim {
        guard isShared else { return Claim(cause: .start, dueAt: now) }
        return later(since, .start, name, step: Limits.startRankMilliseconds, without: nil)
    }

    private mutating func standing(
        of holder: NodeRun, _ record: NetworkState.Record, _ state: NetworkState, _ name: String
    ) -> Claim? {
        let step = Limits.takeoverRankMilliseconds
        guard let node = nodes[holder.node] else {
            let silentAt = max(record.seenAt, own.worksSince ?? now).adding(milliseconds: silence)
            return later(silentAt, .silent, name, step: step, without: holder.node)
        }
        guard node.run == holder else {
            if node.hasEnded(holder) || node.lastSign > record.seenAt {
                return later(max(node.runSince, record.seenAt), .processGone, name, step: step, without: nil)
            }
            // A process that we have not heard of: the next sign of life of its name tells which is the older one.
            if node.life == .alive {
                return Claim(cause: .processGone, dueAt: now.adding(milliseconds: Limits.heartbeatMilliseconds))
            }
            let silentAt = max(node.lifeSince, record.seenAt.adding(milliseconds: silence))
            return later(silentAt, .silent, name, step: step, without: holder.node)
        }
        switch node.life {
        case .stopped, .processGone: return later(node.lifeSince, .processGone, name, step: step, without: holder.node)
        case .silent: return later(node.lifeSince, .silent, name, step: step, without: holder.node)
        case .alive:
            let admitted = node.deafSince[name].map { $0.adding(milliseconds: silence) }
            guard let since = [admitted, state.unheardSince].compactMap({ $0 }).min() else { return nil }
            return later(since, .deaf, name, step: step, without: holder.node)
        }
    }

    private mutating func later(
        _ since: Uptime, _ cause: TermCause, _ name: String, step: Int64, without holder: String?
    ) -> Claim {
        refreshPlan()
        let wait = step * Int64(rank(name, without: holder))
        // After an outage of the store everybody's turn begins anew.
        return Claim(cause: cause, dueAt: max(since, own.worksSince ?? since).adding(milliseconds: wait))
    }

    /// How many nodes come before this one.
    private func rank(_ name: String, without holder: String?) -> Int {
        let mine = suitability(of: run.node, name)
        return balance.spread.nodes.count { other in
            other != run.node && other != holder && hears(other, name, orSuspect: true)
                && suitability(of: other, name) < mine
        }
    }

    // MARK: Answers

    mutating func takeOutcome(_ name: String, _ outcome: Event.Outcome) {
        guard let state = networks[name] else { return }
        if state.answersToSkip > 0 {
            networks[name]?.answersToSkip -= 1
            return
        }
        guard state.writing != nil else { return }
        switch outcome {
        case .written(let revision):
            leavingEnded(name)
            if let record = state.record, record.revision >= revision {
                networks[name]?.writing = nil
            } else {
                networks[name]?.writing?.isWritten = true
            }
        case .conflict, .failed:
            networks[name]?.writing = nil
            networks[name]?.retryAt = now.adding(milliseconds: Limits.termRetryMilliseconds)
            if state.writing?.successor != nil { balance.isUneven = true }
        }
        look(at: name)
    }
}
