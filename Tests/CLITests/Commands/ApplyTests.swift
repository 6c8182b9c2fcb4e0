// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Testing

@testable import CLI

struct ApplyTests {
    private static let site = """
        networks:
          rack1:
            lease: 1h
            subnets:
              - subnet: 10.64.0.0/24
                pools: [10.64.0.100-10.64.0.199]
        machines:
          web1: { macs: ["52:54:00:12:34:56"], intent: install debian-12 }

        """

    private static let report = """
        {"dryRun": false, "revision": 12, "unchanged": 12, "warnings": [],
         "unnamed": [{"kind": "machine", "name": "old1"}, {"kind": "profile", "name": "spare"}],
         "changes": [
          {"action": "created", "kind": "network", "name": "rack1", "fields": []},
          {"action": "changed", "kind": "machine", "name": "web1", "fields": [
            {"field": "intent", "old": "local", "new": "install debian-12"}]},
          {"action": "changed", "kind": "machine", "name": "web2", "fields": [
            {"field": "macs", "old": null, "new": ["52:54:00:00:00:01", "52:54:00:00:00:02"]},
            {"field": "parameters.motd", "old": "a\\nb", "new": null}]},
          {"action": "deleted", "kind": "profile", "name": "web", "fields": []}]}
        """

    private func apply(_ answer: FakeAnswer, _ options: [String] = [], site: String = Self.site) async throws
        -> (ran: Ran, asked: [AskedRequest])
    {
        let server = FakeServer(answer)
        let file = try TemporaryFile("site.yaml", site)
        let ran = await run(ApplyCommand.self, ["-f", file.path] + options, at: server.port)
        return (Ran(out: ran.out.hidden(file), error: ran.error.hidden(file), exitCode: ran.exitCode), server.asked)
    }

    @Test func `says what changed`() async throws {
        let (ran, asked) = try await apply(.json(Self.report))
        #expect(
            ran.out == """
                created network rack1
                changed machine web1: intent: local -> install debian-12
                changed machine web2
                  macs: unset -> [52:54:00:00:00:01, 52:54:00:00:00:02]
                  parameters.motd: (2 lines) -> unset
                deleted profile web
                unchanged 12
                not in site.yaml, left alone: machine old1, profile spare  (--prune deletes them)

                """)
        #expect(ran.error == "")
        #expect(ran.exitCode == 0)
        #expect(asked.map(\.line) == ["POST /api/v1/site"])
        #expect(asked[0].headers["authorization"] == "Bearer \(fakeToken)")
        #expect(asked[0].headers["content-type"] == "application/json")
        let sent = try JSONSerialization.jsonObject(with: Data(asked[0].body.utf8)) as? [String: Any]
        #expect(sent?.keys.sorted() == ["machines", "networks"])
    }

    @Test func `a dry run says what would change, and prune is passed on`() async throws {
        let report = Self.report.replacingOccurrences(of: "\"dryRun\": false", with: "\"dryRun\": true")
        let (ran, asked) = try await apply(.json(report), ["--dry-run", "--prune"])
        #expect(ran.out.hasPrefix("would create network rack1\nwould change machine web1: intent"))
        #expect(asked.map(\.line) == ["POST /api/v1/site?prune=true&dry-run=true"])
    }

    @Test func `nothing to change is said too`() async throws {
        let report = "{\"dryRun\": false, \"unchanged\": 3, \"warnings\": [], \"unnamed\": [], \"changes\": []}"
        let (ran, _) = try await apply(.json(report))
        #expect(ran.out == "nothing to change\nunchanged 3\n")
    }

    @Test func `the server's errors stand with the file's lines`() async throws {
        let problem = """
            {"type": "about:blank", "title": "not valid", "status": 422, "errors": [
             {"field": "machines.web1.intent", "message": "there is no environment debian-12", "hint": "did you mean debian?"},
             {"field": "networks.rack1.subnets[0].pools[0]", "message": "overlaps"}]}
            """
        let (ran, _) = try await apply(.json(problem, status: 422))
        #expect(ran.exitCode == 1)
        #expect(ran.out == "")
        let lines = ran.error.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("site.yaml:8:"))
        #expect(lines[0].hasSuffix("machines.web1.intent: there is no environment debian-12 (did you mean debian?)"))
        #expect(lines[1].hasPrefix("site.yaml:6:"))
        #expect(lines[2] == "site.yaml: 2 errors; nothing was changed")
    }

    @Test func `warnings stand with the file's lines, and do no harm`() async throws {
        let report = """
            {"dryRun": false, "unchanged": 3, "unnamed": [], "changes": [],
             "warnings": [{"field": "networks.rack1.lease", "message": "is short"}]}
            """
        let (ran, _) = try await apply(.json(report))
        #expect(ran.error.hasPrefix("warning: site.yaml:3:"))
        #expect(ran.error.hasSuffix("networks.rack1.lease: is short\n"))
        #expect(ran.exitCode == 0)
    }

    @Test func `another refusal is said in the server's words`() async throws {
        let problem =
            "{\"type\": \"about:blank\", \"title\": \"full\", \"status\": 507, \"detail\": \"the disk is full\"}"
        let (ran, _) = try await apply(.json(problem, status: 507))
        #expect(ran.error == "the disk is full\n")
        #expect(ran.exitCode == 1)
    }

    @Test func `a file with a mistake is not sent`() async throws {
        let (ran, asked) = try await apply(
            .json(Self.report), site: Self.site.replacingOccurrences(of: "lease:", with: "leese:"))
        #expect(ran.error.hasPrefix("site.yaml:3:"))
        #expect(ran.exitCode == 1)
        #expect(asked.isEmpty)
    }

    @Test func `a file that is not there is named`() async throws {
        let server = FakeServer(.json(Self.report))
        let ran = await run(ApplyCommand.self, ["-f", "/nonexistent/site.yaml"], at: server.port)
        #expect(ran.error == "/nonexistent/site.yaml: cannot be read: No such file or directory\n")
        #expect(ran.exitCode == 1)
    }

    @Test func `diff exits with 2 when there is something to change, and with 0 when there is not`() async throws {
        let nothing = "{\"dryRun\": true, \"unchanged\": 3, \"warnings\": [], \"unnamed\": [], \"changes\": []}"
        let server = FakeServer(.json(Self.report), .json(nothing))
        let file = try TemporaryFile("site.yaml", Self.site)
        #expect(await run(DiffCommand.self, ["-f", file.path], at: server.port).exitCode == 2)
        #expect(await run(DiffCommand.self, ["-f", file.path], at: server.port).exitCode == 0)
        #expect(server.asked.map(\.line) == Array(repeating: "POST /api/v1/site?dry-run=true", count: 2))
    }

    @Test func `changes are coloured for terminals, and text that would colour is not`() throws {
        var report = try JSONDecoder().decode(ChangeReport.self, from: Data(Self.report.utf8))
        report.changes[0].name = "a\u{1b}[31mb"
        let lines = ChangeText(terminal: Screen().terminal(hasColors: true)).lines(report)
        #expect(lines[0] == "\u{1b}[32mcreated network a [31mb\u{1b}[0m")
    }
}

extension String {
    /// Without the directory, which differs from run to run.
    fileprivate func hidden(_ file: TemporaryFile) -> String {
        replacingOccurrences(of: file.path, with: "site.yaml")
    }
}
