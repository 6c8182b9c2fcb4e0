// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions

/// Which proxies a listener believes, and which names it is known by.
public struct ProxyTrust: Hashable, Sendable {
    /// Balancers and proxies whose word on the client counts: nobody else's does.
    public var trusted: [IPv4Subnet]
    /// Every connection from a trusted network begins with a PROXY header. Connections from elsewhere never do.
    public var expectsProxyHeader: Bool
    /// Names that a URL may be made of because a client has sent them.
    public var hosts: HostAllowList

    public init(trusted: [IPv4Subnet] = [], expectsProxyHeader: Bool = false, hosts: HostAllowList = HostAllowList()) {
        self.trusted = trusted
        self.expectsProxyHeader = expectsProxyHeader
        self.hosts = hosts
    }

    func trusts(_ address: IPv4Address) -> Bool { trusted.contains { $0.contains(address) } }

    /// Who asks, if `peer` speaks for somebody else. `field` has the lines of a header field; of what is not trusted
    /// none is looked at.
    func asker(_ peer: Peer, _ field: (String) -> [String]) -> ForwardedFor {
        var headers = ForwardedFor.Headers()
        if trusts(peer.client) {
            headers.forwarded = field("Forwarded")
            headers.xForwardedFor = field("X-Forwarded-For")
            headers.xForwardedProto = field("X-Forwarded-Proto")
            headers.xForwardedHost = field("X-Forwarded-Host")
            headers.xForwardedPort = field("X-Forwarded-Port")
            headers.xForwardedPrefix = field("X-Forwarded-Prefix")
            headers.host = field("Host").first
        }
        return ForwardedFor(peer: peer.client, headers, trusted: trusted, hosts: hosts)
    }
}

/// Both ends of a connection.
struct Peer: Hashable, Sendable {
    var client: IPv4Address
    var clientPort: UInt16
    var local: IPv4Address
    var localPort: UInt16
    /// Where the client reached the balancer, as its PROXY header says: "http://10.0.0.80".
    var base: String?
}
