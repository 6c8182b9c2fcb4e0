// SPDX-License-Identifier: Apache-2.0

/// Every path of both listeners. "{name}" stands for one segment, "{name...}" for one or more; of several patterns
/// that fit, the first counts.
enum Routes {
    /// The boot listener: plain HTTP, for machines, without names or passwords.
    static let boot: [BootRoute] = [
        BootRoute("/b/{mac}/done", takesPost: true),
        BootRoute("/b/{mac}/p/{step}", takesPost: true),
        BootRoute("/b/{mac}/a/{answer}"),
        BootRoute("/b/{mac}/{file}"),
        BootRoute("/b/{mac}"),
        BootRoute("/probe"),
        BootRoute("/c/{digest}", isImmutable: true),
        BootRoute("/{set}/{path...}"),
    ]

    /// The API listener: for operators, with a token except where said.
    static let api: [APIRoute] = [
        APIRoute(.get, "/livez", .live, needsToken: false),
        APIRoute(.get, "/readyz", .ready, needsToken: false),
        APIRoute(.get, "/metrics", .metrics),
        APIRoute(.get, "/api/v1/site", .exportSite),
        APIRoute(.post, "/api/v1/site", .applySite),
        APIRoute(.get, "/api/v1/leases", .listLeases),
        APIRoute(.delete, "/api/v1/leases/{network}/{address}", .deleteLease),
        APIRoute(.put, "/api/v1/machines/{name}/boot", .setIntent),
        APIRoute(.post, "/api/v1/explain", .explain),
        APIRoute(.get, "/api/v1/events", .watchEvents),
        APIRoute(.get, "/api/v1/cluster", .showCluster),
        APIRoute(.put, "/api/v1/cluster/networks/{network}/holder", .handOver),
        APIRoute(.post, "/api/v1/cluster/networks/{network}/drill", .drill),
        APIRoute(.put, "/api/v1/cluster/networks/{network}/drill", .drillEnded),
        APIRoute(.put, "/api/v1/cluster/nodes/{node}/drain", .drainNode),
        APIRoute(.post, "/api/v1/cluster/accept-restored", .acceptRestored),
        APIRoute(.get, "/api/v1/window", .showWindow),
        APIRoute(.get, "/api/v1/content", .content(.list)),
        APIRoute(.get, "/api/v1/content/{name}", .content(.show)),
        APIRoute(.delete, "/api/v1/content/{name}", .content(.remove)),
        APIRoute(.post, "/api/v1/content/{name}/import", .content(.startImport)),
        APIRoute(.get, "/api/v1/content/{name}/upload", .content(.showUpload)),
        APIRoute(.put, "/api/v1/content/{name}/upload", .content(.upload)),
        APIRoute(.get, "/api/v1/content-where", .content(.places)),
        APIRoute(.post, "/api/v1/content-gc", .content(.collectGarbage)),
        APIRoute(.get, "/api/v1/targets", .showTargets),
        APIRoute(.put, "/api/v1/targets/{node}/drain", .drainTarget),
        APIRoute(.get, "/api/v1/reservations/{network}/{address}", .getObject),
        APIRoute(.put, "/api/v1/reservations/{network}/{address}", .putObject),
        APIRoute(.delete, "/api/v1/reservations/{network}/{address}", .deleteObject),
        APIRoute(.get, "/api/v1/{kind}", .listObjects),
        APIRoute(.get, "/api/v1/{kind}/{name}", .getObject),
        APIRoute(.put, "/api/v1/{kind}/{name}", .putObject),
        APIRoute(.delete, "/api/v1/{kind}/{name}", .deleteObject),
    ]
}

/// All take GET and HEAD.
struct BootRoute: Sendable {
    var pattern: PathPattern
    /// Call-backs: installers find POST easier to send (curl -d, wget --post-data).
    var takesPost: Bool
    /// What is there never changes: the path is the content's digest.
    var isImmutable: Bool

    init(_ pattern: String, takesPost: Bool = false, isImmutable: Bool = false) {
        self.pattern = PathPattern(pattern)
        self.takesPost = takesPost
        self.isImmutable = isImmutable
    }

    static func find(_ segments: [String]) -> BootRoute? { Routes.boot.first { $0.pattern.fits(segments) } }
}

enum APIMethod: String, Sendable { case get = "GET", put = "PUT", post = "POST", delete = "DELETE" }

enum APIEndpoint: Sendable {
    case live, ready, metrics
    case exportSite, applySite
    case listLeases, deleteLease
    case setIntent, explain, watchEvents
    case showCluster, handOver, drill, drillEnded, drainNode, acceptRestored, showWindow
    case content(ContentEndpoint)
    case showTargets, drainTarget
    case listObjects, getObject, putObject, deleteObject
}

struct APIRoute: Sendable {
    var method: APIMethod
    var pattern: PathPattern
    var endpoint: APIEndpoint
    var needsToken: Bool

    init(_ method: APIMethod, _ pattern: String, _ endpoint: APIEndpoint, needsToken: Bool = true) {
        self.method = method
        self.pattern = PathPattern(pattern)
        self.endpoint = endpoint
        self.needsToken = needsToken
    }

    enum Found: Sendable {
        case route(APIRoute, parameters: [String: String])
        /// The path is there, the method is not.
        case otherMethods([APIMethod])
        case none
    }

    static func find(method: String, segments: [String]) -> Found {
        let fitting = Routes.api.compactMap { route in route.pattern.match(segments).map { (route, $0) } }
        if let (route, parameters) = fitting.first(where: { $0.0.method.rawValue == method }) {
            return .route(route, parameters: parameters)
        }
        return fitting.isEmpty ? .none : .otherMethods(fitting.map(\.0.method))
    }
}

struct PathPattern: Sendable {
    private enum Part: Sendable { case word(String), one(String), rest(String) }
    private var parts: [Part]

    init(_ text: String) {
        parts = text.split(separator: "/").map { part in
            guard part.hasPrefix("{") else { return .word(String(part)) }
            let name = part.dropFirst().dropLast()
            return name.hasSuffix("...") ? .rest(String(name.dropLast(3))) : .one(String(name))
        }
    }

    func fits(_ segments: [String]) -> Bool {
        for (place, part) in parts.enumerated() {
            guard place < segments.count else { return false }
            switch part {
            case .word(let word): if segments[place] != word { return false }
            case .one: break
            case .rest: return true
            }
        }
        return segments.count == parts.count
    }

    /// The values of the names in braces; nil when the path is another.
    func match(_ segments: [String]) -> [String: String]? {
        var values: [String: String] = [:]
        var rest = segments[...]
        for part in parts {
            guard let segment = rest.first else { return nil }
            switch part {
            case .word(let word):
                guard segment == word else { return nil }
            case .one(let name):
                values[name] = segment
            case .rest(let name):
                values[name] = rest.joined(separator: "/")
                return values
            }
            rest = rest.dropFirst()
        }
        return rest.isEmpty ? values : nil
    }
}
