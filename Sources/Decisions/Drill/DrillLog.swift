// SPDX-License-Identifier: Apache-2.0

import Addresses

/// What the made-up clients of a rehearsal have seen. Times are microseconds on one steady clock.
public struct DrillLog: Hashable, Sendable {
    /// A client that got an address.
    public struct Lease: Hashable, Sendable {
        /// Its first DISCOVER, and its ACK.
        public var began: Int64
        public var bound: Int64
        /// From the first DISCOVER to the OFFER, and from the first REQUEST for that to the ACK.
        public var offerTook: Int64
        public var ackTook: Int64
        /// It had to say something twice.
        public var hasRepeated: Bool
        /// Who says that the lease is from it.
        public var server: IPv4Address

        public init(
            began: Int64, bound: Int64, offerTook: Int64, ackTook: Int64, hasRepeated: Bool, server: IPv4Address
        ) {
            self.began = began
            self.bound = bound
            self.offerTook = offerTook
            self.ackTook = ackTook
            self.hasRepeated = hasRepeated
            self.server = server
        }
    }

    /// One address, given to two clients at once.
    public struct Duplicate: Hashable, Sendable {
        public var address: IPv4Address
        public var macs: [MACAddress]

        public init(address: IPv4Address, macs: [MACAddress]) {
            self.address = address
            self.macs = macs
        }
    }

    /// The start; when the last client could begin; the end.
    public var began: Int64
    public var asked: Int64
    public var ended: Int64
    /// In the order of their ACKs.
    public var leases: [Lease] = []
    /// The first DISCOVER of each client that gave up.
    public var lost: [Int64] = []
    public var duplicates: [Duplicate] = []
    /// NAKs to a REQUEST for what had been offered.
    public var refused = 0
    /// Leases given back.
    public var released = 0
    /// The longest that the drill itself did not get to run.
    public var stall: Int64 = 0

    public init(began: Int64) {
        self.began = began
        asked = .max
        ended = .max
    }
}
