// SPDX-License-Identifier: Apache-2.0

import Model

/// What an outage of a given length costs one network's clients.
///
/// *Which outage.* Of a store that one machine has for itself (SQLite), the outage is that machine's: nobody answers.
/// Of a shared store it is the store's, with the nodes up: a node's failure alone is taken over in seconds.
///
/// *The rule.* A client with a lease of L renews at T1 = L/2, again at T2 = 7L/8 with any server, and loses its address
/// at L. Worst off is the one whose renewal falls due in the moment in which the outage begins: its last answer is L/2
/// old, so that it has L/2 left. With nobody to answer, the longest outage that costs nothing is therefore
///
///     L/2
///
/// A shared store's record, written at 0, says `reservedUntil = L + G`: G longer than the client was told. Until then
/// nobody else can have the address, and any node with the record confirms it to the same client up to
/// `reservedUntil - skew`, without the store. With x = G - skew that is L + x: for so long each client holds its
/// address, counted from the writing of its record. The question is how old a record can be when the outage begins.
///
/// While the store is up, every node confirms without a write whenever a whole lease still fits in: at L/2, L, 3L/2
/// and so on, up to x (`NetworkDecision.confirm`). The last such time is x - m, where m is what is left of x after as
/// many halves of L as fit into it. Half a lease later the client asks again: the node up to bat writes a new record,
/// and a node on deck is silent, so that a client which still renews with one (it was up to bat once) finds the node
/// up to bat at T2 only, 7L/8 after its last answer. The outage that begins just before that leaves it
///
///     L + x - (x - m) - 7L/8  =  L/8 + m        (and one that renews with the node up to bat L/2 + m)
///
/// With the usual G = L, m is L/2 - skew, and the longest outage that costs nothing 5L/8 - skew. A longer G saves
/// writes; it bridges more only for the clients whose records happen to be young.
///
/// Between the worst-off client and the one whose record is new, clients are spread evenly. Three things shorten all
/// this a little, and are why twice the outage is advised: a client repeats its question at half of what is left, at
/// most once a minute (RFC 2131 4.4.5), so that it may not ask in the last minute; some renew before T1; and G shrinks
/// as a pool fills. Clients that ask for a shorter lease (option 51) have what they asked for.
///
/// A static network's records are its configuration: with any node up, nobody loses anything. A proxy network's
/// addresses are another server's.
public struct OutageWindow: Hashable, Sendable {
    /// What the need calls for.
    public enum Availability: String, Hashable, Sendable, CaseIterable {
        /// One machine, and a backup that is restored within the outage.
        case backupAndRebuild = "backup-and-rebuild"
        /// Two or more nodes that all answer, alike.
        case activeActive = "static-active-active"
        /// Two or more nodes, one of which is up to bat.
        case activePassive = "active-passive"
    }

    public let network: String
    public let mode: NetworkMode
    public let leaseSeconds: UInt32
    /// G. 0 where records are not reserved for longer than the lease.
    public let reserveSeconds: UInt32
    /// Set by the operator; otherwise it is as long as the lease.
    private let isReserveFixed: Bool
    let isShared: Bool
    public let outageSeconds: UInt32

    /// `outageSeconds` counts up to `Limits.outageSecondsMax`. `isShared`: other nodes use the store too.
    public init(
        network: String, mode: NetworkMode, leaseSeconds: UInt32, reserveSeconds: UInt32? = nil, outageSeconds: UInt32,
        isShared: Bool
    ) {
        let hasReserve = isShared && mode == .dynamic
        self.network = network
        self.mode = mode
        self.leaseSeconds = leaseSeconds
        self.reserveSeconds = hasReserve ? reserveSeconds ?? leaseSeconds : 0
        isReserveFixed = hasReserve && reserveSeconds != nil
        self.isShared = isShared
        self.outageSeconds = min(outageSeconds, Limits.outageSecondsMax)
    }

    private var hasReserve: Bool { isShared && mode == .dynamic }

    public init(_ network: Network, outageSeconds: UInt32, isShared: Bool) {
        self.init(
            network: network.name, mode: network.mode, leaseSeconds: network.leaseSeconds,
            reserveSeconds: network.reserveSeconds, outageSeconds: outageSeconds, isShared: isShared)
    }

    // MARK: The figures

    /// The longest outage in which no client loses its address; nil: none ever does.
    public var bridgedSeconds: UInt32? { bridged(lease: leaseSeconds, reserve: reserveSeconds) }

    public var fits: Bool { bridgedSeconds.map { outageSeconds <= $0 } ?? true }

    /// Of a hundred clients, how many have lost their address when the outage ends, at most; rounded up.
    public var lostPercent: Int {
        guard let bridgedSeconds, outageSeconds > bridgedSeconds else { return 0 }
        let longest = Int64(leaseSeconds) + Self.usable(reserveSeconds)
        let spread = max(1, longest - Int64(bridgedSeconds))
        return Int(min(100, (Int64(outageSeconds - bridgedSeconds) * 100 + spread - 1) / spread))
    }

    /// The shortest lease that bridges the outage, of those that people would write; nil: any does.
    public var leaseSecondsNeeded: UInt32? { leaseNeeded(for: Int64(outageSeconds)) }

    /// One that would bridge an outage of twice the length.
    public var leaseSecondsAdvised: UInt32? { leaseNeeded(for: 2 * Int64(outageSeconds)) }

    /// The reserve that bridges the outage with the lease as it is; nil where there is none, or need be none.
    public var reserveSecondsNeeded: UInt32? {
        guard hasReserve, !fits else { return nil }
        return Self.friendly.first { reserve in
            bridged(lease: leaseSeconds, reserve: reserve).map { outageSeconds <= $0 } ?? true
        }
    }

    private func leaseNeeded(for outage: Int64) -> UInt32? {
        Self.friendly.first { lease in
            bridged(lease: lease, reserve: hasReserve && !isReserveFixed ? lease : reserveSeconds)
                .map { outage <= Int64($0) } ?? false
        }
    }

    /// The rule above.
    private func bridged(lease: UInt32, reserve: UInt32) -> UInt32? {
        switch (mode, isShared) {
        case (.proxy, _), (.static, true): return nil
        case (.static, false), (.dynamic, false): return lease / 2
        case (.dynamic, true):
            let lease = Int64(lease)
            let rest = Self.usable(reserve) % max(1, lease / 2)
            return UInt32(clamping: lease - lease * 7 / 8 + rest)
        }
    }

    /// x: for how much longer than the lease any node confirms it. The client has its lease without that.
    private static func usable(_ reserve: UInt32) -> Int64 { max(0, Int64(reserve) - Limits.clockSkewSecondsMax) }

    /// Times that people would write.
    private static let friendly: [UInt32] =
        [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720].map { $0 * 60 }
        + [1, 2, 3, 4, 5, 7, 10, 14, 30, 60, 90, 180, 365, 730, 1_825, 3_650].map { $0 * 86_400 }

    // MARK: The need

    public var availability: Availability {
        if outageSeconds >= Limits.rebuildSeconds { return .backupAndRebuild }
        return mode == .dynamic ? .activePassive : .activeActive
    }
}
