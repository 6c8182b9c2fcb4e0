// SPDX-License-Identifier: Apache-2.0

import Addresses

/// A fixed address for one client in one network (a "binding", "host declaration").
public struct Reservation: Hashable, Sendable {
    public var network: String
    public var address: IPv4Address
    /// Who it is for: a MAC address, a client identifier, a UUID or a relay circuit.
    public var identity: ClientIdentity
    public var hostname: String = ""
    public var options: [OptionSetting] = []

    public init(network: String, address: IPv4Address, identity: ClientIdentity) {
        self.network = network
        self.address = address
        self.identity = identity
    }
}
