// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Wire

/// What was answered to whom in the last seconds. Relays in pairs and switches in pairs duplicate every packet by
/// design, and firmware repeats what it thinks lost: the same question gets the same answer, without a second commit.
public struct ReplyCache: Sendable {
    /// Duplicates arrive with another giaddr where two relays forward one broadcast, and each must have its answer.
    public struct Key: Hashable, Sendable {
        var transactionID: UInt32
        var hardware: ClientHardware
        var relayAddress: IPv4Address
        var clientAddress: IPv4Address
        public let messageType: DHCPMessageType?
        var port: UInt16
        /// What is asked for belongs to the question: a REQUEST for another address is another question.
        var requestedAddress: IPv4Address?
        var serverIdentifier: IPv4Address?

        /// The two fields that differ from client to client say enough for a hash.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(transactionID)
            hasher.combine(hardware.high)
        }

        public init(_ request: DHCPRequest, port: UInt16) {
            transactionID = request.transactionID
            hardware = request.hardware
            relayAddress = request.relayAddress
            clientAddress = request.clientAddress
            messageType = request.messageType
            self.port = port
            requestedAddress = request.requestedAddress
            serverIdentifier = request.serverIdentifier
        }
    }

    public enum Entry: Sendable {
        /// Its commit, or its probe, is under way.
        case pending
        case answered(PlannedReply)
    }

    private var entries: [Key: (entry: Entry, at: Instant)] = [:]
    /// Keys in the order in which they came, in a ring.
    private var order: [Key?]
    private var next = 0

    public init(capacity: Int = Limits.replyCacheEntriesMax) {
        order = Array(repeating: nil, count: capacity)
        entries.reserveCapacity(capacity)
    }

    public func entry(for key: Key, now: Instant) -> Entry? {
        guard let found = entries[key], now.millisecondsSince(found.at) < Limits.replyCacheMilliseconds else {
            return nil
        }
        return found.entry
    }

    public mutating func set(_ key: Key, _ entry: Entry, now: Instant) {
        if entries.updateValue((entry, now), forKey: key) != nil { return }
        if let oldest = order[next] { entries[oldest] = nil }
        order[next] = key
        next = (next + 1) % order.count
    }

    /// Forgets a question whose answer never came, so that its repetition is decided afresh.
    public mutating func remove(_ key: Key) {
        entries[key] = nil
    }

    /// After a change of configuration no old answer may be given.
    public mutating func removeAll() {
        self = ReplyCache(capacity: order.count)
    }
}
