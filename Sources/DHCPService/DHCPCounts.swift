// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What has happened on one interface since the start. Each datagram received is decided on or stands under one of
/// the drops.
public struct DHCPCounts: Hashable, Sendable {
    /// Datagrams read from ports 67 and 4011.
    public var received = 0
    /// Requests decided on.
    public var decided = 0
    /// Dropped: they had waited for longer than `Limits.requestAgeMillisecondsMax`.
    public var stale = 0
    /// Dropped: the client's next try stood in the same batch.
    public var superseded = 0
    /// Dropped: longer than `Limits.datagramBytesMax`.
    public var tooLong = 0
    /// Dropped: no DHCP request; by the label of the decoder's error.
    public var undecodable: [String: Int] = [:]
    /// Dropped by the kernel before we read them: the socket's buffer was full. Not among `received`.
    public var overflowed = 0

    public var sentUnicast = 0
    /// To all, as frames or by UDP.
    public var sentBroadcast = 0
    /// In frames of our own to one client: it has no address yet, or the kernel had no room for it.
    public var sentLinkLayer = 0
    /// Replies broadcast because the link-layer frame could not be sent; among `sentBroadcast` if that worked.
    public var linkLayerFallbacks = 0
    /// Replies whose source address is not one of this machine's: sent from the kernel's choice instead.
    public var sourceFallbacks = 0
    /// Options left out because the client's message size has no room for them.
    public var optionsDropped = 0
    /// Replies that the kernel refused, by errno; 0: there was no socket to send them with.
    public var unsent: [Int32: Int] = [:]

    /// Probes that nobody answered within the time.
    public var probesFree = 0
    public var probesConflicting = 0
    /// Offers sent without the probe that was asked for: too much to do, or no way to probe.
    public var probesSkipped = 0
    /// Requests dropped because every address that was tried for them was in use.
    public var probesAbandoned = 0
    /// Errors of receiving and of ARP sockets.
    public var socketErrors = 0

    public init() {}

    public var undecodableTotal: Int { undecodable.values.reduce(0, +) }
    public var unsentTotal: Int { unsent.values.reduce(0, +) }
}

/// The counts of one interface, kept when its sockets are opened anew. Each side adds once a batch.
final class DHCPCounters: Sendable {
    private let counts = Mutex(DHCPCounts())

    var snapshot: DHCPCounts { counts.withLock { $0 } }

    func update(_ body: (inout DHCPCounts) -> Void) { counts.withLock { body(&$0) } }
}
