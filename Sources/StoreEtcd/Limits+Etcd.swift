// SPDX-License-Identifier: Apache-2.0

import Model

extension Limits {
    /// etcd takes 128 operations in each list of a transaction (`--max-txn-ops`); a few are left for what it may count.
    static let etcdOperationsMax = 120
    /// Records in one answer, and how large it is meant to be: large records come in smaller pages.
    static let etcdPageRecordsMax = 5_000
    static let etcdPageBytes = 4 << 20
    /// One commit: longer than etcd needs to elect a leader (1.3 to 1.6 s).
    static let etcdCommitMilliseconds: Int64 = 2_000
    /// One page of records, and all attempts at it together.
    static let etcdPageMilliseconds: Int64 = 5_000
    static let etcdReadMilliseconds: Int64 = 8_000
    /// A connection; and how long a request may wait until one of the connections is free.
    static let etcdConnectMilliseconds: Int64 = 2_000
    static let etcdStatusMilliseconds: Int64 = 900
    static let etcdConnectionsPerEndpointMax = 64
    /// How often the store looks whether its endpoints still answer.
    static let etcdTickMilliseconds: Int64 = 100
    /// An endpoint that owes answers and has given none for so long gets no new requests; those that it has are given
    /// up at the longer one, if another endpoint answers.
    static let etcdStallMilliseconds: Int64 = 300
    static let etcdGiveUpMilliseconds: Int64 = 600
    /// A watch that is silent for so long has its endpoint asked, which must answer within the second.
    static let etcdWatchSilenceMilliseconds: Int64 = 400
    static let etcdProbeMilliseconds: Int64 = 500
    /// How often a watch's connection is read while much comes.
    static let etcdWatchReadMilliseconds: Int64 = 20
    static let etcdRewatchMilliseconds: Int64 = 100
}
