// SPDX-License-Identifier: Apache-2.0

import Addresses

/// One address's record in one network. There is one record an address; it stays after the lease has ended, so that
/// the same client can have the same address again (RFC 2131 4.3.1).
public struct Lease: Hashable, Sendable {
    public enum State: UInt8, Sendable, CaseIterable {
        /// Held by `identity` until `until`.
        case bound = 1
        /// Given back by its holder; free, remembered.
        case released = 2
        /// A client or our own probe found it in use elsewhere; nobody gets it before `until`.
        case declined = 3
    }

    public var address: IPv4Address
    public var state: State
    public var identity: ClientIdentity
    /// The hardware address seen; nil on links without one (IPoIB).
    public var mac: MACAddress?
    public var hostname: String
    /// When the present state began; whole seconds.
    public var since: Instant
    /// When it ends; `distantFuture` for an infinite lease. What the client was told when this was written.
    public var until: Instant
    /// Nobody else before then, and never earlier than `until`: any node that has this record may confirm the address
    /// to its client without writing (design, section 6). Stays as it was when the client gives the address back.
    public var reservedUntil: Instant

    /// `reservedUntil` is `until` where it is left out or earlier.
    public init(
        address: IPv4Address, state: State, identity: ClientIdentity, mac: MACAddress?, hostname: String = "",
        since: Instant, until: Instant, reservedUntil: Instant? = nil
    ) {
        self.address = address
        self.state = state
        self.identity = identity
        self.mac = mac
        self.hostname = hostname
        self.since = since
        self.until = until
        self.reservedUntil = max(until, reservedUntil ?? until)
    }

    /// Until when a node may confirm the address to its client without writing. Sooner than `reservedUntil`, because
    /// that node's time may lie behind the time of the one that gives the address to somebody else.
    public var confirmableUntil: Instant {
        reservedUntil == .distantFuture ? reservedUntil : reservedUntil.adding(seconds: -Limits.clockSkewSecondsMax)
    }

    /// `until` of a record that an operator has released: its client is to be told that nobody knows it.
    public static let takenAway = Instant(milliseconds: 0)

    /// The latest time that the client may have been told. A renewal inside the window is confirmed without a write,
    /// perhaps by a node that nobody has heard of since: so `until` is only what was promised first, and everything
    /// up to `confirmableUntil` may have been promised after it. More cannot have been: no node confirms beyond that.
    public var promisedUntil: Instant { max(until, confirmableUntil) }

    /// Whether the record stands for something at `now`: its client may be using the address, or it is in quarantine.
    /// For others the address is not free when that ends: see `LeaseBook`.
    public func isHeld(at now: Instant) -> Bool {
        switch state {
        case .bound: now < promisedUntil
        case .declined: now < until
        case .released: false
        }
    }
}
