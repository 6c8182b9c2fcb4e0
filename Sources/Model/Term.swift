// SPDX-License-Identifier: Apache-2.0

/// Counts the turns of a network's holders. It only grows.
public struct Epoch: Hashable, Comparable, Sendable {
    public var value: UInt64
    public init(_ value: UInt64) { self.value = value }
    public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// Why a term began.
public enum TermCause: String, Hashable, Sendable, CaseIterable {
    /// Nobody had it: a new network, or the holder's own next start.
    case start
    /// The holder before named this one.
    case handedOver = "handed-over"
    /// The holder's process was gone while its machine answered.
    case processGone = "process-gone"
    /// Nothing was heard of the holder for the cluster's silence time.
    case silent
    /// The holder was there, and did not hear this network's clients.
    case deaf
}

/// One node's turn to hand out a network's dynamic addresses.
public struct Term: Hashable, Sendable {
    public var network: String
    public var holder: NodeRun
    public var epoch: Epoch
    public var cause: TermCause
    /// In the cluster's time.
    public var since: Instant
    public init(network: String, holder: NodeRun, epoch: Epoch, cause: TermCause, since: Instant) {
        self.network = network
        self.holder = holder
        self.epoch = epoch
        self.cause = cause
        self.since = since
    }
}
