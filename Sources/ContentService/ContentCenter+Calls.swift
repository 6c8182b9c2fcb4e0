// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Engine
import Model
import NIOCore

extension ContentCenter {
    /// Begins an import; answers when that is in the store.
    public func startImport(_ name: String, _ request: ImportRequest) async -> Result<ImportReport, Problem> {
        do throws(ImportFault) {
            let order = try ImportOrder(image: name, request)
            let (outcome, record): (ImportReport.Outcome, ImageRecord?) =
                switch try await importer.begin(order) {
                case .started(let record): (.started, record)
                case .running: (.running, nil)
                case .there: (.there, nil)
                }
            let report = report(name, parts.planner.view(), record: record)
            return .success(
                ImportReport(
                    outcome: outcome, image: report ?? ImageReport(name: name, state: "importing", placement: "")))
        } catch { return .failure(error.problem) }
    }

    /// Forgets an image, and ends an import of it here. Answers with what it was.
    public func remove(_ name: String) async -> Result<ImageReport, Problem> {
        let view = parts.planner.view()
        do throws(ImportFault) {
            let record = try await importer.remove(name)
            let report = report(name, view, record: record)
            return .success(report ?? ImageReport(name: name, state: "absent", placement: ""))
        } catch { return .failure(error.problem) }
    }

    /// How much of an upload is here.
    public func uploaded(_ image: String, file: String, total: Int64, sha256: Digest?) -> UploadReport {
        let isThere = sha256.map { importer.isMade(image, of: $0) } ?? false
        return UploadReport(
            node: settings.node, file: file, received: uploads.received(image, file, total: total), total: total,
            isThere: isThere)
    }

    /// Takes a part of an upload that begins at `offset`.
    public func upload(
        _ image: String, file: String, total: Int64, offset: Int64,
        _ body: any AsyncSequence<ByteBuffer, any Error> & Sendable
    ) async -> Result<UploadReport, Problem> {
        do throws(Uploads.Fault) {
            let received = try await uploads.take(image, file, total: total, offset: offset, body)
            return .success(UploadReport(node: settings.node, file: file, received: received, total: total))
        } catch {
            return .failure(error.problem(file))
        }
    }

    /// Removes what no image needs, or says what would be removed.
    public func collectGarbage(dryRun: Bool) -> ContentGarbageReport {
        // What an import has just brought in may not be named by anything yet.
        let grace = importer.isRunning ? Limits.blobGraceSeconds : 0
        let finding = sweeper.sweep(graceSeconds: grace, isDry: dryRun)
        var report = ContentGarbageReport(
            node: settings.node, dryRun: dryRun, files: finding.removed.count,
            bytes: finding.removed.reduce(0) { $0 + $1.bytes })
        report.filesKept = finding.kept.count
        report.bytesKept = finding.kept.reduce(0) { $0 + $1.bytes }
        report.bytesHeld = parts.blobs.bytesHeld
        report.bytesFree = parts.blobs.bytesFree
        return report
    }
}

extension ImportFault {
    var problem: Problem {
        switch self {
        case .invalid(let field, let message): .invalid([FieldError(field: field, message: message)])
        case .busy, .overtaken: Problem(title: "not now", status: 409, detail: sentence)
        case .missing: Problem(title: "not found", status: 404, detail: sentence)
        case .store, .stopped: Problem(title: "not available", status: 503, detail: sentence)
        case .failed: Problem(title: "failed", status: 500, detail: sentence)
        }
    }
}

extension Uploads.Fault {
    func problem(_ file: String) -> Problem {
        switch self {
        case .busy: Problem(title: "not now", status: 409, detail: "\(file) is being uploaded or imported here")
        case .elsewhere(let received):
            Problem(
                title: "another offset", status: 409, detail: "\(received) bytes of \(file) are here: go on there")
        case .full(let reason): Problem(title: "disk full", status: 507, detail: reason)
        case .tooMuch(let total):
            Problem(title: "too long", status: 400, detail: "\(file) is to have \(total) bytes, and more have come")
        case .broken(let reason): Problem(title: "interrupted", status: 400, detail: reason)
        }
    }
}
