// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model
import NIOCore
import Synchronization

@testable import HTTPService

/// What has been asked of the fake content, and what it has of uploads.
final class FakeContent: Sendable {
    struct State: Sendable {
        var imports: [ImportRequest] = []
        var received: [UInt8] = []
        var uploads: [ContentCalls.Upload] = []
        /// Of one part, the most bytes that came at once.
        var largestBlock = 0
    }
    let state = Mutex(State())

    static var image: ImageReport {
        var image = ImageReport(name: "debian-12", state: "ready", placement: "everywhere")
        image.files = [.init(path: "linux", sha256: String(repeating: "0", count: 64), bytes: 9)]
        return image
    }

    var calls: ContentCalls {
        ContentCalls(
            list: { [Self.image] }, show: { $0 == "debian-12" ? Self.image : nil },
            remove: { $0 == "debian-12" ? .success(Self.image) : .failure(.notFound("there is no image \($0)")) },
            startImport: { name, request in
                self.state.withLock { $0.imports.append(request) }
                let image = ImageReport(name: name, state: "importing", placement: "everywhere")
                return .success(ImportReport(outcome: name == "debian-12" ? .there : .started, image: image))
            },
            uploaded: { .success(self.report($0)) },
            upload: { await self.take($0, $1, $2) },
            places: { ContentWhereReport(node: "a", nodes: [.init(name: "a")], images: []) },
            collectGarbage: { .success(ContentGarbageReport(node: "a", dryRun: $0, files: 1, bytes: 2)) })
    }

    private func report(_ upload: ContentCalls.Upload) -> UploadReport {
        let received = state.withLock { Int64($0.received.count) }
        return UploadReport(node: "a", file: upload.file, received: received, total: upload.total)
    }

    private func take(
        _ upload: ContentCalls.Upload, _ offset: Int64, _ body: ContentCalls.Body
    ) async -> Result<UploadReport, Problem> {
        guard offset == report(upload).received else {
            return .failure(Problem(title: "conflict", status: 409, detail: "go on at \(report(upload).received)"))
        }
        state.withLock { $0.uploads.append(upload) }
        do { try await append(body) } catch { return .failure(.badRequest("the body ended early")) }
        return .success(report(upload))
    }

    private func append(_ body: some AsyncSequence<ByteBuffer, any Error>) async throws {
        for try await part in body {
            state.withLock {
                $0.received += part.readableBytesView
                $0.largestBlock = max($0.largestBlock, part.readableBytes)
            }
        }
    }
}

/// Targets of two nodes, one of which cannot be drained.
let fakeTargets = TargetCalls(
    show: { network, mac in
        guard network == nil || network == "lab" else { return .failure(.notFound("there is no network")) }
        let lab = TargetsReport.Network(name: "lab", tftp: "10.64.0.1", bases: ["http://10.64.0.1:8080"])
        return .success(
            TargetsReport(node: "a", mac: mac?.description, nodes: [], endpoints: [], networks: [lab]))
    },
    drain: { node, drain in
        node == "a"
            ? .failure(Problem(title: "conflict", status: 409, detail: "a is the last target"))
            : .success(TargetDrainReport(node: node, drain: drain))
    })
