// SPDX-License-Identifier: Apache-2.0

import APITypes

/// Images in words and tables.
struct ContentText {
    let terminal: Terminal

    // MARK: A list

    func list(_ images: [ImageReport]) -> [String] {
        guard !images.isEmpty else {
            return ["There is no image yet. Bring one in: ondeck content add NAME --url URL"]
        }
        var table = Table(["NAME", "STATE", "SIZE", "FILES", "NODES", "PLACEMENT", "ADDED"])
        table.rows = images.map { image in
            let isThere = image.digest != nil
            return [
                image.name, Self.state(image), isThere ? ByteText.text(image.bytes) : "",
                isThere ? String(image.fileCount) : "", isThere ? Self.nodes(image) : "", image.placement,
                image.addedAt.map(Self.minute) ?? "",
            ]
        }
        var lines = [String(terminal.text(table) { Self.color(images[$0]) }.dropLast())]
        for image in images {
            guard let reason = image.reason else { continue }
            let text = printable("\(image.name): \(reason)")
            lines += wrapped(text, first: "", rest: "  ").map { terminal.colored($0, Self.color(image)) }
        }
        return lines
    }

    /// "ready", "importing 42 %", "failed; old served"
    static func state(_ image: ImageReport) -> String {
        switch image.state {
        case "importing":
            guard let progress = image.progress, let total = progress.bytesTotal else { return image.state }
            return "\(progress.phase) \(ByteText.percent(progress.bytesDone, of: total)) %"
        case "failed": return image.digest == nil ? "failed" : "failed; old served"
        default: return image.state
        }
    }

    private static func color(_ image: ImageReport) -> Terminal.Color? {
        switch image.state {
        case "failed": .red
        case "ready" where image.nodesComplete >= image.nodesWanted: nil
        case "ready", "absent": .yellow
        default: nil
        }
    }

    /// Machines may be sent elsewhere altogether: then no node is to hold it.
    private static func nodes(_ image: ImageReport) -> String {
        image.nodesWanted == 0 && image.nodesComplete == 0 ? "" : "\(image.nodesComplete)/\(image.nodesWanted)"
    }

    /// "2026-03-04 12:00" of an ISO time.
    static func minute(_ time: String) -> String {
        time.prefix(16).split(separator: "T", maxSplits: 1).joined(separator: " ")
    }

    // MARK: One

    func one(_ image: ImageReport) -> [String] {
        var lines = [line("Image", image.name), line("State", state(image), Self.color(image))]
        if let reason = image.reason { lines += wrapped(printable(reason), first: "           ", rest: "           ") }
        if image.digest != nil {
            lines.append(line("Size", Self.size(image)))
            lines.append(line("Source", image.source))
            lines.append(line("Added", image.addedAt.map { "\(Self.minute($0)) UTC" } ?? ""))
            lines.append(line("Digest", image.digest ?? ""))
        }
        lines.append(line("Placement", image.placement))
        if image.nodesWanted > 0 {
            lines.append(line("Nodes", "\(image.nodesComplete) of \(image.nodesWanted) hold it"))
        }
        guard let files = image.files, !files.isEmpty else { return lines }
        var table = Table(["FILE", "SIZE", "SHA-256"])
        table.rows = files.map { ["\(image.name)/\($0.path)", ByteText.text($0.bytes), $0.sha256] }
        lines += ["", String(table.text(terminal).dropLast())]
        if files.count < image.fileCount { lines.append("and \(image.fileCount - files.count) more") }
        return lines
    }

    private func state(_ image: ImageReport) -> String {
        switch image.state {
        case "importing":
            var meter = RateMeter()
            let text = ContentAdding.progress(image, &meter)
            return String(text.dropFirst(image.name.count + 2))
        case "failed": return image.digest == nil ? "failed" : "failed; what stood under the name before is served"
        case "absent": return "absent: the site says where it is kept, and nobody has brought it in yet"
        default: return image.state
        }
    }

    private func line(_ title: String, _ text: String, _ color: Terminal.Color? = nil) -> String {
        let space = String(repeating: " ", count: max(1, 11 - title.count))
        return title + space + terminal.colored(printable(text.isEmpty ? "-" : text), color)
    }

    /// "3 files, 1.2 GiB"
    static func size(_ image: ImageReport) -> String {
        "\(ByteText.files(image.fileCount)), \(ByteText.text(image.bytes))"
    }

    // MARK: Deeds

    static func added(_ image: ImageReport) -> [String] {
        guard image.state != "importing" else {
            let node = image.importedBy.map { " on \($0)" } ?? ""
            return [printable("\(image.name) is being imported\(node): ondeck content show \(image.name)")]
        }
        var lines = [printable("\(image.name) is ready: \(size(image)), \(image.placement)")]
        if image.nodesComplete == 0, image.nodesWanted > 0 {
            let who = image.nodesWanted == 1 ? "1 node takes" : "\(image.nodesWanted) nodes take"
            lines.append(printable("\(who) it in now: ondeck content where \(image.name)"))
        } else if image.nodesComplete < image.nodesWanted {
            lines.append(
                printable(
                    "\(image.nodesComplete) of \(image.nodesWanted) nodes hold it; the others fetch it: ondeck content "
                        + "where \(image.name)"))
        }
        return lines
    }

    static func garbage(_ report: ContentGarbageReport) -> [String] {
        let what = "\(ByteText.files(report.files)), \(ByteText.text(report.bytes))"
        var lines: [String]
        if report.files == 0 {
            lines = ["\(report.node): nothing to remove"]
        } else if report.dryRun {
            lines = ["\(report.node): would remove \(what)"]
        } else {
            lines = ["\(report.node): removed \(what)"]
        }
        if report.filesKept > 0 {
            lines.append(
                "for now \(ByteText.files(report.filesKept)), \(ByteText.text(report.bytesKept)) stay: not needed, "
                    + "but for too short a time, or still being read")
        }
        let free = report.bytesFree.map { "; \(ByteText.text($0)) are free" } ?? ""
        lines.append("content takes \(ByteText.text(report.bytesHeld))\(free)")
        return lines.map(printable)
    }
}
