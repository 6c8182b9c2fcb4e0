// SPDX-License-Identifier: Apache-2.0

import Addresses

/// A point in time on one node's own steady clock: milliseconds since that machine's start, suspends included. Never
/// compared between nodes, never stored.
public struct Uptime: Hashable, Comparable, Sendable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public func adding(milliseconds more: Int64) -> Uptime { Uptime(milliseconds: milliseconds + more) }
    public func millisecondsSince(_ earlier: Uptime) -> Int64 { milliseconds - earlier.milliseconds }
    public static func < (a: Self, b: Self) -> Bool { a.milliseconds < b.milliseconds }
}

/// One process: a node's name, and a number that it drew at its start. Two processes with one name, or one that was
/// started again, are told apart by it.
public struct NodeRun: Hashable, Sendable {
    public var node: String
    public var incarnation: UInt64
    public init(node: String, incarnation: UInt64) { self.node = node; self.incarnation = incarnation }
}

/// What a node wants of its terms.
public enum NodeIntent: String, Hashable, Sendable, CaseIterable {
    /// Takes its share.
    case serving
    /// Hands over what it has and takes none (`ondeck cluster drain`).
    case draining
    /// Has stopped, on purpose; written once, as its last word.
    case stopped
}

/// A node's own account of itself, under `StoreKeys.beat`, rewritten a few times a second.
public struct Beat: Hashable, Sendable {
    public var run: NodeRun
    /// Counts up within a run.
    public var sequence: UInt64
    /// When the run began, and when this was written, in the cluster's time.
    public var startedAt: Instant
    public var sentAt: Instant
    public var intent: NodeIntent
    /// Where the others reach its peer port.
    public var peerAddress: IPv4Address
    public var peerPort: UInt16
    /// The store's revision that it has taken in.
    public var applied: Int64
    /// Networks that it cannot hear: no interface, no carrier.
    public var deaf: Set<String>
    /// Client packets received so far in each network that lately had any: a count that only grows.
    public var heard: [String: UInt64]
    /// Its server identifiers: a REQUEST that names one of them is meant for the cluster.
    public var serverIdentifiers: Set<IPv4Address>
    /// How far the machine's clock is away from the cluster's time.
    public var clockOffsetMilliseconds: Int64
    public var version: String
    /// What it has found when it asked itself for a file.
    public var tftp = ServiceHealth.unknown
    public var http = ServiceHealth.unknown
    public var httpPort: UInt16 = 0
    /// Where its machines should reach it, where the operator says so; else one of `serverIdentifiers`.
    public var bootAddress: IPv4Address?
    /// Networks that it is up to bat for, and whose virtual address it cannot have.
    public var vipless: Set<String> = []

    public init(run: NodeRun) {
        self.run = run
        sequence = 0
        startedAt = Instant(milliseconds: 0)
        sentAt = Instant(milliseconds: 0)
        intent = .serving
        peerAddress = .any
        peerPort = 0
        applied = 0
        deaf = []
        heard = [:]
        serverIdentifiers = []
        clockOffsetMilliseconds = 0
        version = ""
    }
}

/// What nodes tell each other directly, about ten times a second, authenticated.
public struct Heartbeat: Hashable, Sendable {
    public var run: NodeRun
    public var sequence: UInt64
    /// The sender's cluster time.
    public var sentAt: Instant
    public var intent: NodeIntent
    /// As in `Beat`.
    public var heard: [String: UInt64]
    public var deaf: Set<String>

    public init(run: NodeRun, sequence: UInt64, sentAt: Instant, intent: NodeIntent) {
        self.run = run
        self.sequence = sequence
        self.sentAt = sentAt
        self.intent = intent
        heard = [:]
        deaf = []
    }
}
