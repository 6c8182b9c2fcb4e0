// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// The nodes as next-boot targets, and what endpoints need, at one moment. Immutable where it is read: replaced as a
/// whole whenever something of it changes.
public struct TargetTable: Hashable, Sendable {
    /// A node, whichever client asks.
    public struct Node: Hashable, Sendable {
        public var name: String
        public var isSelf = false
        public var location: String?
        /// Its server identifiers, ascending.
        public var identifiers: [IPv4Address] = []
        /// Where the operator wants its machines to reach it.
        public var bootAddress: IPv4Address?
        /// The first identifier that lies in a subnet in which this node has an address, too.
        public var nearAddress: IPv4Address?
        public var peerAddress: IPv4Address = .any
        public var httpPort: UInt16 = 0
        /// As in `TargetNode`.
        public var absence: String?
        public var tftp = ServiceHealth.unknown
        public var http = ServiceHealth.unknown

        public init(name: String) { self.name = name }
    }

    /// Other nodes may be named instead of this one.
    public var isShared = false
    /// By name; this one included.
    public var nodes: [Node] = []
    /// What each of `nodes` can do for an image; an image that is not here is on every node.
    public var abilities: [String: [TargetNode.Content]] = [:]
    /// The images that an environment's files are in, those of `abilities` only.
    public var imagesByEnvironment: [String: [String]] = [:]
    public var locations: [String: Location] = [:]
    /// Base URLs that do not answer as they should, and why.
    public var failing: [String: String] = [:]

    public init() {}

    /// The image that boot loaders are in.
    public static let loaderImage = "ipxe"

    /// Whether boot data of this network is a matter of choice at all: on one machine without endpoints it names the
    /// address that the client reached it at, and nothing else.
    public func isConsulted(for network: Network) -> Bool {
        isShared || !network.endpoints.isEmpty || !(location(of: network)?.endpoints.isEmpty ?? true)
    }

    public func location(of network: Network) -> Location? { network.location.flatMap { locations[$0] } }

    /// The images that this client's files are in. `environment` nil: none is known.
    public func images(_ environment: String?, use: TargetUse) -> [String] {
        switch use {
        // By TFTP come loaders alone.
        case .tftp: abilities[Self.loaderImage] == nil ? [] : [Self.loaderImage]
        case .http: environment.flatMap { imagesByEnvironment[$0] } ?? []
        }
    }

    /// The nodes as this client should see them. `own`: the address that the client reached this node at, or would.
    public func targets(in network: Network, images: [String], own: IPv4Address) -> [TargetNode] {
        nodes.indices.map { index in
            let node = nodes[index]
            let (address, isOnLink) = address(of: node, in: network, own: own)
            var target = TargetNode(name: node.name, address: address, httpPort: node.httpPort)
            target.location = node.location
            target.isSelf = node.isSelf
            target.isOnLink = isOnLink
            target.absence = node.absence ?? (address.isAny ? "it has not said where it can be reached" : nil)
            (target.tftp, target.http) = (node.tftp, node.http)
            for image in images {
                guard let abilities = abilities[image], abilities.indices.contains(index) else { continue }
                target.content = TargetContent.combined(target.content, abilities[index])
            }
            return target
        }
    }

    public func verdict(
        in network: Network, environment: String?, key: UInt64, own: IPv4Address, use: TargetUse
    ) -> TargetVerdict {
        TargetRanking.rank(
            targets(in: network, images: images(environment, use: use), own: own), key: key,
            location: network.location, use: use)
    }

    /// Where this client should reach a node. The same for every node that asks, wherever the node is on the link.
    private func address(of node: Node, in network: Network, own: IPv4Address) -> (IPv4Address, isOnLink: Bool) {
        if let wanted = network.serverIdentifier, node.identifiers.contains(wanted),
            network.subnet(containing: wanted) != nil
        {
            return (wanted, true)
        }
        if let onLink = node.identifiers.first(where: { network.subnet(containing: $0) != nil }) {
            return (onLink, true)
        }
        if let wanted = node.bootAddress { return (wanted, false) }
        if node.isSelf, !own.isAny, !own.isLoopback { return (own, network.subnet(containing: own) != nil) }
        return (node.nearAddress ?? node.identifiers.first ?? node.peerAddress, false)
    }
}
