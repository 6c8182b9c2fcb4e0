// SPDX-License-Identifier: Apache-2.0

import APITypes
import Hummingbird
import HummingbirdCore
import Model

/// Images: what there is, how it comes in, and where it is.
enum ContentEndpoint: Sendable {
    case list, show, remove, startImport, showUpload, upload, places, collectGarbage
}

extension APIResponder {
    func content(_ endpoint: ContentEndpoint, _ exchange: APIExchange) async throws -> Response {
        switch endpoint {
        case .list: try .json(await calls.content.list())
        case .show: try await showImage(exchange)
        case .remove: try .json(try await calls.content.remove(exchange.parameter("name")).get())
        case .startImport: try await startImport(exchange)
        case .showUpload: try .json(try await calls.content.uploaded(try exchange.upload()).get())
        case .upload: try await upload(exchange)
        case .places: try .json(await calls.content.places())
        case .collectGarbage: try await collectGarbage(exchange)
        }
    }

    private func showImage(_ exchange: APIExchange) async throws -> Response {
        let name = exchange.parameter("name")
        guard let image = await calls.content.show(name) else { throw Problem.notFound("there is no image \(name)") }
        return try .json(image)
    }

    private func startImport(_ exchange: APIExchange) async throws -> Response {
        let name = try exchange.imageName()
        let request = try await exchange.body(ImportRequest.self)
        let errors = request.errors
        guard errors.isEmpty else { throw Problem.invalid(errors) }
        let report = try await calls.content.startImport(name, request).get()
        return try .json(report, status: report.outcome == .there ? .ok : .accepted)
    }

    /// The body goes on as it comes in: a part is never in memory as a whole.
    private func upload(_ exchange: APIExchange) async throws -> Response {
        let upload = try exchange.upload()
        let offset = try exchange.partOffset(of: upload)
        return try .json(try await calls.content.upload(upload, offset, exchange.request.body).get())
    }

    private func collectGarbage(_ exchange: APIExchange) async throws -> Response {
        let dryRun = try await exchange.body(ContentGarbageRequest.self).dryRun
        return try .json(try await calls.content.collectGarbage(dryRun).get())
    }
}

extension APIExchange {
    /// The image's name from the path, if it is one that an image can have.
    func imageName() throws(Problem) -> String {
        let name = parameter("name")
        guard ObjectNames.isValid(name) else {
            throw .invalid([FieldError(field: "name", message: "\"\(name)\" is not a name", hint: ObjectNames.rule)])
        }
        guard !ContentSets.reservedNames.contains(name) else {
            let hint = "OnDeck serves something else there"
            throw .invalid([FieldError(field: "name", message: "an image cannot be called \(name)", hint: hint)])
        }
        return name
    }

    /// The file that is on its way: `file`, `total` and perhaps `sha256`.
    func upload() throws(Problem) -> ContentCalls.Upload {
        let image = try imageName()
        guard let file = target["file"], UploadName.isValid(file) else {
            throw .badRequest("file takes a plain file name of at most \(Limits.uploadNameBytesMax) bytes")
        }
        guard let total = target["total"].flatMap({ Int64($0) }), total > 0 else {
            throw .badRequest("total takes the whole file's size in bytes; an empty file is not an image")
        }
        guard let text = target["sha256"] else { return ContentCalls.Upload(image: image, file: file, total: total) }
        guard let digest = Digest(text) else { throw .badRequest("sha256 takes 64 hex digits") }
        return ContentCalls.Upload(image: image, file: file, total: total, sha256: digest)
    }

    /// Where the part begins, which with its length must lie within the file.
    fileprivate func partOffset(of upload: ContentCalls.Upload) throws(Problem) -> Int64 {
        guard let offset = (target["offset"] ?? "0").asByteCount, offset <= upload.total else {
            throw .badRequest("offset takes a number of bytes within the file")
        }
        guard let length = request.headers[.contentLength]?.asByteCount else {
            throw Problem(
                title: "length required", status: 411, detail: "send the part's Content-Length; parts are not chunked")
        }
        guard length <= Limits.uploadPartBytesMax else {
            throw Problem(
                title: "body too large", status: 413,
                detail: "at most \(Limits.uploadPartBytesMax) bytes are taken at once: send the file in parts")
        }
        guard length <= upload.total - offset else {
            throw .badRequest("the part ends beyond the file's \(upload.total) bytes")
        }
        return offset
    }
}

extension String {
    fileprivate var asByteCount: Int64? { Int64(self).flatMap { $0 >= 0 ? $0 : nil } }
}
