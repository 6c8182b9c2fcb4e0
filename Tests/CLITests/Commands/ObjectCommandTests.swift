// SPDX-License-Identifier: Apache-2.0

import Foundation
import Model
import Testing

@testable import CLI

struct ObjectCommandTests {
    private static let machines = """
        [{"kind": "machine", "name": "web2", "revision": 9, "fields": {"macs": ["52:54:00:00:00:02"], "profiles": ["web"]}},
         {"kind": "machine", "name": "db1", "revision": 4, "fields": {"intent": "install debian-12"}}]
        """
    private static let changed = """
        {"dryRun": false, "revision": 10, "unchanged": 0, "warnings": [], "unnamed": [], "changes": [
          {"action": "changed", "kind": "machine", "name": "web1", "fields": [
            {"field": "intent", "old": "local", "new": "hold"}]}]}
        """
    private static let notFound = """
        {"type": "about:blank", "title": "not found", "status": 404, "detail": "there is no machine web1"}
        """

    // MARK: get

    @Test func `objects as a table, by name, with their defaults`() async throws {
        let server = FakeServer(.json(Self.machines))
        let ran = await run(GetCommand.self, ["machines"], at: server.port)
        #expect(
            ran.out == """
                NAME  INTENT             MACS               PROFILES
                db1   install debian-12  -                  -
                web2  local              52:54:00:00:00:02  web

                """)
        #expect(server.asked.map(\.line) == ["GET /api/v1/machines"])
    }

    @Test func `objects as YAML can be applied again`() async throws {
        let server = FakeServer(.json(Self.machines))
        let ran = await run(GetCommand.self, ["machine", "-o", "yaml"], at: server.port)
        let site = try SiteFile.parse(ran.out, path: "site.yaml")
        #expect(site.objects.map(\.name).sorted() == ["db1", "web2"])
    }

    @Test func `objects as JSON are the API's`() async throws {
        let server = FakeServer(.json(Self.machines))
        let ran = await run(GetCommand.self, ["machine", "-o", "json"], at: server.port)
        let shown = try JSONSerialization.jsonObject(with: Data(ran.out.utf8)) as? [[String: Any]]
        #expect(shown?.map { $0["name"] as? String } == ["web2", "db1"])
        #expect(shown?.first?["kind"] as? String == "machine")
    }

    @Test(arguments: [
        (
            "network", "NAME  MODE     SUBNETS       POOLS                    LEASE  UNKNOWN  INTERFACE  VIP",
            """
            {"subnets": [{"subnet": "10.64.0.0/24", "pools": ["10.64.0.100-10.64.0.199"]}], "unknown": "lease",
             "vip": "10.64.0.2"}
            """, "x/1   dynamic  10.64.0.0/24  10.64.0.100-10.64.0.199  1h     lease    -          10.64.0.2"
        ),
        (
            "reservation", "NETWORK  ADDRESS  CLIENT                 HOSTNAME", "{\"mac\": \"52:54:00:00:00:01\"}",
            "x        1        mac 52:54:00:00:00:01  -"
        ),
        (
            "environment", "NAME  BOOTS         ANSWERS      SUMMARY",
            """
            {"summary": "Debian 12", "kernel": {"x64": {"kernel": "a/b"}}, "answers": {"preseed.cfg": "t"}}
            """, "x/1   kernel (x64)  preseed.cfg  Debian 12"
        ),
        ("environment", "NAME  BOOTS  ANSWERS  SUMMARY", "{\"shell\": true}", "x/1   shell  -        -"),
        ("template", "NAME  LINES", "\"a\\nb\"", "x/1   2"),
        ("profile", "NAME  PARAMETERS", "{\"parameters\": {\"disk\": \"/dev/vda\"}}", "x/1   disk"),
        ("parameters", "NAME      VALUE", "{\"timezone\": \"UTC\"}", "timezone  UTC"),
    ])
    func `every kind has its columns`(kind: String, header: String, fields: String, row: String) async throws {
        let server = FakeServer(.json("[{\"kind\": \"\(kind)\", \"name\": \"x/1\", \"fields\": \(fields)}]"))
        let ran = await run(GetCommand.self, [kind], at: server.port)
        let lines = ran.out.split(separator: "\n").map(String.init)
        #expect(lines.last == row)
        #expect(lines.first?.split(separator: " ") == header.split(separator: " "))
    }

    @Test func `one that is not there is said so`() async throws {
        let server = FakeServer(.json(Self.notFound, status: 404))
        let ran = await run(GetCommand.self, ["machine", "web1"], at: server.port)
        #expect(ran.error == "there is no machine web1\n")
        #expect(ran.exitCode == 1)
    }

    @Test func `a reservation is named by network and address`() async throws {
        let server = FakeServer(.json("{\"kind\": \"reservation\", \"name\": \"rack1/10.64.0.20\", \"fields\": {}}"))
        _ = await run(GetCommand.self, ["reservation", "rack1/10.64.0.20"], at: server.port)
        #expect(server.asked.map(\.line) == ["GET /api/v1/reservations/rack1/10.64.0.20"])
        let wrong = await run(GetCommand.self, ["reservation", "10.64.0.20"], at: server.port)
        #expect(wrong.exitCode == 64)
    }

    @Test func `names are written into the path safely`() async throws {
        let server = FakeServer(.json(Self.notFound, status: 404))
        _ = await run(GetCommand.self, ["machine", "a b?c%d"], at: server.port)
        #expect(server.asked.map(\.target) == ["/api/v1/machines/a%20b%3Fc%25d"])
    }

    // MARK: set and delete

    @Test func `set changes what is there, under its revision`() async throws {
        let machine =
            "{\"kind\": \"machine\", \"name\": \"web1\", \"revision\": 9, \"fields\": {\"profiles\": [\"web\"]}}"
        let server = FakeServer(.json(machine), .json(Self.changed))
        let ran = await run(SetCommand.self, ["machine", "web1", "intent=hold"], at: server.port)
        #expect(ran.out == "changed machine web1: intent: local -> hold\n")
        #expect(server.asked.map(\.line) == ["GET /api/v1/machines/web1", "PUT /api/v1/machines/web1"])
        #expect(server.asked[1].headers["if-match"] == "\"9\"")
        let sent = try JSONSerialization.jsonObject(with: Data(server.asked[1].body.utf8)) as? [String: Any]
        #expect(sent?["intent"] as? String == "hold")
        #expect(sent?["profiles"] as? [String] == ["web"])
    }

    @Test func `set makes what is not there, and only then`() async throws {
        let server = FakeServer(.json(Self.notFound, status: 404), .json(Self.changed, status: 201))
        let ran = await run(SetCommand.self, ["machine", "web1", "intent=hold"], at: server.port)
        #expect(ran.exitCode == 0)
        #expect(server.asked.last?.headers["if-none-match"] == "*")
    }

    @Test(arguments: [
        ["machine", "web1"], ["machine", "web1", "intent"], ["machine", "web1", "=x"], ["server", "x", "a=b"],
    ])
    func `set without something to set is wrong usage`(arguments: [String]) async throws {
        let server = FakeServer(.json(Self.changed))
        let ran = await run(SetCommand.self, arguments, at: server.port)
        #expect(ran.exitCode == 64)
        #expect(server.asked.isEmpty)
    }

    @Test func `a wrong value is said with its field`() async throws {
        let problem = """
            {"type": "about:blank", "title": "not valid", "status": 422, "errors": [
             {"field": "machines.web1.intent", "message": "is not an intent"}]}
            """
        let server = FakeServer(.json(Self.notFound, status: 404), .json(problem, status: 422))
        let ran = await run(SetCommand.self, ["machine", "web1", "intent=dance"], at: server.port)
        #expect(ran.error == "machines.web1.intent: is not an intent\n")
        #expect(ran.exitCode == 1)
    }

    @Test func `delete says what it deleted`() async throws {
        let report = Self.changed.replacingOccurrences(of: "\"changed\"", with: "\"deleted\"")
            .replacingOccurrences(of: "{\"field\": \"intent\", \"old\": \"local\", \"new\": \"hold\"}", with: "")
        let server = FakeServer(.json(report))
        let ran = await run(DeleteCommand.self, ["machine", "web1"], at: server.port)
        #expect(ran.out == "deleted machine web1\n")
        #expect(server.asked.map(\.line) == ["DELETE /api/v1/machines/web1"])
    }

    @Test func `export writes what came`() async throws {
        let server = FakeServer(.json("{\"machines\": {\"web1\": {\"intent\": \"hold\"}}}"))
        let yaml = await run(ExportCommand.self, [], at: server.port)
        #expect(try SiteFile.parse(yaml.out, path: "site.yaml").objects.count == 1)
        let json = await run(ExportCommand.self, ["-o", "json"], at: server.port)
        let shown = try JSONSerialization.jsonObject(with: Data(json.out.utf8)) as? [String: Any]
        #expect(shown?.keys.sorted() == ["machines"])
    }
}
