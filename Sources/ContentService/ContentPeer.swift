// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Another node, as far as fetching files from it goes.
public struct ContentPeer: Hashable, Sendable {
    public var node: String
    /// Where its boot port is; nil: it has not said.
    public var address: IPv4Address?
    public var port: UInt16
    public var isAlive: Bool
    /// How long it has been away; 0 for one that is alive.
    public var awaySeconds: Int64
    /// "alive", "silent", "process-gone", "stopped"
    public var life: String

    public init(
        node: String, address: IPv4Address?, port: UInt16, isAlive: Bool, awaySeconds: Int64 = 0, life: String
    ) {
        self.node = node
        self.address = address
        self.port = port
        self.isAlive = isAlive
        self.awaySeconds = awaySeconds
        self.life = life
    }

    /// "http://10.0.0.1:8080"; nil: there is nothing to be fetched from it now.
    var base: String? { isAlive && port != 0 ? address.map { "http://\($0):\(port)" } : nil }
}
