// SPDX-License-Identifier: Apache-2.0

import Model

/// What nodes can do for an image, going by what the store says of it.
public struct TargetContent: Sendable {
    /// Images that have been brought in or are being; a name that is not among them is a directory on every node.
    public var images: [String: ImageRecord] = [:]
    public var policies: [String: ImagePolicy] = [:]
    public var holdings: [String: Holdings] = [:]

    public init() {}

    /// For each of `nodes`, in their order. `alive`: the nodes that others can fetch from.
    public func abilities(_ image: String, nodes: [String], alive: Set<String>) -> [TargetNode.Content] {
        guard let record = images[image] else { return nodes.map { _ in .holds } }
        let policy = policies[image]?.placement ?? .everywhere
        // Machines are pointed at the central origin, by whichever node.
        if case .central = policy { return nodes.map { _ in .holds } }
        guard let manifest = record.manifest else {
            let reason = Self.emptiness(record)
            return nodes.map { _ in .cannot(reason) }
        }
        let holders = Set(nodes.filter { isComplete(image, manifest, $0) && alive.contains($0) })
        let source = Source(policy: policy, hasHolder: !holders.isEmpty)
        return nodes.map { ability(image, manifest, node: $0, source) }
    }

    private struct Source {
        var isPulledThrough: Bool
        var hasHolder: Bool
        init(policy: Placement, hasHolder: Bool) {
            isPulledThrough = policy == .onDemand || policy == .stream
            self.hasHolder = hasHolder
        }
    }

    private func ability(_ image: String, _ manifest: Digest, node: String, _ source: Source) -> TargetNode.Content {
        if isComplete(image, manifest, node) { return .holds }
        if source.hasHolder { return .fetches }
        let holding = holdings[node]?.images[image]
        if case .failed(let reason)? = holding?.state { return .cannot("it does not hold \(image): \(reason)") }
        // Its origin may have it.
        if source.isPulledThrough || holding?.state == .fetching { return .fetches }
        guard holdings[node] != nil else { return .unknown }
        return .cannot("it does not hold \(image), and no node that is there does")
    }

    private func isComplete(_ image: String, _ manifest: Digest, _ node: String) -> Bool {
        guard let holding = holdings[node]?.images[image] else { return false }
        return holding.manifest == manifest && holding.state == .complete
    }

    private static func emptiness(_ record: ImageRecord) -> String {
        switch record.state {
        case .failed(let reason): "nobody holds \(record.name): its import failed: \(reason)"
        case .importing(let node): "nobody holds \(record.name) yet: \(node) is bringing it in"
        case .ready: "nobody holds \(record.name): it is empty"
        }
    }

    /// What a node can do for something that needs several images.
    static func combined(_ a: TargetNode.Content, _ b: TargetNode.Content) -> TargetNode.Content {
        func rank(_ content: TargetNode.Content) -> Int {
            switch content {
            case .holds: 0
            case .fetches: 1
            case .unknown: 2
            case .cannot: 3
            }
        }
        return rank(b) > rank(a) ? b : a
    }
}

extension BootEnvironment {
    /// The sets ("debian-12" of "debian-12/linux") that its files are in, each once, by name. Files that are URLs are
    /// nobody's here.
    public var contentSets: [String] {
        guard case .kernel(let files) = kind else { return [] }
        let names = files.values.flatMap { [$0.kernel] + $0.initrds }
        return Set(names.compactMap(Self.contentSet)).sorted()
    }

    private static func contentSet(_ name: String) -> String? {
        guard !name.hasPrefix("http://"), !name.hasPrefix("https://") else { return nil }
        return name.split(separator: "/", maxSplits: 1).first.map(String.init)
    }
}
