// SPDX-License-Identifier: Apache-2.0

/// The limits of rehearsals.
extension Limits {
    // The promises: how long, at most, nobody gets an address.
    public static let handoverPromiseMilliseconds: Int64 = 250
    public static let killPromiseMilliseconds: Int64 = 300
    public static let silencePromiseMilliseconds: Int64 = 1_500

    public static let drillClientsDefault = 20
    public static let drillClientsMax = 200
    /// New leases a second. With fewer, their own distance would pass for a gap.
    public static let drillRateDefault = 50
    public static let drillRateMin = 20
    public static let drillRateMax = 500
    public static let drillSecondsDefault = 10
    public static let drillSecondsMin = 5
    public static let drillSecondsMax = 120
    /// Before the fault: so much of the time, and at least and at most so long.
    public static let drillBeforePart = 0.3
    public static let drillBeforeMillisecondsMin: Int64 = 1_500
    public static let drillBeforeMillisecondsMax: Int64 = 5_000
    /// A node that stands still loses its networks within the silence of its cluster; it is watched for a while after
    /// it has come back.
    public static let drillSilenceMillisecondsDefault: Int64 = 3_000
    public static let drillSilenceMillisecondsMin: Int64 = 1_000
    public static let drillSilenceMillisecondsMax: Int64 = 10_000
    public static let drillAfterSilenceMilliseconds: Int64 = 1_500
    /// An order that is older is not carried out.
    public static let drillOrderMillisecondsMax: Int64 = 2_000
    public static let drillAnswerMillisecondsMax: Int64 = 3_000
    public static let drillAnswerLookMilliseconds: Int64 = 20
    /// Between a node's answer and what happens to it, so that the answer is out.
    public static let drillDelayMilliseconds: Int64 = 200
    /// A client repeats itself after 1, 2, 4 s, as iPXE does, and begins anew when so many REQUESTs were not answered.
    public static let drillRetryMilliseconds: Int64 = 1_000
    public static let drillRetryMillisecondsMax: Int64 = 4_000
    public static let drillTriesMax = 4
    /// Where a boot ROM gives up.
    public static let drillPatienceMilliseconds: Int64 = 15_000
    /// How long, at the end, those are waited for who have no address yet.
    public static let drillSettleMillisecondsMax: Int64 = 8_000
    /// So many clients must be waiting at once for the end of a drill to count as a gap, and not as one client's wait.
    public static let drillWaitingMin = 3
    public static let drillSocketBytes = 4 << 20
}
