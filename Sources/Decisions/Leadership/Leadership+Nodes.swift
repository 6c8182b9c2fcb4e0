// SPDX-License-Identifier: Apache-2.0

import Model

/// What the evidence about the other nodes changes.
extension Leadership {
    mutating func take(_ beat: Beat) {
        let name = beat.run.node
        if name == run.node {
            if beat.run == run { takeOwnBeatEcho(beat.sequence) }
            return
        }
        if nodes[name] == nil {
            know(name, NodeEvidence(beat: beat, now: now))
        } else {
            nodes[name]?.take(beat, now: now)
        }
        review(name)
    }

    mutating func take(_ heartbeat: Heartbeat) {
        let name = heartbeat.run.node
        guard name != run.node else { return }
        if nodes[name] == nil {
            know(name, NodeEvidence(heartbeat: heartbeat, now: now))
        } else {
            nodes[name]?.take(heartbeat, now: now)
        }
        review(name)
    }

    mutating func takeBeatGone(_ name: String) {
        nodes[name]?.takeBeatGone()
        review(name)
    }

    mutating func takeRefusal(_ name: String) {
        nodes[name]?.takeRefusal(now: now)
        review(name)
    }

    mutating func takeDraining(_ next: Set<String>) {
        guard next != draining else { return }
        let isOwn = next.contains(run.node) != draining.contains(run.node)
        draining = next
        guard isShared else { return }
        reviewLive()
        guard isOwn, phase == .running else { return }
        // Said at once, so that nobody names this node a successor.
        if own.pendingSince == nil { sendBeat() }
        for name in held[run.node, default: []].sorted() { look(at: name) }
    }

    /// A holder without a beat of its own can at least turn out to be silent.
    mutating func knowHolder(_ holder: NodeRun) {
        guard isShared, holder.node != run.node, nodes[holder.node] == nil else { return }
        know(holder.node, NodeEvidence(unseen: holder, now: now))
        review(holder.node)
    }

    private mutating func know(_ name: String, _ evidence: NodeEvidence) {
        if nodes.count >= Limits.nodesMax {
            // The one that has been dead for longest makes room; among so many living nobody does.
            let dead = nodeNames.filter { nodes[$0]?.life != .alive }
                .min { (nodes[$0]?.lifeSince ?? now) < (nodes[$1]?.lifeSince ?? now) }
            guard let dead else { return }
            forget(dead)
        }
        nodes[name] = evidence
        nodeNames = nodes.keys.sorted()
    }

    private mutating func forget(_ name: String) {
        nodes[name] = nil
        nodeNames.removeAll { $0 == name }
    }

    // MARK: Reviews

    /// Time alone makes nodes silent.
    mutating func reviewNodes() {
        var changed: [String] = []
        for name in nodeNames where assess(name) { changed.append(name) }
        // Many may fall silent together: one new plan for all.
        if !changed.isEmpty { actOn(changed) }
    }

    mutating func review(_ name: String) {
        if assess(name) { actOn([name]) }
    }

    /// Whether anything that others decide by has changed.
    private mutating func assess(_ name: String) -> Bool {
        guard let node = nodes[name] else { return false }
        let judged = node.judged(silence: silence, worksSince: worksSince, now: now)
        guard node.isChanged || judged.life != node.life else { return false }
        nodes[name]?.isChanged = false
        nodes[name]?.life = judged.life
        nodes[name]?.lifeSince = judged.since
        if judged.life == .silent, !node.hasRecord { forget(name) }
        return true
    }

    private mutating func actOn(_ changed: [String]) {
        reviewLive(isChanged: true)
        for name in changed { for network in held[name, default: []].sorted() { look(at: network) } }
    }

    /// Whether `name` may be given terms, so far as it is seen from here.
    func isLive(_ name: String) -> Bool {
        guard let node = nodes[name] else { return false }
        return node.life == .alive && node.hasRecord && node.intent == .serving && !draining.contains(name)
    }

    /// Who takes terms has changed, or (`isChanged`) what is known of somebody.
    mutating func reviewLive(isChanged: Bool = false) {
        guard isShared else { return }
        var live = nodeNames.filter { isLive($0) }
        if isTaking {
            live.append(run.node)
            live.sort()
        }
        let isOther = live != balance.spread.nodes
        guard isOther || isChanged else { return }
        balance.spread.nodes = live
        balance.changedAt = now
        balance.moves = []
        for (network, node) in balance.spread.pins where hasLeft(node) { balance.spread.pins[network] = nil }
        planChanged()
        lookAtOpen()
    }

    private func hasLeft(_ name: String) -> Bool {
        if draining.contains(name) { return true }
        return name == run.node ? phase != .running : nodes[name]?.life != .alive
    }

    /// All networks that nobody serves, and those that this node wants to give away.
    private mutating func lookAtOpen() {
        for name in vacant.sorted() { look(at: name) }
        for holder in held.keys.sorted() where holder != run.node && nodes[holder]?.life != .alive {
            for name in held[holder, default: []].sorted() { look(at: name) }
        }
        let mine = held[run.node, default: []]
        let away = mine.filter { name in
            intent != .serving || ownDeaf.contains(name) || orders[name] != nil
                || networks[name]?.record?.term.holder != run
        }
        for name in away.sorted() { look(at: name) }
    }

    /// Whether a node of this name can hear the network's clients by its own word; and, if `orSuspect` is false,
    /// has not been found deaf to them by others.
    func hears(_ node: String, _ network: String, orSuspect: Bool = false) -> Bool {
        if node == run.node ? ownDeaf.contains(network) : nodes[node]?.deafSince[network] != nil { return false }
        return orSuspect || !isSuspect(node, network)
    }

    mutating func takeDeaf(_ next: Set<String>) {
        guard next != ownDeaf else { return }
        let changed = next.symmetricDifference(ownDeaf)
        ownDeaf = next
        guard isShared else { return }
        balance.changedAt = now
        planChanged()
        for name in changed.sorted() { look(at: name) }
    }
}
