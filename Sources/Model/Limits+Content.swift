// SPDX-License-Identifier: Apache-2.0

/// The limits of what is served, and of where machines are sent.
extension Limits {
    // Endpoints
    public static let endpointsMax = 8
    /// Of a base URL: with a machine's path behind it, it must stay within `bootURLBytesMax`.
    public static let endpointBytesMax = 64

    // Content store
    /// What readers of a file that still comes in do not get before it is verified.
    public static let arrivingTailBytes = 64 << 10
    /// What is read, hashed and written at once.
    public static let blobChunkBytes = 1 << 20
    /// So much of a file that comes in may wait in memory for the disk: written out early, its end need not wait long.
    public static let blobWriteBackBytes: Int64 = 16 << 20
    /// Content leaves free so much of its disk, for the leases may lie there, too; on small disks a twentieth.
    public static let blobDiskReserveBytes: Int64 = 256 << 20
    /// A blob's last use is written down so often.
    public static let blobUseSeconds: Int64 = 3_600
    /// A partial file that nobody has gone on with for so long is thrown away.
    public static let partialBlobSeconds: Int64 = 7 * 86_400
    /// How soon a blob that looks changed is looked at.
    public static let blobLookMilliseconds: Int64 = 250
    /// A blob that was verified less long ago is not read again by the scrub.
    public static let blobScrubSeconds: Int64 = 7 * 86_400
    public static let manifestBytesMax = 64 << 20
    /// Of one file of an image: as many of them as an image may have still can be added up.
    public static let contentFileBytesMax: Int64 = 1 << 43
    public static let manifestFilesMax = 200_000
    /// Files that TFTP has asked for and that are still to be pulled.
    public static let contentPullsWaitingMax = 256
    /// How long TFTP is told why a file could not be pulled, before that is tried again.
    public static let contentPullFailureMilliseconds: Int64 = 3_000
    /// A node that has been away for longer no longer counts among those that hold copies.
    public static let copiesAbsenceSeconds: Int64 = 600
    /// How many nodes keep an on-demand image when no location is the origin.
    public static let onDemandKeepers = 2
    /// How long a blob that no image needs is kept.
    public static let blobGraceSeconds: Int64 = 3_600

    // Next-boot targets
    /// How often nodes and endpoints are looked at, and asked for the probe file.
    public static let targetLookMilliseconds: Int64 = 50
    public static let targetProbeMilliseconds: Int64 = 300
    public static let endpointProbeMilliseconds: Int64 = 1_000
    /// How long an operator's change waits to learn whether the endpoints that it names answer.
    public static let endpointCheckMilliseconds: Int64 = 1_500
    /// After so many questions without an answer one after the other a service fails; a refusal counts at once.
    public static let targetProbesLostMax = 2
    /// The same of a node's questions to itself: what it says of itself counts for all the others.
    public static let ownProbesLostMax = 4
    /// A node of which there is no sign for so long is not named. Shorter than what its terms are taken for: naming
    /// another costs nothing.
    public static let targetSilenceMilliseconds: Int64 = 700
    /// With more nodes than this each is asked less often.
    public static let targetsProbedAtOnce = 16
    public static let probeAnswerBytesMax = 4_096
    /// How soon the addresses of an endpoint's name are looked up again.
    public static let endpointLookupMilliseconds: Int64 = 10_000

    // Proxies
    /// Networks and names that a listener's settings may list.
    public static let trustedNetworksMax = 64
    public static let allowedHostsMax = 64
    /// Proxies between a client and us.
    public static let forwardedHopsMax = 16
    /// A PROXY header with all that a balancer adds to it.
    public static let proxyHeaderBytesMax = 4 << 10
    /// How long running downloads may go on when the service stops.
    public static let bootDrainSeconds: Int64 = 120
    /// Connections beyond `bootConnectionsMax` for which those that have asked nothing for the longest make room.
    public static let bootConnectionsReserve = 1_024

    // Content transfers
    public static let contentConnectSeconds: Int64 = 2
    /// A source that sends nothing for so long is given up for the next one.
    public static let contentStallSeconds: Int64 = 8
    /// Of replication into one node, at one time.
    public static let contentTransfersMax = 2
    /// Files that machines wait for, pulled through at one time; more are told to come again.
    public static let contentPullsMax = 64
    public static let contentImportsMax = 4
    public static let contentRedirectsMax = 5
    /// How soon what could not be fetched is tried again, at first and at most.
    public static let contentRetryMilliseconds: Int64 = 500
    public static let contentRetryMillisecondsMax: Int64 = 30_000
    /// How often a node rewrites what it holds: when something was finished or lost, and for progress.
    public static let holdingsMilliseconds: Int64 = 1_000
    public static let holdingsProgressMilliseconds: Int64 = 2_000
    /// How often nodes ask whether the sources of what they do not hold still answer.
    public static let contentReachMilliseconds: Int64 = 5_000
    /// Files of one image that are asked for one by one, where no node holds it whole.
    public static let contentReachFilesMax = 32
    /// How often blobs that nobody needs are looked for.
    public static let contentSweepMilliseconds: Int64 = 60_000
    public static let contentScrubBytesPerSecond: Int64 = 8 << 20
    /// An upload that nobody has touched for so long is thrown away.
    public static let uploadIdleSeconds: Int64 = 86_400
    /// How long an import that is in the store waits for the change feed to say so.
    public static let importKnownMilliseconds: Int64 = 60_000
    /// What the store may take before an import tries again to write its result.
    public static let importCommitAttemptsMax = 40

    // Boot tokens
    /// Five bits each: 12 for the minute, 63 to guess. With it a machine's path under the longest base URL is as long
    /// as `bootURLBytesMax` allows.
    public static let bootTokenCharacters = 15
    /// From the DHCP answer to the script, with firmware that takes its time; scripts bring a fresh one along.
    public static let bootTokenMinutes: Int64 = 30
    /// From the script to the end of an install.
    public static let stageTokenMinutes: Int64 = 24 * 60
    /// How long an answer file is given again to the address that had it.
    public static let answerGraceSeconds: Int64 = 600
    /// Tokens and their answer files that are remembered for one machine; past it the oldest are forgotten with their
    /// tokens' time, which is over long before.
    public static let answersServedKept = 64
    /// How long a machine waits while the store does not take that it was given an answer.
    public static let servedCommitMilliseconds: Int64 = 3_000
    /// Strangers whose requests are told apart; each is reported once in this time.
    public static let strangersKept = 256
    public static let strangerReportMilliseconds: Int64 = 60_000

    // Boot scripts
    /// How long a download may stand still before the next base is tried; after a failure, and then where there is no
    /// other base or none had it, longer. To that comes a second at the kernel's start: iPXE waits so long for a silent
    /// node to take leave (its src/net/tcp.c, TCP_FINISH_TIMEOUT).
    public static let scriptStallMilliseconds = 1_250
    public static let scriptLaterStallMilliseconds = 4_000
    public static let scriptPatienceMilliseconds = 15_000

    // Content in the API and on the command line
    /// Files of an image that one answer lists.
    public static let imageFilesListedMax = 1_000
    /// Of an upload, in one request; and what the command line sends at once: what a break costs at most.
    public static let uploadPartBytesMax: Int64 = 64 << 20
    public static let uploadPartBytes: Int64 = 16 << 20
    public static let uploadNameBytesMax = 200
    /// Of an address that something is imported from.
    public static let sourceURLBytesMax = 2_048
    /// How long `ondeck content add` goes on trying when the server is gone, and how often it looks and shows.
    public static let contentRetrySeconds: Int64 = 120
    public static let contentRetryPauseMilliseconds: Int64 = 1_000
    public static let contentLookMilliseconds: Int64 = 500
    /// How often progress is said where it cannot be shown in place: in a log.
    public static let contentLogSeconds: Int64 = 5
    /// Of an on-demand cache that ondeck.yaml sets.
    public static let contentCacheBytesMin: Int64 = 64 << 20
    public static let contentCacheBytesMax: Int64 = 1 << 50
    public static let contentCacheBytesDefault: Int64 = 20_000_000_000
}
