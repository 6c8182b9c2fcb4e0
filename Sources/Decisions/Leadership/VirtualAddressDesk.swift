// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// What is to be done about virtual addresses at a moment: a value. It is told what is wanted, what the kernel has of
/// ours, how the last steps ended and what others announce; whoever holds it carries the steps out.
public struct VirtualAddressDesk: Sendable {
    public enum Step: Hashable, Sendable {
        case remove(VirtualAddress)
        case add(VirtualAddressPlan.Wish)
        /// Tell the link that it is here.
        case announce(VirtualAddress)
    }

    /// What to do when somebody else says that an address is theirs.
    public enum Answer: Hashable, Sendable {
        /// Announce it again; `isNews`: say so, too.
        case defend(isNews: Bool)
        /// Another node is up to bat.
        case yield
        case ignore
    }

    private struct Announcing {
        var count = 0
        var nextAt: Uptime
    }

    private var wishes: [VirtualAddress: VirtualAddressPlan.Wish] = [:]
    /// Addresses that are there.
    private var announcing: [VirtualAddress: Announcing] = [:]
    /// Those that were left to another node while this one did not know whether it was up to bat.
    private var yielded: Set<VirtualAddress> = []
    private var retryAt: [VirtualAddress: Uptime] = [:]
    private var defendedAt: [VirtualAddress: Uptime] = [:]
    private var saidAt: [VirtualAddress: Uptime] = [:]
    private var lookedAt: Uptime?

    public init() {}

    /// In this order: an address that moves to another interface leaves the one before first.
    public mutating func steps(
        wanted: [VirtualAddressPlan.Wish], present: Set<VirtualAddress>, now: Uptime
    ) -> [Step] {
        wishes = Dictionary(wanted.map { ($0.address, $0) }, uniquingKeysWith: { a, _ in a })
        yielded = yielded.filter { wishes[$0]?.isFirm == false }
        forget(present)
        let isLate = hasStoodStill(now)
        lookedAt = now
        var steps: [Step] = []
        for address in present.sorted() where wishes[address] == nil || yielded.contains(address) {
            if isDue(address, now) { steps.append(.remove(address)) }
        }
        for wish in wanted where !yielded.contains(wish.address) {
            guard present.contains(wish.address) else {
                // What is in doubt is kept, not taken.
                if wish.isFirm, isDue(wish.address, now) { steps.append(.add(wish)) }
                continue
            }
            if isLate { announcing[wish.address]?.nextAt = now.adding(milliseconds: Limits.vipAfterStillMilliseconds) }
            let nextAt = announcing[wish.address, default: Announcing(nextAt: now)].nextAt
            guard now >= nextAt else { continue }
            steps.append(.announce(wish.address))
            announced(wish.address, now)
        }
        return steps
    }

    private func isDue(_ address: VirtualAddress, _ now: Uptime) -> Bool { retryAt[address].map { now >= $0 } ?? true }

    private mutating func forget(_ present: Set<VirtualAddress>) {
        let known = present.union(wishes.keys)
        announcing = announcing.filter { present.contains($0.key) }
        retryAt = retryAt.filter { known.contains($0.key) }
        defendedAt = defendedAt.filter { present.contains($0.key) }
        saidAt = saidAt.filter { known.contains($0.key) }
    }

    /// A process that was stopped, or a machine that slept, may have lost its terms and not know it yet.
    private func hasStoodStill(_ now: Uptime) -> Bool {
        guard let lookedAt, !announcing.isEmpty else { return false }
        return now.millisecondsSince(lookedAt) > Limits.vipLookMilliseconds + Limits.vipStillMilliseconds
    }

    private mutating func announced(_ address: VirtualAddress, _ now: Uptime) {
        let count = announcing[address]?.count ?? 0
        let pauses = Limits.vipAnnounceMilliseconds
        let pause = count < pauses.count ? pauses[count] : Limits.vipRefreshMilliseconds
        announcing[address] = Announcing(count: count + 1, nextAt: now.adding(milliseconds: pause))
    }

    /// How adding or removing ended. What was added is to be announced at once: ask for steps again.
    public mutating func ended(_ address: VirtualAddress, isDone: Bool, now: Uptime) {
        retryAt[address] = isDone ? nil : now.adding(milliseconds: Limits.vipRetryMilliseconds)
    }

    /// Somebody else has spoken on the link as `address`, which this node has.
    public mutating func heard(_ address: VirtualAddress, now: Uptime) -> Answer {
        guard let wish = wishes[address], !yielded.contains(address), !hasStoodStill(now) else { return .ignore }
        guard wish.isFirm else {
            yielded.insert(address)
            return .yield
        }
        if let last = defendedAt[address], now.millisecondsSince(last) < Limits.vipDefendMilliseconds { return .ignore }
        defendedAt[address] = now
        let isNews = saidAt[address].map { now.millisecondsSince($0) >= Limits.vipConflictMilliseconds } ?? true
        if isNews { saidAt[address] = now }
        return .defend(isNews: isNews)
    }

    /// When to look again though nothing happens; nil: there is nothing to look at.
    public var nextLook: Uptime? {
        guard let lookedAt, !(wishes.isEmpty && announcing.isEmpty && retryAt.isEmpty) else { return nil }
        let next = (announcing.values.map(\.nextAt) + retryAt.values).filter { $0 > lookedAt }.min()
        let latest = lookedAt.adding(milliseconds: Limits.vipLookMilliseconds)
        return next.map { min($0, latest) } ?? latest
    }
}
