// SPDX-License-Identifier: Apache-2.0

/// What has come and gone at the peer port since the start.
public struct PeerCounts: Hashable, Sendable {
    /// Heartbeats received and reported.
    public var received = 0
    /// Heartbeats handed to the kernel, one for each peer.
    public var sent = 0
    /// Heartbeats that the kernel did not take, or that there was no route for.
    public var unsent = 0
    /// Refusals reported: a peer's process was gone while its machine answered.
    public var refused = 0
    /// Datagrams that were not signed with this cluster's key.
    public var badSignature = 0
    /// Heartbeats that came twice, out of order, or from a run that is over.
    public var replayed = 0
    /// Datagrams that were no heartbeats.
    public var malformed = 0
    /// Errors of the receiving socket.
    public var socketErrors = 0

    public init() {}
}
