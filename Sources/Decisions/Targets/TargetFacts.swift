// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Everything that a `TargetTable` is made of: what the nodes say of themselves, what this one has found when it asked
/// them, what the store says of content, and what operators want.
public struct TargetFacts: Sendable {
    /// What this node's own questions found at another, or at itself.
    public struct Sight: Hashable, Sendable {
        public var tftp = ServiceHealth.unknown
        public var http = ServiceHealth.unknown
        /// Since the last question that was answered; nil: none was.
        public var millisecondsSinceAnswer: Int64?
        public init() {}
    }

    /// Without saying for how long: equal facts make equal tables.
    public static let silent = "it is silent"

    public var own: String
    public var isShared: Bool
    /// This node's own among them.
    public var views: [Leadership.NodeView] = []
    public var sights: [String: Sight] = [:]
    /// The subnets that this machine's interfaces are in.
    public var ownSubnets: [IPv4Subnet] = []
    /// Nodes that an operator does not want to be named.
    public var drained: Set<String> = []
    public var content = TargetContent()
    public var locations: [String: Location] = [:]
    public var environments: [String: BootEnvironment] = [:]
    public var failing: [String: String] = [:]

    public init(own: String, isShared: Bool) {
        self.own = own
        self.isShared = isShared
    }

    /// The same facts, but for the passing of time, make equal tables.
    public func table() -> TargetTable {
        var table = TargetTable()
        table.isShared = isShared
        table.locations = locations
        table.failing = failing
        table.nodes = nodes()
        let names = table.nodes.map(\.name)
        let alive = Set(
            views.filter { lifelessness($0, sights[$0.beat.run.node] ?? Sight()) == nil }.map(\.beat.run.node))
        for image in content.images.keys {
            table.abilities[image] = content.abilities(image, nodes: names, alive: alive)
        }
        for environment in environments.values {
            let images = environment.contentSets.filter { table.abilities[$0] != nil }
            if !images.isEmpty { table.imagesByEnvironment[environment.name] = images }
        }
        return table
    }

    /// The part of the table that time and what this node sees change by themselves.
    public func nodes() -> [TargetTable.Node] { views.map(node).sorted { $0.name < $1.name } }

    private func node(_ view: Leadership.NodeView) -> TargetTable.Node {
        let beat = view.beat
        var node = TargetTable.Node(name: beat.run.node)
        node.isSelf = node.name == own
        node.location = locations.values.filter { $0.nodes.contains(node.name) }.map(\.name).min()
        node.identifiers = beat.serverIdentifiers.sorted()
        node.bootAddress = beat.bootAddress
        node.nearAddress = node.identifiers.first { address in ownSubnets.contains { $0.contains(address) } }
        node.peerAddress = beat.peerAddress
        node.httpPort = beat.httpPort
        let sight = sights[node.name] ?? Sight()
        node.tftp = node.isSelf ? sight.tftp : Self.worse(beat.tftp, sight.tftp)
        node.http = node.isSelf ? sight.http : Self.worse(beat.http, sight.http)
        node.absence = absence(view, sight)
        return node
    }

    /// Why no client should be sent there.
    private func absence(_ view: Leadership.NodeView, _ sight: Sight) -> String? {
        if let reason = lifelessness(view, sight) { return reason }
        if view.beat.intent == .draining { return "it is drained" }
        if drained.contains(view.beat.run.node) { return "it is drained as a target" }
        // Known by its heartbeats alone, or of a version that does not say.
        return view.beat.httpPort == 0 ? "it has not said where it serves" : nil
    }

    /// Why not even other nodes can get anything there.
    private func lifelessness(_ view: Leadership.NodeView, _ sight: Sight) -> String? {
        if view.beat.intent == .stopped { return "it has stopped" }
        guard view.beat.run.node != own else { return nil }
        switch view.life {
        case .stopped: return "it has stopped"
        case .processGone: return "its process is gone"
        case .silent: return Self.silent
        case .alive: break
        }
        let quiet = min(view.silentMilliseconds, sight.millisecondsSinceAnswer ?? .max)
        return quiet > Limits.targetSilenceMilliseconds ? Self.silent : nil
    }

    /// A node's own word and what others find at it: either may say that something is wrong.
    static func worse(_ word: ServiceHealth, _ sight: ServiceHealth) -> ServiceHealth {
        if word == .off || sight == .off { return .off }
        if word == .fails || sight == .fails { return .fails }
        return word == .works || sight == .works ? .works : .unknown
    }
}
