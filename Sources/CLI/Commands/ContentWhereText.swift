// SPDX-License-Identifier: Apache-2.0

import APITypes

/// Image by node, on one screen.
struct ContentWhereText {
    let report: ContentWhereReport
    let terminal: Terminal

    /// More nodes than this do not fit beside each other: then locations do.
    private static let nodesShown = 8

    // MARK: The matrix

    var matrix: [String] {
        guard !report.images.isEmpty else {
            return ["There is no image yet. Bring one in: ondeck content add NAME --url URL"]
        }
        let isWide = report.nodes.count > Self.nodesShown
        let columns = isWide ? places : report.nodes.map(Self.title)
        var table = Table(["IMAGE", "SIZE", "PLACEMENT"] + columns)
        table.rows = report.images.map { image in
            let cells =
                isWide
                ? places.map { summary(image, at: $0) } : report.nodes.map { Self.cell(holding(image, $0.name)) }
            return [image.name, image.bytes > 0 ? ByteText.text(image.bytes) : "", image.placement] + cells
        }
        var lines = [String(terminal.text(table) { color(report.images[$0]) }.dropLast())]
        lines += report.images.flatMap { reasons($0) + warnings($0) }
        return lines
    }

    private func holding(_ image: ContentWhereReport.Image, _ node: String) -> ContentWhereReport.Holding {
        image.holdings.first { $0.node == node } ?? .init(node: node, state: "unknown", isWanted: false)
    }

    private static func title(_ node: ContentWhereReport.Node) -> String {
        node.life == "alive" ? node.name : "\(node.name) (\(node.life))"
    }

    static func cell(_ holding: ContentWhereReport.Holding) -> String {
        let rate = holding.bytesPerSecond > 0 ? " \(ByteText.text(holding.bytesPerSecond))/s" : ""
        switch holding.state {
        case "complete": return "yes"
        case "fetching": return "\(ByteText.percent(holding.bytesHeld, of: holding.bytesTotal)) %\(rate)"
        case "waiting": return "waits"
        case "failed": return "FAILED"
        case "some": return "some"
        case "outdated": return "old"
        case "none": return holding.isWanted ? "MISSING" : "-"
        case "unknown": return "?"
        // A newer server's word.
        default: return holding.state
        }
    }

    // MARK: Many nodes

    /// Nodes that are in no location have "-".
    private var places: [String] { Set(report.nodes.map { $0.location ?? "-" }).sorted() }

    /// "3/4": of the nodes there that are to hold it, how many do.
    private func summary(_ image: ContentWhereReport.Image, at place: String) -> String {
        let nodes = report.nodes.filter { ($0.location ?? "-") == place }.map { holding(image, $0.name) }
        let wanted = nodes.filter(\.isWanted)
        guard !wanted.isEmpty else { return nodes.contains { $0.bytesHeld > 0 } ? "some" : "-" }
        return "\(wanted.filter { $0.state == "complete" }.count)/\(wanted.count)"
    }

    // MARK: One image

    /// A line a node.
    var nodes: [String] {
        guard let image = report.images.first else { return [] }
        var table = Table(["NODE", "LOCATION", "LIFE", "WANTED", "STATE", "HELD", "DISK FREE"])
        table.rows = report.nodes.map { node in
            let holding = holding(image, node.name)
            let isPart = holding.bytesHeld > 0 && holding.bytesHeld < holding.bytesTotal
            let held = isPart ? "\(ByteText.text(holding.bytesHeld)) of \(ByteText.text(holding.bytesTotal))" : nil
            return [
                node.name, node.location ?? "", node.life, holding.isWanted ? "yes" : "no", Self.cell(holding),
                held ?? (holding.bytesHeld > 0 ? ByteText.text(holding.bytesHeld) : ""),
                node.bytesFree.map(ByteText.text) ?? "",
            ]
        }
        let size = image.bytes > 0 ? ", \(ByteText.text(image.bytes))" : ""
        let head = printable("\(image.name): \(image.state)\(size), \(image.placement)")
        let rows = terminal.text(table) { color(holding(image, report.nodes[$0].name)) }
        return [head, "", String(rows.dropLast())] + reasons(image) + warnings(image)
    }

    // MARK: What is wrong

    private func reasons(_ image: ContentWhereReport.Image) -> [String] {
        image.holdings.flatMap { holding -> [String] in
            guard let reason = holding.reason else { return [] }
            let text = printable("\(image.name) on \(holding.node): \(reason)")
            return wrapped(text, first: "", rest: "  ").map { terminal.colored($0, color(holding)) }
        }
    }

    private func warnings(_ image: ContentWhereReport.Image) -> [String] {
        image.warnings.flatMap { wrapped(printable("\(image.name): \($0)"), first: "", rest: "  ") }.map {
            terminal.colored($0, .red)
        }
    }

    private func color(_ image: ContentWhereReport.Image) -> Terminal.Color? {
        let colors = image.holdings.map { color($0) }
        if !image.warnings.isEmpty || colors.contains(.red) { return .red }
        return colors.contains(.yellow) ? .yellow : nil
    }

    private func color(_ holding: ContentWhereReport.Holding) -> Terminal.Color? {
        switch holding.state {
        case "failed": .red
        case "complete", "some": nil
        default: holding.isWanted ? .yellow : nil
        }
    }
}
