// SPDX-License-Identifier: Apache-2.0

import Addresses

/// Whether one of a node's services does its work, as far as is known.
public enum ServiceHealth: String, Hashable, Sendable, CaseIterable {
    case works
    case fails
    /// Nobody has asked yet.
    case unknown
    /// The operator switched it off.
    case off
}

/// A node as a next-boot target, for one client's question.
public struct TargetNode: Hashable, Sendable {
    /// What it can do for the image in question.
    public enum Content: Hashable, Sendable {
        /// It holds it; or the question is about nothing that has to be held (a script).
        case holds
        /// It can pull it through.
        case fetches
        case cannot(String)
        /// It has not said.
        case unknown
    }

    public var name: String
    /// The address that this client should use.
    public var address: IPv4Address
    public var httpPort: UInt16
    /// Nil: in no location.
    public var location: String?
    public var isSelf = false
    /// It has an address in the client's network.
    public var isOnLink = false
    /// Nil: alive. Else why it is out of the question: "silent for 2 s", "draining".
    public var absence: String?
    public var tftp = ServiceHealth.unknown
    public var http = ServiceHealth.unknown
    public var content = Content.holds

    public init(name: String, address: IPv4Address, httpPort: UInt16) {
        self.name = name
        self.address = address
        self.httpPort = httpPort
    }
}
