// SPDX-License-Identifier: Apache-2.0

import Addresses

/// Where a client's boot files come from.
public struct BootEndpoint: Hashable, Sendable {
    /// The TFTP server, and siaddr.
    public var address: IPv4Address
    public var httpPort: UInt16
    /// Base URLs for this client, in order, without slashes at their ends; empty: only the address's own.
    public var bases: [String]

    public init(address: IPv4Address, httpPort: UInt16, bases: [String] = []) {
        self.address = address
        self.httpPort = httpPort
        self.bases = bases
    }

    /// "http://10.64.0.1:8080": the first base.
    public var base: String { bases.first ?? Self.base(address, httpPort) }
    /// Never empty.
    public var allBases: [String] { bases.isEmpty ? [base] : bases }

    public static func base(_ address: IPv4Address, _ port: UInt16) -> String {
        port == 80 ? "http://\(address)" : "http://\(address):\(port)"
    }
}
