// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Foundation
import Logging
import Model
import ServiceLifecycle
import Synchronization
import Testing

@testable import HTTPService

/// Real sockets, a fake engine.
struct APIListenerTests {
    // MARK: The token

    @Test(arguments: [
        "", "Authorization: Bearer wrong", "Authorization: Bearer ", "Authorization: Basic \(testToken)",
        "Authorization: \(testToken)", "Authorization: Bearer \(testToken)x", "Authorization: Bearer \(testToken) x",
    ])
    func `without the token there is nothing but 401`(header: String) async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                for path in ["/api/v1/site", "/metrics", "/api/v1/events", "/nothing", "/api/v1/machines/web1"] {
                    let reply = try client.get(path, headers: header.isEmpty ? [] : [header])
                    #expect(reply.status == 401)
                    #expect(reply["WWW-Authenticate"] == "Bearer")
                    #expect(reply["Content-Type"] == "application/problem+json")
                    #expect(try reply.decoded(Problem.self).status == 401)
                }
                let refused = try client.ask(RawClient.request("DELETE", "/api/v1/site", []))
                #expect(refused.status == 401)
            }
        }
    }

    @Test func `health is open, and says 503 where it is not well`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                #expect(try client.get("/livez").text == "ok\n")
                let all = try client.get("/readyz")
                #expect(all.status == 200)
                #expect(try all.decoded(ReadinessReport.self).checks.map(\.name) == ["store"])
                #expect(try client.get("/readyz?scope=store").status == 503)
                #expect(try client.get("/readyz?scope=nothing").status == 404)
            }
        }
    }

    @Test func `log lines have no token and no query`() async throws {
        let book = LogBook()
        try await withAPIListener(FakeEngine(), book: book) { port in
            try await onThread {
                let client = try RawClient(port: port)
                #expect(try client.call("GET", "/api/v1/leases?network=rack1").status == 200)
                #expect(try client.get("/api/v1/site", headers: ["Authorization: Bearer wrong-secret"]).status == 401)
            }
        }
        let lines = book.lines.withLock { $0.filter { $0.contains("answered") } }
        #expect(lines.count == 2)
        #expect(lines[0].contains("/api/v1/leases") && lines[0].contains("200"))
        // Who only looks is not worth a line each time; who is refused is.
        #expect(lines[0].hasPrefix("debug") && lines[1].hasPrefix("info"))
        #expect(lines.allSatisfy { !$0.contains(testToken) && !$0.contains("secret") && !$0.contains("rack1") })
    }

    // MARK: Refusals

    @Test(arguments: [
        ("GET", "/nothing", 404), ("GET", "/api/v1/servers", 404), ("GET", "/api/v1/machines/none", 404),
        ("GET", "/api/v1/site/x/y", 404), ("PATCH", "/api/v1/site", 405), ("POST", "/api/v1/machines/web1", 405),
        ("PUT", "/api/v1/leases", 405), ("GET", "/api/v1/../etc", 400), ("GET", "/api/v1/leases?mac=zz", 400),
        ("GET", "/api/v1/events?since=x", 400),
        ("GET", "/api/v1/events?since=18446744073709551615", 400), ("POST", "/api/v1/site?prune=maybe", 400),
        ("DELETE", "/api/v1/leases/rack1/nonsense", 404), ("DELETE", "/api/v1/leases/rack2/10.0.0.9", 404),
    ])
    func `a refusal is a problem document`(method: String, path: String, status: Int) async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let reply = try RawClient(port: port).call(method, path)
                #expect(reply.status == status)
                #expect(reply["Content-Type"] == "application/problem+json")
                let problem = try reply.decoded(Problem.self)
                #expect(problem.status == status)
                #expect(problem.detail?.isEmpty == false)
            }
        }
    }

    @Test func `405 says what is allowed`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let reply = try RawClient(port: port).call("PATCH", "/api/v1/machines/web1")
                #expect(reply["Allow"] == "GET, PUT, DELETE")
            }
        }
    }

    @Test func `a body must be JSON, called JSON, and not endless`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let broken = try client.call("POST", "/api/v1/site", "{\"a\": ")
                #expect(broken.status == 400)
                #expect(try client.call("POST", "/api/v1/explain", "{}").status == 400)
                #expect(try client.call("POST", "/api/v1/explain", "{}").text.contains("mac"))
                let deep = String(repeating: "[", count: 100_000)
                #expect(try client.call("POST", "/api/v1/site", deep).status == 400)
                let form = RawClient.request(
                    "POST", "/api/v1/site",
                    ["Authorization: Bearer \(testToken)", "Content-Type: application/x-www-form-urlencoded"],
                    body: "a=b")
                #expect(try client.ask(form).status == 415)
                let large = RawClient.request(
                    "POST", "/api/v1/site",
                    ["Authorization: Bearer \(testToken)", "Content-Length: \(Limits.requestBodyBytesMax + 1)"])
                #expect(try client.ask(large).status == 413)
            }
        }
    }

    // MARK: Objects

    @Test func `an object is created, read, changed under its revision and deleted`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let made = try client.call("PUT", "/api/v1/networks/rack1", "{\"lease\": \"1h\"}")
                #expect(made.status == 201)
                #expect(made["ETag"] == "\"8\"")
                let read = try client.call("GET", "/api/v1/networks/rack1")
                #expect(read["ETag"] == "\"8\"")
                #expect(try read.decoded(ObjectReport.self).fields == ["lease": "1h"])
                let same = try client.call("GET", "/api/v1/networks/rack1", headers: ["If-None-Match: \"8\""])
                #expect(same.status == 304)
                let path = "/api/v1/networks/rack1"
                #expect(try client.call("PUT", path, "{}", headers: ["If-Match: \"7\""]).status == 412)
                #expect(try client.call("PUT", path, "{}", headers: ["If-Match: rubbish"]).status == 412)
                #expect(try client.call("PUT", path, "{}", headers: ["If-None-Match: *"]).status == 412)
                #expect(try client.call("PUT", path, "{}", headers: ["If-Match: \"8\""]).status == 200)
                #expect(try client.call("DELETE", path).status == 200)
                #expect(try client.call("DELETE", path).status == 404)
            }
        }
    }

    @Test func `a reservation's name is two segments`() async throws {
        let engine = FakeEngine()
        try await withAPIListener(engine) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let path = "/api/v1/reservations/rack1/10.64.0.20"
                #expect(try client.call("PUT", path, "{\"mac\": \"52:54:00:00:00:01\"}").status == 201)
                #expect(try client.call("GET", path).decoded(ObjectReport.self).name == "rack1/10.64.0.20")
                #expect(try client.call("GET", "/api/v1/reservations").decoded([ObjectReport].self).count == 1)
            }
        }
        #expect(engine.state.withLock { $0.objects["reservation/rack1/10.64.0.20"] != nil })
    }

    @Test func `a site goes in and out`() async throws {
        let engine = FakeEngine()
        try await withAPIListener(engine) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let site = try client.call("GET", "/api/v1/site")
                #expect(site["ETag"] == "\"7\"")
                #expect(try client.call("POST", "/api/v1/site?dry-run=true", site.text).status == 200)
                #expect(try client.call("POST", "/api/v1/site?prune", site.text).status == 200)
            }
        }
        engine.state.withLock { state in
            #expect(state.applied.map(\.dryRun) == [true, false])
            #expect(state.applied.map(\.prune) == [false, true])
            #expect(state.applied.allSatisfy { $0.document == ["machines": ["web1": ["intent": "local"]]] })
        }
    }

    @Test func `an intent is set, a lease listed and deleted, a client explained`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let boot = "/api/v1/machines/web1/boot"
                #expect(try client.call("PUT", boot, "{\"intent\": \"install debian-12\"}").status == 200)
                let wrong = try client.call("PUT", boot, "{\"intent\": \"instal debian-12\"}")
                #expect(wrong.status == 422)
                #expect(try wrong.decoded(Problem.self).errors?.first?.field == "intent")
                #expect(try client.call("GET", "/api/v1/leases").decoded([LeaseReport].self).count == 1)
                #expect(try client.call("GET", "/api/v1/leases?network=none").decoded([LeaseReport].self).isEmpty)
                #expect(try client.call("DELETE", "/api/v1/leases/rack1/10.0.0.9").status == 204)
                let explained = try client.call("POST", "/api/v1/explain", "{\"mac\": \"52:54:00:00:00:01\"}")
                #expect(try explained.decoded(ExplainReport.self).verdict == "52:54:00:00:00:01")
                #expect(try client.call("GET", "/metrics").text == "ondeck_up 1\n")
            }
        }
    }

    @Test func `HEAD is GET without a body`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let head = try client.call("HEAD", "/api/v1/site")
                let get = try client.call("GET", "/api/v1/site")
                #expect(head.head == get.head)
                #expect(try client.call("HEAD", "/api/v1/events").status == 200)
            }
        }
    }

    // MARK: Events

    @Test func `events come as lines, as they happen`() async throws {
        let engine = FakeEngine()
        try await withAPIListener(engine) { port in
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(
                    RawClient.request(
                        "GET", "/api/v1/events?since=0&mac=52-54-00-00-00-01", ["Authorization: Bearer \(testToken)"]))
                #expect(try client.readHead()["Content-Type"] == "application/x-ndjson")
                #expect(try client.nextEvent().sequence == 1)
                engine.state.withLock { _ = $0.feeds[0].yield(FakeEngine.event(2)) }
                #expect(try client.nextEvent().sequence == 2)
            }
        }
        let filter = try #require(engine.state.withLock { $0.filters.first })
        #expect(filter == .init(since: 0, mac: MACAddress("52:54:00:00:00:01"), follow: true))
    }

    @Test func `without following, what is known comes and the stream ends`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                try client.send(
                    RawClient.request("GET", "/api/v1/events?follow=false", ["Authorization: Bearer \(testToken)"]))
                _ = try client.readHead()
                #expect(try client.nextEvent().sequence == 1)
                while try client.readLine() != "0\r" {}
                #expect(try client.readLine() == "\r")
                #expect(try client.call("GET", "/api/v1/leases").status == 200)
            }
        }
    }

    @Test func `watchers beyond the limit are turned away, and let in when one leaves`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let request = RawClient.request("GET", "/api/v1/events", ["Authorization: Bearer \(testToken)"])
                var watching = try (0..<Limits.watchersMax).map { _ in try RawClient(port: port) }
                for client in watching {
                    try client.send(request)
                    #expect(try client.readHead().status == 200)
                }
                let refused = try RawClient(port: port).ask(request)
                #expect(refused.status == 503)
                #expect(refused["Retry-After"] == "5")
                watching.removeAll()
                // Those that have left are noticed at the next heartbeats.
                var status = 503
                for _ in 0..<60 where status == 503 {
                    Thread.sleep(forTimeInterval: 0.5)
                    let client = try RawClient(port: port)
                    try client.send(request)
                    status = try client.readHead().status
                }
                #expect(status == 200)
            }
        }
    }

    @Test func `at shutdown event streams end`() async throws {
        let engine = FakeEngine()
        let listener = APIListener(
            listen: .loopback, port: 0, token: APIToken(testToken), calls: engine.calls, logger: LogBook().logger("api")
        )
        let group = ServiceGroup(services: [listener], logger: LogBook().logger("group"))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            let port = try #require(await listener.boundPort)
            let watcher = try await onThread {
                let client = try RawClient(port: port)
                try client.send(RawClient.request("GET", "/api/v1/events", ["Authorization: Bearer \(testToken)"]))
                #expect(try client.readHead().status == 200)
                #expect(try client.nextEvent().sequence == 1)
                return Held(client)
            }
            await group.triggerGracefulShutdown()
            try await onThread { while try watcher.client.readLine() != "0\r" {} }
            try await tasks.waitForAll()
        }
        #expect(engine.state.withLock { $0.feeds.count } == 1)
    }
}

extension RawClient {
    /// The next event, past chunk sizes and heartbeats.
    func nextEvent() throws -> EventReport {
        while true {
            let line = try readLine()
            if line.hasPrefix("{") { return try JSONDecoder().decode(EventReport.self, from: Data(line.utf8)) }
        }
    }
}
