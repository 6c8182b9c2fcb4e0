// SPDX-License-Identifier: Apache-2.0

import Addresses

/// How a network's clients are answered (design: "three ways to answer, one code path").
public enum NetworkMode: String, Sendable, CaseIterable {
    /// Bindings only: every node answers, identically; no discovery, no dynamic address.
    case `static`
    /// Bindings, and addresses from pools.
    case dynamic
    /// Boot data only, beside another DHCP server.
    case proxy
}

/// What a machine that no reservation and no machine object names gets.
public enum UnknownPolicy: Hashable, Sendable {
    case ignore
    /// An address, no boot data.
    case lease
    /// An address, and this boot environment.
    case environment(String)
}

/// By what a client without a reservation is told apart from others.
public enum IdentityRule: String, Sendable, CaseIterable {
    /// The default on boot networks: the client-id changes between ROM, iPXE, installer and system.
    case mac
    /// RFC 2131's own rule: option 61 where there is one, else the MAC address.
    case clientIdentifier = "client-id"
}

/// Deliberate departures from the RFC, each off by default, for clients that need them.
public enum Compatibility: String, Sendable, CaseIterable {
    /// Do not echo option 61 (RFC 6842 says to): some old clients refuse a reply that has it.
    case noClientIdentifierEcho = "no-client-id-echo"
    /// Broadcast every reply that would go to an unconfigured client by link-layer unicast.
    case alwaysBroadcast = "always-broadcast"
    /// Take a DECLINE or RELEASE without a server identifier, as Kea and ISC do.
    case acceptMissingServerIdentifier = "accept-missing-server-id"
    /// Treat a REQUEST with neither option 50 nor ciaddr as a SELECTING one for the current binding, as Kea does.
    case acceptBareRequest = "accept-bare-request"
    /// Hand dynamic addresses to BOOTP clients, with an infinite lease.
    case dynamicBOOTP = "dynamic-bootp"
    /// Let option 118 choose the subnet (RFC 3011).
    case subnetSelection = "subnet-selection"
    /// Proxy mode: send option 43 sub-option 6 = 8 instead of bare option 60.
    case proxyBootServerDiscoveryOff = "proxy-no-discovery"
}

/// What a network's clients know their server by: option 54, and where they send their renewals.
public enum ServerIdentity: Hashable, Sendable {
    /// The node that answers, by its own address: that of the interface that the request came in on.
    case node
    /// The network's virtual address, whoever answers: renewals reach the node that is up to bat by then.
    case vip
    /// An address of the operator's: the node's, a balancer's, an anycast address.
    case address(IPv4Address)
}

/// An option to send: its number and its encoded value.
public struct OptionSetting: Hashable, Sendable {
    public var code: UInt8
    public var value: [UInt8]
    public init(code: UInt8, value: [UInt8]) { self.code = code; self.value = value }
}

/// One subnet of a network.
public struct Subnet: Hashable, Sendable {
    public var subnet: IPv4Subnet
    /// Where dynamic addresses come from.
    public var pools: [IPv4Range] = []
    /// Never handed out, even inside a pool.
    public var exclusions: [IPv4Range] = []
    /// Relay addresses (giaddr) that stand for this subnet though they lie outside it.
    public var relays: [IPv4Address] = []
    public var options: [OptionSetting] = []

    public init(subnet: IPv4Subnet) { self.subnet = subnet }
}

/// One link - a broadcast domain, direct or behind a relay - with one or more subnets.
public struct Network: Hashable, Sendable {
    public var name: String
    public var mode: NetworkMode = .dynamic
    /// The interface that stands on this link; nil: the one that has an address in one of the subnets, if any.
    public var interface: String?
    public var subnets: [Subnet] = []
    public var leaseSeconds: UInt32 = Limits.leaseSecondsDefault
    /// The longest lease that a client may ask for with option 51; a shorter wish is always granted.
    public var leaseSecondsMax: UInt32 = Limits.leaseSecondsDefault
    /// G: for how long after a lease its address is kept for its client, so that any node may confirm it without the
    /// store. Nil: one lease time where nodes share a store, else nothing.
    public var reserveSeconds: UInt32?
    /// The nodes that should be up to bat here, most wanted first; others come after them.
    public var preferredNodes: [String] = []
    /// NAK clients that ask for an address of another link (RFC 2131 4.3.2).
    public var authoritative = true
    public var identity: IdentityRule = .mac
    public var unknown: UnknownPolicy = .ignore
    /// Probe a new dynamic address with ARP before the offer; only on links where we stand ourselves.
    public var probe = true
    public var compatibility: Set<Compatibility> = []
    /// An address of the link that the node up to bat adds to its interface, and removes when it no longer is.
    public var virtualAddress: IPv4Address?
    public var serverIdentity = ServerIdentity.node
    /// The address that siaddr, and boot URLs without `endpoints`, name; nil: that of a healthy next-boot target.
    public var bootServer: IPv4Address?
    /// The base URLs that boot URLs name, in order; empty: those of the location, else the nodes' own addresses.
    public var endpoints: [EndpointChoice] = []
    /// Where the network is; nil: nowhere in particular.
    public var location: String?
    public var options: [OptionSetting] = []
    public var parameters: Parameters = [:]

    public init(name: String) { self.name = name }

    /// Option 54 and the source of replies; nil: the address of the interface that the request came in on.
    public var serverIdentifier: IPv4Address? {
        switch serverIdentity {
        case .node: nil
        case .vip: virtualAddress
        case .address(let address): address
        }
    }

    /// What the network itself says that somebody has: its routers and name servers, relays, and our own addresses. No
    /// pool hands them out.
    public var spokenFor: [(address: IPv4Address, role: String)] {
        var all: [(IPv4Address, String)] = []
        if let address = serverIdentifier { all.append((address, "server-id")) }
        if let bootServer { all.append((bootServer, "boot-server")) }
        if let virtualAddress, virtualAddress != serverIdentifier { all.append((virtualAddress, "vip")) }
        all += Self.servers(options)
        for subnet in subnets { all += Self.servers(subnet.options) + subnet.relays.map { ($0, "relay") } }
        return all
    }

    /// Options 3 (routers) and 6 (name servers).
    private static func servers(_ options: [OptionSetting]) -> [(IPv4Address, String)] {
        options.filter { $0.code == 3 || $0.code == 6 }.flatMap { option in
            stride(from: 0, to: option.value.count - option.value.count % 4, by: 4).map { start in
                let bits = option.value[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                return (IPv4Address(bits: bits), option.code == 3 ? "router" : "name server")
            }
        }
    }

    public func allows(_ switch: Compatibility) -> Bool { compatibility.contains(`switch`) }

    public func subnet(containing address: IPv4Address) -> Subnet? {
        subnets.first { $0.subnet.contains(address) }
    }
}
