// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Foundation
import Logging
import Model
import Synchronization

@testable import HTTPService

/// An engine that keeps objects in a dictionary and believes everything.
final class FakeEngine: Sendable {
    struct Object: Sendable {
        var fields: FieldValue
        var revision: Int64
    }

    struct State: Sendable {
        var objects: [String: Object] = ["machine/web1": Object(fields: ["intent": "local"], revision: 7)]
        var revision: Int64 = 7
        var applied: [(document: FieldValue, prune: Bool, dryRun: Bool)] = []
        var feeds: [AsyncStream<EventReport>.Continuation] = []
        var filters: [APICalls.EventFilter] = []
    }

    let state = Mutex(State())
    let content = FakeContent()

    var calls: APICalls {
        APICalls(
            export: { self.state.withLock { (["machines": ["web1": ["intent": "local"]]], $0.revision) } },
            apply: { document, prune, dryRun in
                self.state.withLock { $0.applied.append((document, prune, dryRun)) }
                return .success(Self.report([]))
            },
            list: { kind in self.list(kind) },
            get: { kind, name in self.list(kind).first { $0.name == name } },
            put: { kind, name, fields, ifMatch in self.put(kind, name, fields, ifMatch) },
            delete: { kind, name, ifMatch in self.delete(kind, name) },
            leases: { filter in filter.network == "none" ? [] : [Self.lease] },
            deleteLease: { network, address in
                network == "rack1" ? .success(()) : .failure(.notFound("there is no lease \(network)/\(address)"))
            },
            setIntent: { machine, intent in .success(Self.report([("changed", machine)], revision: 8)) },
            explain: { request in .success(ExplainReport(steps: [], verdict: request.mac, route: nil, reply: nil)) },
            events: { self.events($0) },
            metrics: { "ondeck_up 1\n" },
            readiness: { scope in
                guard scope == nil || scope == "store" else { return nil }
                let ready = scope == nil
                return ReadinessReport(ready: ready, checks: [.init(name: "store", ready: ready, text: "sqlite")])
            },
            cluster: clusterCalls, content: content.calls, targets: fakeTargets)
    }

    private func list(_ kind: ObjectKind) -> [ObjectReport] {
        state.withLock { state in
            state.objects.filter { $0.key.hasPrefix(kind.rawValue + "/") }.map { key, object in
                let name = String(key.dropFirst(kind.rawValue.count + 1))
                return ObjectReport(kind: kind.rawValue, name: name, revision: object.revision, fields: object.fields)
            }
        }
    }

    private func put(_ kind: ObjectKind, _ name: String, _ fields: FieldValue, _ ifMatch: Int64?) -> APICalls.Change {
        state.withLock { state in
            let key = "\(kind.rawValue)/\(name)"
            let current = state.objects[key]?.revision ?? 0
            guard ifMatch == nil || ifMatch == current else {
                return .failure(Problem(title: "precondition failed", status: 412, detail: "it is at \(current)"))
            }
            let action = current == 0 ? "created" : "changed"
            state.revision += 1
            state.objects[key] = Object(fields: fields, revision: state.revision)
            return .success(Self.report([(action, name)], revision: state.revision))
        }
    }

    private func delete(_ kind: ObjectKind, _ name: String) -> APICalls.Change {
        state.withLock { state in
            guard state.objects.removeValue(forKey: "\(kind.rawValue)/\(name)") != nil else {
                return .failure(.notFound("there is no \(kind.rawValue) \(name)"))
            }
            return .success(Self.report([("deleted", name)], revision: 9))
        }
    }

    private func events(_ filter: APICalls.EventFilter) -> AsyncStream<EventReport> {
        let (stream, feed) = AsyncStream<EventReport>.makeStream()
        feed.yield(Self.event(1))
        state.withLock {
            $0.filters.append(filter)
            $0.feeds.append(feed)
        }
        if !filter.follow { feed.finish() }
        return stream
    }

    static func event(_ sequence: UInt64) -> EventReport {
        EventReport(sequence: sequence, time: "2026-01-01T00:00:00.000Z", level: "info", kind: "dhcp.offer", text: "x")
    }

    static let lease = LeaseReport(
        network: "rack1", address: "10.0.0.9", state: "bound", client: "mac 52:54:00:00:00:01", mac: nil, hostname: nil,
        since: "2026-01-01T00:00:00Z", until: nil)

    private static func report(_ changes: [(String, String)], revision: Int64? = nil) -> ChangeReport {
        var report = ChangeReport(
            dryRun: false, revision: revision, changes: [], unchanged: 0, unnamed: [], warnings: [])
        report.changes = changes.compactMap { action, name in
            ChangeReport.Object.Action(rawValue: action).map { .init(action: $0, kind: "machine", name: name) }
        }
        return report
    }
}

/// Log lines as an operator would see them.
final class LogBook: Sendable {
    let lines = Mutex<[String]>([])

    func logger(_ label: String) -> Logger {
        var logger = Logger(label: label) { _ in LogBookHandler(book: self) }
        logger.logLevel = .debug
        return logger
    }

    private struct LogBookHandler: LogHandler {
        let book: LogBook
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            book.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
        }
    }
}

let testToken = "0123456789abcdef0123456789abcdef"

/// An API listener before `engine`, stopped when the body returns.
func withAPIListener<Value: Sendable>(
    _ engine: FakeEngine, book: LogBook = LogBook(), trust: ProxyTrust = ProxyTrust(),
    _ body: @escaping @Sendable (UInt16) async throws -> Value
) async throws -> Value {
    let listener = APIListener(
        listen: .loopback, port: 0, trust: trust, token: APIToken(testToken), calls: engine.calls,
        logger: book.logger("api"))
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
            try await listener.run()
            return nil
        }
        group.addTask {
            guard let port = await listener.boundPort else { throw RawClient.Failed(description: "not listening") }
            return try await body(port)
        }
        defer { group.cancelAll() }
        while let value = try await group.next() {
            if let value { return value }
        }
        throw RawClient.Failed(description: "the listener ended")
    }
}

extension RawClient {
    /// A request of the API with the token.
    func call(_ method: String, _ path: String, _ body: String = "", headers: [String] = []) throws -> Response {
        let type = body.isEmpty ? [] : ["Content-Type: application/json"]
        return try ask(
            Self.request(method, path, ["Authorization: Bearer \(testToken)"] + type + headers, body: body),
            hasBody: method != "HEAD")
    }
}

extension RawClient.Response {
    func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(body))
    }
}
