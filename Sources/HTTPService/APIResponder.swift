// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Hummingbird
import HummingbirdCore
import Logging
import Model
import NIOCore

/// From a request to its route, past the token check, to an endpoint's answer.
struct APIResponder: HTTPResponder {
    /// Hummingbird's, and who is at the other end.
    struct Context: RequestContext {
        var coreContext: CoreRequestContextStorage
        var peer: Peer?

        init(source: ApplicationRequestContextSource) {
            coreContext = .init(source: source)
            peer = ConnectionPeer.current?.value
        }
    }

    let calls: APICalls
    let token: APIToken
    let trust: ProxyTrust
    let telemetry: APITelemetry
    let watchers = Watchers()

    func respond(to request: Request, context: Context) async throws -> Response {
        let start = ContinuousClock.now
        let response: Response
        do {
            response = try await answer(request)
        } catch let problem as Problem {
            response = problem.response
        }
        telemetry.answered(
            method: request.method.rawValue, target: request.uri.string, client: client(request, context),
            status: response.status.code, milliseconds: Int64((ContinuousClock.now - start) / .milliseconds(1)))
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// For the log: behind proxies that are trusted, whom they ask for.
    private func client(_ request: Request, _ context: Context) -> String {
        guard let peer = context.peer else { return "-" }
        let asker = trust.asker(peer) { name in
            request.headers.filter { $0.name.canonicalName == name.lowercased() }.map(\.value)
        }
        return asker.client == peer.client ? "\(peer.client):\(peer.clientPort)" : "\(asker.client)"
    }

    private func answer(_ request: Request) async throws -> Response {
        let target: RequestTarget
        do {
            target = try RequestTarget(request.uri.string)
        } catch {
            throw Problem.badRequest("the path is malformed or too long")
        }
        let method = request.method == .head ? "GET" : request.method.rawValue
        switch APIRoute.find(method: method, segments: target.segments) {
        case .route(let route, let parameters):
            if route.needsToken { try authorize(request) }
            return try await respond(APIExchange(request: request, target: target, parameters: parameters), route)
        case .otherMethods(let methods):
            try authorize(request)
            let allowed = methods.map(\.rawValue).joined(separator: ", ")
            var response = Problem.methodNotAllowed(allowed).response
            response.headers[.allow] = allowed
            return response
        case .none:
            // Strangers do not learn which paths there are.
            try authorize(request)
            throw Problem.notFound("there is no such path; the API is under /api/v1/")
        }
    }

    private func authorize(_ request: Request) throws(Problem) {
        let words = request.headers[.authorization]?.split(separator: " ") ?? []
        guard words.count == 2, words[0].lowercased() == "bearer", token.matches(words[1]) else {
            throw .unauthorized
        }
    }

    private func respond(_ exchange: APIExchange, _ route: APIRoute) async throws -> Response {
        switch route.endpoint {
        case .live: .text("ok\n")
        case .ready: try await readiness(exchange)
        case .metrics: .text(await calls.metrics(), contentType: "text/plain; version=0.0.4; charset=utf-8")
        case .exportSite: try await exportSite(exchange)
        case .applySite: try await applySite(exchange)
        case .listLeases: try await listLeases(exchange)
        case .deleteLease: try await deleteLease(exchange)
        case .setIntent: try await setIntent(exchange)
        case .explain: try await explain(exchange)
        case .watchEvents: try await watchEvents(exchange)
        case .showCluster: try await showCluster(exchange)
        case .handOver: try await handOver(exchange)
        case .drill: try await drill(exchange)
        case .drillEnded: try await drillEnded(exchange)
        case .drainNode: try await drainNode(exchange)
        case .acceptRestored: try await acceptRestored(exchange)
        case .showWindow: try await showWindow(exchange)
        case .content(let endpoint): try await content(endpoint, exchange)
        case .showTargets: try await showTargets(exchange)
        case .drainTarget: try await drainTarget(exchange)
        case .listObjects: try await listObjects(exchange)
        case .getObject: try await getObject(exchange)
        case .putObject: try await putObject(exchange)
        case .deleteObject: try await deleteObject(exchange)
        }
    }
}
