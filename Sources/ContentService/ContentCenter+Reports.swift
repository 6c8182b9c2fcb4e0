// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Engine
import Model

extension ContentCenter {
    /// Images and policies, by name, without their files.
    public func list() -> [ImageReport] {
        let view = parts.planner.view()
        return Set(view.images.keys).union(view.plan.policies.keys).sorted().compactMap { report($0, view) }
    }

    /// With its files. Nil: there is neither an image nor a policy of this name.
    public func show(_ name: String) -> ImageReport? {
        var report = report(name, parts.planner.view())
        report?.files = parts.library.manifest(name).map { manifest in
            manifest.files.prefix(Limits.imageFilesListedMax).map {
                .init(path: $0.path, sha256: "\($0.digest)", bytes: $0.bytes)
            }
        }
        return report
    }

    func report(_ name: String, _ view: ContentPlanner.View, record: ImageRecord? = nil) -> ImageReport? {
        let record = record ?? view.images[name]
        guard record != nil || view.plan.policies[name] != nil else { return nil }
        var report = ImageReport(name: name, state: "absent", placement: view.plan.placement(of: name).summary)
        guard let record else {
            report.reason = "nobody has brought it in yet"
            return report
        }
        switch record.state {
        case .ready: report.state = "ready"
        case .importing(let node):
            report.state = "importing"
            report.importedBy = node
            if node == settings.node { report.progress = importer.progress(of: name)?.report }
        case .failed(let reason):
            report.state = "failed"
            report.reason = reason
        }
        report.digest = record.manifest.map { "\($0)" }
        report.bytes = record.bytes
        report.fileCount = record.files
        report.source = ImageSource(record.source).origin
        if record.manifest != nil { report.addedAt = TimeText.iso8601(record.addedAt) }
        let keepers = view.plan.keepers(of: name)
        report.nodesWanted = keepers.count
        report.nodesComplete = view.plan.nodes.count { node in
            guard let manifest = record.manifest, keepers.contains(node.name) else { return false }
            return holding(node, name, manifest).map { $0.manifest == manifest && $0.state == .complete } ?? false
        }
        return report
    }

    /// This node knows itself better than the store does, but for what it has imported since it last looked.
    private func holding(_ node: PlacementPlan.Node, _ image: String, _ manifest: Digest) -> ImageHolding? {
        let said = node.holdings.images[image]
        guard node.name == settings.node, let current = keeper.current else { return said }
        let own = current.images[image]
        return own?.manifest != manifest && said?.manifest == manifest ? said : own
    }

    // MARK: Where

    /// Image by node.
    public func places() -> ContentWhereReport {
        let view = parts.planner.view()
        let holdings = parts.index.holdings
        let nodes = view.plan.nodes.map { node in
            ContentWhereReport.Node(
                name: node.name, location: node.location,
                life: node.name == settings.node ? "alive" : view.peers[node.name]?.life ?? "silent",
                bytesFree: node.name == settings.node ? parts.blobs.bytesFree : node.holdings.bytesFree)
        }
        let images = Set(view.images.keys).union(view.plan.policies.keys).sorted().map { name in
            image(name, view, hasSaid: Set(holdings.keys))
        }
        return ContentWhereReport(node: settings.node, nodes: nodes, images: images)
    }

    private func image(
        _ name: String, _ view: ContentPlanner.View, hasSaid: Set<String>
    ) -> ContentWhereReport.Image {
        let summary = report(name, view)
        var image = ContentWhereReport.Image(
            name: name, state: summary?.state ?? "absent", placement: summary?.placement ?? "",
            bytes: summary?.bytes ?? 0)
        let keepers = view.plan.keepers(of: name)
        image.holdings = view.plan.nodes.map { node in
            let isKnown = node.name == settings.node || hasSaid.contains(node.name)
            return cell(name, node, view, isWanted: keepers.contains(node.name), isKnown: isKnown)
        }
        image.warnings = warnings(name, view)
        return image
    }

    private func cell(
        _ image: String, _ node: PlacementPlan.Node, _ view: ContentPlanner.View, isWanted: Bool, isKnown: Bool
    ) -> ContentWhereReport.Holding {
        var cell = ContentWhereReport.Holding(node: node.name, state: "none", isWanted: isWanted)
        guard let record = view.images[image], let manifest = record.manifest else { return cell }
        cell.bytesTotal = record.bytes
        let place = node.location.flatMap { view.plan.locations[$0] }
        let closed = ReplicationWindow.at(parts.clock.now(), in: place).closed
        guard let holding = holding(node, image, manifest) else {
            if !isKnown { cell.state = "unknown" } else if isWanted { (cell.state, cell.reason) = ("waiting", closed) }
            return cell
        }
        cell.bytesHeld = holding.bytesHeld
        cell.bytesTotal = holding.bytesTotal
        cell.bytesPerSecond = holding.bytesPerSecond
        guard holding.manifest == manifest else {
            cell.state = "outdated"
            return cell
        }
        switch holding.state {
        case .complete: cell.state = "complete"
        case .some: cell.state = "some"
        case .failed(let reason):
            cell.state = "failed"
            cell.reason = reason
        case .fetching:
            cell.state = closed != nil && holding.bytesPerSecond == 0 ? "waiting" : "fetching"
            cell.reason = holding.bytesPerSecond == 0 ? closed : nil
        }
        return cell
    }

    /// Places of which no node that is there has the image, or could fetch it.
    private func warnings(_ image: String, _ view: ContentPlanner.View) -> [String] {
        guard let manifest = view.images[image]?.manifest else { return [] }
        if case .central = view.plan.placement(of: image) { return [] }
        let alive = view.plan.nodes.filter(\.isAlive)
        let byPlace = Dictionary(grouping: alive) { $0.location ?? "" }
        return byPlace.sorted { $0.key < $1.key }.compactMap { place, nodes in
            let reasons = nodes.compactMap { node -> String? in
                guard let holding = holding(node, image, manifest), holding.manifest == manifest,
                    case .failed(let reason) = holding.state
                else { return nil }
                return "\(node.name): \(reason)"
            }
            guard reasons.count == nodes.count else { return nil }
            let whose = place.isEmpty ? "no machine of the nodes that are in no location" : "no machine in \(place)"
            return "\(whose) can boot it: " + reasons.joined(separator: "; ")
        }
    }
}
