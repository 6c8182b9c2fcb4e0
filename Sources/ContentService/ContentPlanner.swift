// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Engine
import Model

/// Puts together what is known now - the store's word about images, the site's about places, and who is there - for
/// the placement plan, and turns its answers into addresses.
final class ContentPlanner: Sendable {
    /// Everything at one moment.
    struct View {
        var plan: PlacementPlan
        var peers: [String: ContentPeer]
        /// By name.
        var images: [String: ImageRecord] { plan.images }
    }

    /// A node that has files of an image.
    struct Holder {
        var source: ContentSource
        var isComplete: Bool
    }

    let node: String
    private let index: ContentIndex
    private let site: @Sendable () -> Site
    private let peers: @Sendable () -> [ContentPeer]
    private let clock: Clock

    init(
        node: String, index: ContentIndex, site: @escaping @Sendable () -> Site,
        peers: @escaping @Sendable () -> [ContentPeer], clock: Clock
    ) {
        self.node = node
        self.index = index
        self.site = site
        self.peers = peers
        self.clock = clock
    }

    func view() -> View {
        let site = site()
        index.setPolicies(site.images)
        var places: [String: String] = [:]
        for location in site.locations.values.sorted(by: { $0.name > $1.name }) {
            for node in location.nodes { places[node] = location.name }
        }
        let peers = Dictionary(peers().map { ($0.node, $0) }, uniquingKeysWith: { a, _ in a })
        let holdings = index.holdings
        var nodes = peers.values.filter { $0.node != node }.map { peer in
            PlacementPlan.Node(
                name: peer.node, location: places[peer.node], isAlive: peer.isAlive,
                awaySeconds: peer.awaySeconds, holdings: holdings[peer.node])
        }
        nodes.append(.init(name: node, location: places[node], holdings: holdings[node]))
        let plan = PlacementPlan(
            own: node, nodes: nodes.sorted { $0.name < $1.name }, images: index.images, policies: site.images,
            locations: site.locations)
        return View(plan: plan, peers: peers)
    }

    /// Nil: none.
    var ownLocation: String? { site().locations.values.filter { $0.nodes.contains(node) }.map(\.name).min() }

    func window() -> ReplicationWindow {
        let location = ownLocation.flatMap { site().locations[$0] }
        return ReplicationWindow.at(clock.now(), in: location)
    }

    func isPulledThrough(_ image: String) -> Bool {
        switch index.placement(of: image) {
        case .onDemand, .stream: true
        case .everywhere, .copies, .locations, .nodes, .central: false
        }
    }

    // MARK: Sources

    /// Of a file of the image, the best first.
    func sources(of digest: Digest, image: String) -> [ContentSource] {
        var sources = peers(holding: image)
        if let url = web(image), ImageSource(index.image(image)?.source ?? "").made?.sha256 == digest {
            sources.append(.web(url: url))
        }
        return sources
    }

    func peers(holding image: String) -> [ContentSource] { holders(of: image).map(\.source) }

    /// Nodes that are there and have files of it, the best first.
    func holders(of image: String) -> [Holder] {
        let view = view()
        let manifest = view.images[image]?.manifest
        return view.plan.sources(of: image).compactMap { source in
            guard case .node(let name) = source, let base = view.peers[name]?.base else { return nil }
            let holding = view.plan.nodes.first { $0.name == name }?.holdings.images[image]
            return Holder(
                source: .peer(name, base: base),
                isComplete: holding?.manifest == manifest && holding?.state == .complete)
        }
    }

    /// Nodes that have all of it, and are not there.
    func absentHolders(of image: String) -> [ContentPeer] {
        let view = view()
        let manifest = view.images[image]?.manifest
        return view.plan.nodes.filter { node in
            let holding = node.holdings.images[image]
            return node.name != self.node && !node.isAlive && holding?.manifest == manifest
                && holding?.state == .complete
        }.compactMap { view.peers[$0.name] }
    }

    /// Where the very file lies that the image consists of; nil: it came from elsewhere, or was unpacked.
    func web(_ image: String) -> String? {
        let source = ImageSource(index.image(image)?.source ?? "")
        return source.made?.unpack == Unpacking.none ? source.url : nil
    }
}

extension ReplicationWindow {
    var bytesPerSecond: Int64? { if case .open(let rate) = self { rate } else { nil } }

    /// Why nothing is replicated now; nil: it is.
    var closed: String? {
        guard case .closed(let minutes) = self else { return nil }
        return "outside the hours for replication, which begin in \(minutes / 60) h \(minutes % 60) min"
    }
}
