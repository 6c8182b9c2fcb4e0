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
    /// When it ends; `distantFuture` for an infinite lease.
    public var until: Instant

    public init(
        address: IPv4Address, state: State, identity: ClientIdentity, mac: MACAddress?, hostname: String = "",
        since: Instant, until: Instant
    ) {
        self.address = address
        self.state = state
        self.identity = identity
        self.mac = mac
        self.hostname = hostname
        self.since = since
        self.until = until
    }

    /// Whether nobody else may have the address at `now`.
    public func isHeld(at now: Instant) -> Bool {
        switch state {
        case .bound, .declined: now < until
        case .released: false
        }
    }
}
