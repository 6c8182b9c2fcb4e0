// SPDX-License-Identifier: Apache-2.0

import Model

/// Whether a network's holder hears what this node hears.
struct Hearing: Sendable {
    var holder: NodeRun
    /// The holder's count when it last grew; nil: it told none.
    var theirs: UInt64?
    var grewAt: Uptime
    /// When this node heard the first, and a later, packet that the holder has not counted.
    var firstAt: Uptime?
    var secondAt: Uptime?
    var lastAt: Uptime
}

/// A node that lost a network to one that heard its clients better. Until it hears them again, others go first.
struct Suspect: Hashable, Sendable {
    var run: NodeRun
    var heard: UInt64?
}

extension Leadership {
    /// A packet reaches all nodes within this time, and what they say of it.
    private var slackMilliseconds: Int64 { Limits.heartbeatMilliseconds * 2 }

    mutating func takeHeard(_ counts: [String: UInt64]) {
        guard isShared else { return }
        for (name, count) in counts where count > ownHeard[name] ?? 0 {
            ownHeard[name] = count
            // Who is cut off knows neither whose turn it is nor what others have counted.
            guard own.isValid, let holder = networks[name]?.record?.term.holder, holder.node != run.node,
                let node = nodes[holder.node], node.run == holder
            else { continue }
            var hearing =
                hearings[name]
                ?? Hearing(
                    holder: holder, theirs: node.heard.earlier[name], grewAt: now, firstAt: now, lastAt: now)
            hearing.lastAt = now
            compare(&hearing, node.heard.latest[name])
            if let first = hearing.firstAt {
                if hearing.secondAt == nil, now.millisecondsSince(first) * 2 >= silence { hearing.secondAt = now }
            } else if now.millisecondsSince(hearing.grewAt) >= slackMilliseconds {
                hearing.firstAt = now
            }
            hearings[name] = hearing
        }
    }

    private func compare(_ hearing: inout Hearing, _ theirs: UInt64?) {
        guard let theirs, theirs > hearing.theirs ?? 0 else { return }
        hearing.theirs = theirs
        hearing.grewAt = now
        (hearing.firstAt, hearing.secondAt) = (nil, nil)
    }

    /// Only networks that this node has lately heard and does not hold.
    mutating func reviewHearings() {
        var unheard: [String] = []
        for (name, before) in hearings {
            var hearing = before
            guard now.millisecondsSince(hearing.lastAt) < Limits.settleMilliseconds,
                let node = nodes[hearing.holder.node], node.run == hearing.holder, let record = networks[name]?.record
            else {
                forgetHearing(of: name)
                continue
            }
            compare(&hearing, node.heard.latest[name])
            hearings[name] = hearing
            // One that was just taken for deafness is not taken back at once: each may hear a part of the clients.
            let isSettled =
                record.term.cause != .deaf || now.millisecondsSince(record.seenAt) >= Limits.settleMilliseconds
            guard isSettled, let second = hearing.secondAt, let toldAt = node.heard.latestAt, !node.heard.isCut,
                toldAt.millisecondsSince(hearing.grewAt) >= silence,
                toldAt.millisecondsSince(second) * 4 >= silence
            else {
                if networks[name]?.unheardSince != nil { networks[name]?.unheardSince = nil }
                continue
            }
            if networks[name]?.unheardSince == nil { unheard.append(name) }
        }
        for name in unheard.sorted() {
            networks[name]?.unheardSince = now
            look(at: name)
        }
    }

    /// What has been heard so far is no evidence any more.
    mutating func forgetHearing(of name: String) {
        hearings[name] = nil
        if networks[name]?.unheardSince != nil { networks[name]?.unheardSince = nil }
    }

    // MARK: Suspects

    /// Somebody took the term because its holder did not hear.
    mutating func suspectHolder(before: Term?, after: Term) {
        guard after.cause == .deaf, let before, before.holder.node != after.holder.node else { return }
        let node = before.holder.node
        let heard = node == run.node ? ownHeard[after.network] : nodes[node]?.heard.latest[after.network]
        suspects[after.network, default: [:]][node] = Suspect(run: before.holder, heard: heard)
    }

    func isSuspect(_ node: String, _ network: String) -> Bool {
        guard !suspects.isEmpty, let suspect = suspects[network]?[node] else { return false }
        let isOwn = node == run.node
        guard (isOwn ? run : nodes[node]?.run) == suspect.run else { return false }
        let heard = isOwn ? ownHeard[network] : nodes[node]?.heard.latest[network]
        return heard ?? 0 <= suspect.heard ?? 0
    }

    mutating func forgetSuspects() {
        for (network, list) in suspects {
            let still = list.filter { isSuspect($0.key, network) }
            suspects[network] = still.isEmpty || networks[network]?.candidate == nil ? nil : still
        }
    }
}
