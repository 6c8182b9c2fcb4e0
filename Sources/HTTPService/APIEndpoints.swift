// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Hummingbird
import HummingbirdCore
import Model
import NIOCore

/// One function an endpoint: decode, ask the engine, encode.
extension APIResponder {
    func readiness(_ exchange: APIExchange) async throws -> Response {
        guard let report = await calls.readiness(exchange.target["scope"]) else {
            throw Problem.notFound("there is no such scope; /readyz shows all")
        }
        return try .json(report, status: report.ready ? .ok : .serviceUnavailable)
    }

    func exportSite(_ exchange: APIExchange) async throws -> Response {
        let (document, revision) = await calls.export()
        return tagged(document, revision: revision, exchange)
    }

    func applySite(_ exchange: APIExchange) async throws -> Response {
        let prune = try exchange.flag("prune")
        let dryRun = try exchange.flag("dry-run")
        let document = try await exchange.fields()
        return try change(await calls.apply(document, prune, dryRun))
    }

    func listObjects(_ exchange: APIExchange) async throws -> Response {
        .json(.list(await calls.list(try exchange.kind()).map(\.value)))
    }

    func getObject(_ exchange: APIExchange) async throws -> Response {
        let kind = try exchange.kind()
        guard let object = await calls.get(kind, exchange.objectName) else {
            throw Problem.notFound("there is no \(kind.rawValue) \(exchange.objectName)")
        }
        return tagged(object.value, revision: object.revision, exchange)
    }

    func putObject(_ exchange: APIExchange) async throws -> Response {
        let kind = try exchange.kind()
        let expected = try exchange.expectedRevision()
        let fields = try await exchange.fields()
        return try change(await calls.put(kind, exchange.objectName, fields, expected))
    }

    func deleteObject(_ exchange: APIExchange) async throws -> Response {
        let kind = try exchange.kind()
        return try change(await calls.delete(kind, exchange.objectName, try exchange.expectedRevision()))
    }

    func listLeases(_ exchange: APIExchange) async throws -> Response {
        let filter = APICalls.LeaseFilter(network: exchange.target["network"], mac: try exchange.mac())
        return try .json(await calls.leases(filter))
    }

    func deleteLease(_ exchange: APIExchange) async throws -> Response {
        try await calls.deleteLease(exchange.parameter("network"), try exchange.address()).get()
        return Response(status: .noContent)
    }

    func setIntent(_ exchange: APIExchange) async throws -> Response {
        let text = try await exchange.body(BootIntentRequest.self).intent
        guard let intent = BootIntent(text) else {
            let hint = "install ENVIRONMENT, always ENVIRONMENT, local or hold"
            throw Problem.invalid([FieldError(field: "intent", message: "\"\(text)\" is not an intent", hint: hint)])
        }
        return try change(await calls.setIntent(exchange.parameter("name"), intent))
    }

    func explain(_ exchange: APIExchange) async throws -> Response {
        try .json(try await calls.explain(try await exchange.body(ExplainRequest.self)).get())
    }

    func watchEvents(_ exchange: APIExchange) async throws -> Response {
        let filter = APICalls.EventFilter(
            since: try exchange.sequence("since"), mac: try exchange.mac(),
            follow: try exchange.flag("follow", default: true))
        if exchange.request.method == .head { return Response(status: .ok, headers: EventStream.headers) }
        guard let place = watchers.enter() else { throw Problem.tooManyWatchers }
        let events = await calls.events(filter)
        return Response(status: .ok, headers: EventStream.headers, body: EventStream.body(events, holding: place))
    }

    /// A write's report; its revision is the new ETag.
    private func change(_ result: APICalls.Change) throws -> Response {
        let report = try result.get()
        let isNew = report.changes.count == 1 && report.changes[0].action == .created && !report.dryRun
        var response = try Response.json(report, status: isNew ? .created : .ok)
        if let revision = report.revision { response.headers[.eTag] = "\"\(revision)\"" }
        return response
    }

    private func tagged(_ value: FieldValue, revision: Int64?, _ exchange: APIExchange) -> Response {
        guard let revision else { return .json(value) }
        let tag = "\"\(revision)\""
        if exchange.request.headers[.ifNoneMatch] == tag {
            return Response(status: .notModified, headers: [.eTag: tag])
        }
        var response = Response.json(value)
        response.headers[.eTag] = tag
        return response
    }
}
