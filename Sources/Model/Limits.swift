// SPDX-License-Identifier: Apache-2.0

/// Every limit of the system, in one place: here, and in the other files of this name. Units are in the names.
public enum Limits {
    // Leases
    public static let leaseSecondsDefault: UInt32 = 3600
    public static let leaseSecondsMin: UInt32 = 60
    public static let leaseSecondsMax: UInt32 = 10 * 365 * 86_400
    /// How long an offered address is kept for the client that was offered it: firmware waits up to 27 s between
    /// its first DISCOVER and its last (OVMF 2022.11: 0, 4, 12, 28 s).
    public static let offerHoldSeconds: Int64 = 30
    /// How long a declined address is kept from everybody (Kea's default is the same).
    public static let declineSeconds: Int64 = 86_400
    /// A client that declines more than this many addresses an hour is not listened to: it would drain the pool.
    public static let declinesPerClientPerHour = 8
    /// Clients whose declines are remembered; past it all counts start again.
    public static let declinersMax = 10_000
    public static let hostnameBytesMax = 63

    // Packets
    public static let datagramBytesMax = 4096
    public static let receiveBatchMax = 64
    /// A request older than this when its turn comes is dropped: its client has sent another by then.
    public static let requestAgeMillisecondsMax: Int64 = 3_000
    /// RFC 1542 4.1.1
    public static let bootpHopsMax: UInt8 = 16
    public static let replyCacheEntriesMax = 8_192
    public static let replyCacheMilliseconds: Int64 = 5_000
    public static let receiveBufferBytes = 4 << 20
    public static let sendBatchMax = 64
    /// How soon an interface that is missing or cannot be served is tried again.
    public static let interfaceRetryMilliseconds: Int64 = 1_000
    /// The same fault of the same interface is logged once in this time; all are counted.
    public static let faultReportMilliseconds: Int64 = 10_000

    // Commits
    /// Leases in one transaction, where the store takes so many at once.
    public static let commitBatchMax = 512
    /// How often a failing store is tried, and with how much: more than fits into pages that it has already.
    public static let storeProbeMilliseconds: Int64 = 1_000
    public static let storeProbeBytes = 64 << 10
    /// Requests that wait for a commit; what comes beyond it is dropped, newest first.
    /// A fifth of a second's work at full speed: under more load than that a late answer helps nobody.
    public static let commitQueueMax = 4_096
    /// With so many waiting, DISCOVERs are dropped: those who have an offer come first.
    public static let commitQueueForNewClientsMax = 512

    // Conflict probe
    public static let probeMilliseconds: Int64 = 60
    /// With more offers than this waiting for their probe, new ones go out unprobed.
    public static let probesWaitingMax = 256
    /// When the second probe follows the first.
    public static let probeRepeatMilliseconds: Int64 = 25
    /// How long conflicts may hold up an offer in all; what is left of it when the next address is probed counts.
    public static let offerDelayMillisecondsMax: Int64 = 100
    /// How many addresses are probed for one request before it is dropped.
    public static let probeAttemptsMax = 8

    // Boot
    public static let bootAttemptsKept = 8
    /// This many boots of one intent within the window mean a loop: the machine is held.
    public static let bootLoopAttempts = 5
    public static let bootLoopWindowSeconds: Int64 = 3_600
    public static let bootURLBytesMax = 100
    public static let renderedBytesMax = 1 << 20
    /// x86 and ARM: COMMAND_LINE_SIZE without its NUL.
    public static let kernelArgumentsBytesMax = 2_047

    // Site
    public static let nameBytesMax = 63
    public static let networksMax = 10_000
    public static let subnetsPerNetworkMax = 256
    /// The largest pool: a /8's worth.
    public static let poolAddressesMax = 1 << 24
    public static let templateBytesMax = 256 << 10
    /// Sections and partials inside each other.
    public static let templateDepthMax = 32
    public static let templateProblemsMax = 20
    /// Tags that one rendering goes through.
    public static let templateTagsMax = 100_000
    public static let siteBytesMax = 256 << 20
    public static let parameterDepthMax = 16
    /// Errors of one document that are shown; the rest is counted.
    public static let fieldErrorsMax = 1_000
    public static let documentDepthMax = 64
    /// Values that the aliases of a YAML document may add to those that are written.
    public static let documentAliasedValuesMax = 100_000
    /// Option 61 and the sub-options of option 82.
    public static let identityBytesMax = 255
    public static let macsPerMachineMax = 64
    public static let contentNameBytesMax = 512
    /// The outage that a lease should bridge where nobody says another: what a restart with a look at the log takes.
    public static let outageSecondsDefault: UInt32 = 900
    /// The longest outage that can be asked about; no lease bridges a longer one.
    public static let outageSecondsMax: UInt32 = 366 * 86_400
    /// What an operator needs to restore one machine from its backup, at best.
    public static let rebuildSeconds: UInt32 = 3_600

    // TFTP
    public static let tftpTransfersMax = 4_096
    /// From one address, which may be a NAT with a row of racks behind it.
    public static let tftpTransfersPerClientMax = 512
    /// Transfers whose client has sent nothing but its request (which may be forged): beyond this the oldest go.
    public static let tftpHalfOpenMax = 1_024
    /// Requests answered to one address, each with one packet: so many at once, then so many a second.
    public static let tftpRequestBurstPerClient = 1_024
    public static let tftpRequestsPerClientPerSecond = 500
    /// Addresses whose requests are counted at one time.
    public static let tftpClientsMax = 8_192
    public static let tftpRetriesMax = 5
    /// RFC 2348
    public static let tftpBlockBytesMin = 8
    public static let tftpBlockBytesMax = 65_464
    public static let tftpWindowMax = 64
    public static let tftpTimeoutMillisecondsDefault: Int64 = 1_000
    public static let tftpTimeoutMillisecondsMin: Int64 = 50
    public static let tftpBackoffMillisecondsMax: Int64 = 8_000
    /// How long running transfers may go on when the service stops.
    public static let tftpDrainMilliseconds: Int64 = 10_000
    public static let tftpThreadsMax = 4
    public static let tftpNameBytesMax = 512

    // HTTP
    public static let bootConnectionsMax = 10_000
    public static let apiConnectionsMax = 1_000
    public static let requestBodyBytesMax = 256 << 20
    public static let watchersMax = 64
    public static let httpHeaderBytesMax = 16 << 10
    public static let httpHeadersMax = 100
    /// Of a decoded path, and of the raw target with its query.
    public static let httpPathBytesMax = 1_024
    public static let httpTargetBytesMax = 8 << 10
    /// What a machine may send with its call-backs.
    public static let bootBodyBytesMax = 64 << 10
    /// How long a boot client may take for a request, and stay connected without one. EDK2 and iPXE keep
    /// connections for seconds, BMCs for minutes.
    public static let bootIdleSeconds: Int64 = 120
    /// A client that has taken no byte for this long is gone.
    public static let transferStallSeconds: Int64 = 120
    /// Files up to this size are read at once; above it they go from the page cache to the socket.
    public static let fileReadBytesMax = 64 << 10
    /// How much of a file is brought into the page cache before it is sent.
    public static let fileChunkBytes = 8 << 20
    public static let apiIdleSeconds: Int64 = 60
    /// How long the command line waits for a connection, and for an answer: a large site takes its time.
    public static let apiConnectSeconds: Int64 = 5
    public static let apiAnswerSeconds: Int64 = 300
    public static let tokenBytesMin = 16
    public static let tokenBytesMax = 512
    /// Balancers drop connections that are silent for longer than 15 s or so.
    public static let watchHeartbeatSeconds: Int64 = 10

    // Store
    /// Guards and writes of one batch in a store that has no limit of its own: a whole site.
    public static let storeBatchOperationsMax = 4_000_000
    /// Batches that wait for the disk; what comes beyond it is refused.
    public static let storeCommitsWaitingMax = 1_024
    /// Batches that wait together share a transaction until it has this many writes.
    public static let storeGroupWritesMax = 1_024
    public static let storeReadersMax = 2
    /// How long another program (an operator's sqlite3) may hold the database before a commit fails.
    public static let storeBusyMilliseconds = 2_000
    /// At this size the write-ahead log is copied into the database beside the commits; at the larger one before the
    /// next commit, which is a pause of half a second.
    public static let storeLogBytes = 32 << 20
    public static let storeLogBytesMax = 128 << 20
    /// What a reader of changes may lie behind when it begins.
    public static let storeHistoryBytesMax = 16 << 20
    public static let storeChangesBufferedPerReader = 1_024

    // Consul
    /// What Consul takes in one transaction's body by default (limits.txn_max_req_len).
    public static let consulBodyBytesMax = 512 << 10
    /// Guards and writes of one batch: 64 operations less those of the change feed.
    public static let consulOperationsMax = 60
    /// Batches that a writer's feed remembers; a follower further behind reads everything again.
    public static let consulFeedSlots: Int64 = 1_024
    /// Entries of feeds that are asked for at once.
    public static let consulFeedReadMax = 32
    /// A head that has not moved for so long is its writer's last; it and its feed are removed.
    public static let consulHeadIdleMilliseconds: Int64 = 60_000
    /// From the moment a batch was handed over.
    public static let consulCommitMilliseconds: Int64 = 2_000
    public static let consulConnectMilliseconds: Int64 = 1_000
    /// How long Consul may hold a question for changes when there are none.
    public static let consulWaitMilliseconds: Int64 = 2_000
    /// For everything small; longer than that, with what Consul adds to it.
    public static let consulAnswerMilliseconds: Int64 = 4_000
    /// For all records of a prefix.
    public static let consulReadMilliseconds: Int64 = 30_000
    public static let consulStatusMilliseconds: Int64 = 900
    public static let consulAnswerBytesMax = 1 << 30
    /// How soon a follower that lost Consul asks again, at first and at most.
    public static let consulRetryMilliseconds: Int64 = 50
    public static let consulRetryMillisecondsMax: Int64 = 1_000
    /// Of a batch of `ondeck store copy`: Consul takes transactions of 512 KiB in base64, etcd 1.5 MiB.
    public static let storeCopyBatchBytesMax = 256 << 10
    /// Of a batch of site objects in a shared store, and of a part of the journal: Consul hands on what followers can
    /// take without reading again, 190 KB.
    public static let siteBatchBytesMax = 128 << 10
    /// Large changes that may be made by others before one's own is given up.
    public static let siteJournalTriesMax = 8
    /// How often and how long one waits for somebody else's change, and how many looks without progress mean that
    /// nobody goes on with it.
    public static let siteJournalLookMilliseconds: Int64 = 100
    public static let siteJournalLooksMax = 300
    public static let siteJournalPatienceLooks = 30
    /// etcd or Consul servers that a configuration may name.
    public static let storeEndpointsMax = 16
    public static let storePrefixBytesMax = 128

    // Cluster
    /// D: how long a node must be silent before its terms are taken.
    public static let silenceMillisecondsDefault: Int64 = 1_000
    public static let silenceMillisecondsMin: Int64 = 500
    public static let silenceMillisecondsMax: Int64 = 60_000
    /// How often a node rewrites its beat, and tells the others directly that it is there.
    public static let beatMilliseconds: Int64 = 250
    public static let heartbeatMilliseconds: Int64 = 50
    /// The node up to bat stops answering so long before the others may think it silent.
    public static let silenceMarginMilliseconds: Int64 = 200
    /// How much later each next node goes for a term: where nobody has had it yet, and where its holder is gone. The
    /// second is longer than a heartbeat interval and a write, so that whose turn it is has come before.
    public static let startRankMilliseconds: Int64 = 150
    public static let takeoverRankMilliseconds: Int64 = 75
    /// How soon a term is gone for again after a write that failed.
    public static let termRetryMilliseconds: Int64 = 200
    /// How long a term's record may be missing before it counts as lost: its network may be about to go as well.
    public static let termMissingMilliseconds: Int64 = 1_000
    /// Terms are moved for balance only when the same nodes have been there for so long, and one at a time.
    public static let settleMilliseconds: Int64 = 10_000
    public static let rebalancePaceMilliseconds: Int64 = 100
    /// What a node that stops gives its successors to be named, and its last beat to be written.
    public static let stopHandOverMilliseconds: Int64 = 1_000
    public static let stopBeatMilliseconds: Int64 = 250
    /// A process that was refused at its port so often, and was alive each time, is no longer thought gone for it.
    public static let refusalsDisprovedMax = 3
    /// Earlier runs of a node's name that are remembered as over.
    public static let endedRunsKept = 8
    /// How far two nodes' ideas of the cluster's time may lie apart.
    public static let clockSkewSecondsMax: Int64 = 5
    /// A peer's time that lies further behind than this, which is more than a message takes, is adopted.
    public static let clockStepMilliseconds: Int64 = 50
    public static let nodesMax = 64
    /// How long a node that starts waits for the others to tell it the time; shorter when nobody seems to be there.
    public static let joinMilliseconds: Int64 = 1_500
    public static let joinAloneMilliseconds: Int64 = 300
    public static let tickMillisecondsMax: Int64 = 500
    /// How long a stopping node waits for its successors.
    public static let handOverMillisecondsMax: Int64 = 1_000
    public static let clusterKeyBytes = 32
    /// How long a node that starts waits for the store before it goes by its own copy.
    public static let storeAnswerMilliseconds: Int64 = 1_500
    /// How long an operator's hand-over may take.
    public static let orderMillisecondsMax: Int64 = 3_000
    /// How often a node writes what it knows to its own disk, when that has changed.
    public static let replicaSeconds: Int64 = 30
    /// Networks whose counts of received packets a beat or heartbeat carries.
    public static let heardNetworksMax = 256
    /// Requests for another node's networks that are kept for the case that it does not answer them.
    public static let heldRequestsMax = 8_192
    public static let heldRequestMilliseconds: Int64 = 3_000
    /// A node that lies further behind would let clients wait when it comes up to bat.
    public static let lagRevisionsMax: Int64 = 1_000
    /// A machine's clock that is further off makes logs and certificates lie.
    public static let clockOffsetMillisecondsMax: Int64 = 1_000
    /// How long `ondeck cluster drain --wait` waits, and how often it looks.
    public static let drainWaitSeconds: Int64 = 60
    public static let drainLookMilliseconds: Int64 = 250

    // Timeline
    public static let eventsKept = 20_000
    public static let eventsBufferedPerWatcher = 4_096
}
