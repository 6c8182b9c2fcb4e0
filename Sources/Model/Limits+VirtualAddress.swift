// SPDX-License-Identifier: Apache-2.0

/// The times of the addresses that move with a network's term.
extension Limits {
    /// From one of the first announcements of an address to the next: neighbours may miss one.
    public static let vipAnnounceMilliseconds: [Int64] = [100, 200, 700, 1_000]
    /// From then on. A node that hangs, or whose process was killed, still answers ARP for an address that it had.
    public static let vipRefreshMilliseconds: Int64 = 2_000
    /// How soon what is on the interfaces is compared with what should be, if nothing happens.
    public static let vipLookMilliseconds: Int64 = 1_000
    /// A node that looks so much later than it wanted to may have lost its terms in the meantime...
    public static let vipStillMilliseconds: Int64 = 500
    /// ... and announces nothing for so long.
    public static let vipAfterStillMilliseconds: Int64 = 300
    /// How soon what the kernel has refused is tried again.
    public static let vipRetryMilliseconds: Int64 = 1_000
    /// An address that another machine claims is announced again so often at most.
    public static let vipDefendMilliseconds: Int64 = 500
    /// Such a conflict is reported so often at most.
    public static let vipConflictMilliseconds: Int64 = 60_000
    /// A term is given away after the address was removed, or so much later.
    public static let vipReleaseMilliseconds: Int64 = 50
}
