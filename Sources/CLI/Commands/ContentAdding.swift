// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model

/// `content add` at work: upload, import, and the wait for its end.
struct ContentAdding {
    var client: APIClient
    var terminal: Terminal
    var name: String

    private var path: [String] { ["api", "v1", "content", name] }

    /// Sends the file, unless the image is made of it already, and has it imported.
    func add(_ source: SourceFile, sha256: Digest?, unpack: Unpacking?, waits: Bool) async throws -> ImageReport {
        let line = ProgressLine(terminal)
        defer { line.clear() }
        let digest = try self.digest(of: source, line)
        if let sha256, sha256 != digest {
            throw CommandError(
                "\(source.path) is not what --sha256 says: its SHA-256 is \(digest)", hint: "Nothing has been sent.")
        }
        let request = ImportRequest(upload: source.name, sha256: digest.description, unpack: unpack)
        let report = try await send(.init(image: name, file: source, digest: digest), line)
        if report.isThere {
            do {
                return try await start(request, waits: waits)
            } catch let problem as Problem where problem.status == 409 {
                // It was unpacked otherwise: the file is needed after all.
            }
            _ = try await send(.init(image: name, file: source, digest: nil), line)
        }
        do {
            return try await start(request, waits: waits)
        } catch let problem as Problem where problem.status == 409 {
            throw CommandError(
                problem.text,
                hint: "\(source.name) was sent to node \(report.node). Behind a load balancer, name it with --api.")
        }
    }

    private func send(_ order: APIClient.UploadOrder, _ line: ProgressLine) async throws -> UploadReport {
        var meter = RateMeter()
        let report = try await client.upload(order) { received in
            let text = ByteText.progress(received, of: order.file.bytes, rate: meter.rate(received))
            line.show("sending \(order.file.name): \(text)", phase: "sending")
        } pause: { error in
            line.show("waiting: \(error.message); trying again", phase: "waiting")
        }
        line.clear()
        return report
    }

    private func digest(of source: SourceFile, _ line: ProgressLine) throws -> Digest {
        var meter = RateMeter()
        var shown: Int64 = 0
        return try source.digest { done in
            // Small files are hashed before anybody could read it.
            guard done - shown >= 64 << 20 else { return }
            shown = done
            let text = ByteText.progress(done, of: source.bytes, rate: meter.rate(done))
            line.show("reading \(source.name): \(text)", phase: "reading")
        }
    }

    /// Has an import begun, and waits for its end.
    func start(_ request: ImportRequest, waits: Bool) async throws -> ImageReport {
        let report = try await client.send(.post, path + ["import"], body: request).decode(ImportReport.self)
        switch report.outcome {
        case .there:
            terminal.errorLine(printable("\(name) is that already: nothing is done"))
            return report.image
        case .running: terminal.errorLine(printable("the same import is running already\(Self.by(report.image))"))
        case .started: break
        }
        return waits ? try await wait(after: report.image) : report.image
    }

    private static func by(_ image: ImageReport) -> String { image.importedBy.map { " on \($0)" } ?? "" }

    // MARK: Waiting

    private func wait(after first: ImageReport) async throws -> ImageReport {
        let line = ProgressLine(terminal)
        defer { line.clear() }
        var image = first
        var meter = RateMeter()
        var patience = Patience()
        while image.state == "importing" {
            line.show(Self.progress(image, &meter), phase: image.progress?.phase ?? "")
            try await Task.sleep(for: .milliseconds(Limits.contentLookMilliseconds))
            do {
                image = try await client.send(.get, path).decode(ImageReport.self)
                patience.restore()
            } catch let error as CommandError where error.isTransient {
                guard patience.lasts() else {
                    throw CommandError(
                        error.message, hint: "The import may go on without it: see ondeck content show \(name).")
                }
                line.show("waiting: \(error.message); asking again", phase: "waiting")
            } catch let problem as Problem where problem.status == 404 {
                throw CommandError("\(name) was removed while it was being imported")
            }
        }
        guard image.state != "failed" else {
            let before = image.digest == nil ? "" : "What stood under the name before is still served."
            throw CommandError(
                "\(name) was not imported: \(image.reason ?? "the server does not say why")",
                hint: before.isEmpty ? nil : before)
        }
        return image
    }

    /// "debian-12: downloading on a: 412 MiB of 631 MiB, 65 %, 88 MiB/s, 2 s left"
    static func progress(_ image: ImageReport, _ meter: inout RateMeter) -> String {
        guard let progress = image.progress else { return "\(image.name): importing\(by(image))" }
        let own = meter.rate(progress.bytesDone)
        let rate = progress.bytesPerSecond > 0 ? progress.bytesPerSecond : own
        let text = ByteText.progress(progress.bytesDone, of: progress.bytesTotal, rate: rate)
        return "\(image.name): \(progress.phase)\(by(image)): " + (progress.note ?? text)
    }
}
