// SPDX-License-Identifier: Apache-2.0

import Model

/// Which images a node should hold, and where it gets them. From the same facts every node comes to the same answer.
public struct PlacementPlan: Sendable {
    /// A node that may hold content.
    public struct Node: Hashable, Sendable {
        public var name: String
        /// Nil: in no location.
        public var location: String?
        public var isAlive: Bool
        /// How long it has been away; 0 for one that is alive.
        public var awaySeconds: Int64
        public var holdings: Holdings

        public init(
            name: String, location: String? = nil, isAlive: Bool = true, awaySeconds: Int64 = 0,
            holdings: Holdings? = nil
        ) {
            self.name = name
            self.location = location
            self.isAlive = isAlive
            self.awaySeconds = awaySeconds
            self.holdings = holdings ?? Holdings(node: name)
        }
    }

    /// Where a file or an image can be had from.
    public enum Source: Hashable, Sendable {
        case node(String)
        /// A base URL; paths are appended to it.
        case url(String)
    }

    public let own: String
    public let nodes: [Node]
    public let images: [String: ImageRecord]
    public let policies: [String: ImagePolicy]
    public let locations: [String: Location]

    /// `nodes` are all that are known, the own one among them.
    public init(
        own: String, nodes: [Node], images: [String: ImageRecord], policies: [String: ImagePolicy],
        locations: [String: Location]
    ) {
        self.own = own
        self.nodes = nodes
        self.images = images
        self.policies = policies
        self.locations = locations
    }

    // MARK: Who holds what

    public func placement(of image: String) -> Placement { policies[image]?.placement ?? .everywhere }

    /// The names of the nodes that should hold the image whole, for whatever reason.
    public func keepers(of image: String) -> Set<String> {
        switch placement(of: image) {
        case .everywhere: Set(nodes.map(\.name))
        case .copies(let count): copies(image, max(1, count), among: nodes)
        case .locations(let names): Set(nodes.filter { $0.location.map(names.contains) ?? false }.map(\.name))
        case .nodes(let names): Set(names).intersection(nodes.map(\.name))
        case .onDemand, .stream: origins(image)
        case .central: []
        }
    }

    /// Nodes that keep what the others pull through: those of the origin, and without one a few.
    private func origins(_ image: String) -> Set<String> {
        let origin = nodes.filter { $0.location.map(isOrigin) ?? false }
        return origin.isEmpty ? copies(image, Limits.onDemandKeepers, among: nodes) : Set(origin.map(\.name))
    }

    /// A node that is away for a moment keeps its share: its files are still there when it is back.
    private func copies(_ image: String, _ count: Int, among nodes: [Node]) -> Set<String> {
        let present = nodes.filter { $0.isAlive || $0.awaySeconds <= Limits.copiesAbsenceSeconds }
        return Set(Rendezvous.ranked(image, nodes: present.map(\.name)).prefix(count))
    }

    private func isOrigin(_ location: String) -> Bool { locations[location]?.isOrigin ?? false }

    /// Whether this node should hold the image whole.
    public func isKeeper(of image: String) -> Bool { keepers(of: image).contains(own) }

    /// Whether this node may let go of the image's files: a live node that has to keep them has all of them. Others do
    /// not count, for they may let go of theirs at the same moment.
    public func isSafeElsewhere(_ image: String) -> Bool {
        if case .central = placement(of: image) { return true }
        let keepers = keepers(of: image)
        return completeElsewhere(image).contains { $0.isAlive && keepers.contains($0.name) }
    }

    /// The other nodes that say they hold all of what the image stands for now.
    private func completeElsewhere(_ image: String) -> [Node] {
        guard let manifest = images[image]?.manifest else { return [] }
        return nodes.filter { node in
            guard node.name != own, let holding = node.holdings.images[image] else { return false }
            return holding.manifest == manifest && holding.state == .complete
        }
    }

    // MARK: What to fetch

    /// The images that this node should hold, whether or not it does, in the order in which it should fetch them: what
    /// is held by the fewest first, for a loss would hurt most there, and of those the smallest.
    public var wanted: [String] {
        let kept = images.values.compactMap { image -> (holders: Int, bytes: Int64, name: String)? in
            guard let manifest = image.manifest, isKeeper(of: image.name) else { return nil }
            return (holders(image.name, manifest), image.bytes, image.name)
        }
        return kept.sorted { $0 < $1 }.map(\.name)
    }

    private func holders(_ image: String, _ manifest: Digest) -> Int {
        nodes.count { $0.holdings.images[image].map { $0.manifest == manifest && $0.state == .complete } ?? false }
    }

    /// Where this node gets the image, or a file of it, the best first: its own location, the origin, the others; of
    /// one tier those that hold all of it first, and the rest spread, so that not every node asks the same one.
    public func sources(of image: String) -> [Source] {
        if case .central(let url) = placement(of: image) { return [.url(url)] }
        guard let manifest = images[image]?.manifest else { return [] }
        let home = nodes.first { $0.name == own }?.location
        let ranked = nodes.compactMap { node -> (Int, Int, UInt64, String)? in
            guard node.name != own, node.isAlive, let holding = node.holdings.images[image],
                holding.manifest == manifest, let part = Self.rank(holding)
            else { return nil }
            return (tier(node, home), part, ~Rendezvous.weight(own + "/" + image, node: node.name), node.name)
        }
        return ranked.sorted { $0 < $1 }.map { .node($0.3) }
    }

    private func tier(_ node: Node, _ home: String?) -> Int {
        if let home, node.location == home { return 0 }
        return node.location.map(isOrigin) ?? false ? 1 : 2
    }

    /// Nil: it has nothing of it.
    private static func rank(_ holding: ImageHolding) -> Int? {
        if holding.state == .complete { return 0 }
        return holding.bytesHeld > 0 ? 1 : nil
    }
}
