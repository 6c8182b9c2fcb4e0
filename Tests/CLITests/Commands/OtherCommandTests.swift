// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Foundation
import Testing

@testable import CLI

struct OtherCommandTests {
    // MARK: Leases and intents

    @Test func `leases as a table`() async throws {
        let leases = """
            [{"network": "rack1", "address": "10.64.0.117", "state": "bound", "client": "mac 52:54:00:00:00:01",
              "hostname": "web1", "since": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z"},
             {"network": "rack1", "address": "10.64.0.9", "state": "bound", "client": "client-id 01ff",
              "since": "2026-01-01T00:00:00Z"}]
            """
        let server = FakeServer(.json(leases))
        let ran = await run(LeaseListCommand.self, ["--network", "rack1", "--mac", "5254.0000.0001"], at: server.port)
        #expect(
            ran.out == """
                NETWORK  ADDRESS      STATE  CLIENT                 HOSTNAME  UNTIL
                rack1    10.64.0.117  bound  mac 52:54:00:00:00:01  web1      2026-01-01T01:00:00Z
                rack1    10.64.0.9    bound  client-id 01ff         -         never

                """)
        #expect(server.asked.map(\.line) == ["GET /api/v1/leases?network=rack1&mac=52%3A54%3A00%3A00%3A00%3A01"])
    }

    @Test func `no leases in a network that is not there`() async throws {
        let problem =
            "{\"type\": \"x\", \"title\": \"not found\", \"status\": 404, \"detail\": \"there is no network lba\"}"
        let server = FakeServer(.json("[]"), .json(problem, status: 404))
        let ran = await run(LeaseListCommand.self, ["--network", "lba"], at: server.port)
        #expect(ran.exitCode == 1 && ran.error == "there is no network lba\n" && ran.out == "")
        #expect(server.asked.map(\.line) == ["GET /api/v1/leases?network=lba", "GET /api/v1/networks/lba"])
    }

    @Test func `a lease is forgotten by its network and address`() async throws {
        let server = FakeServer(FakeAnswer(status: 204))
        let ran = await run(LeaseDeleteCommand.self, ["rack1/10.64.0.117"], at: server.port)
        #expect(ran.out == "deleted lease rack1/10.64.0.117\n")
        #expect(server.asked.map(\.line) == ["DELETE /api/v1/leases/rack1/10.64.0.117"])
        for wrong in ["10.64.0.117", "rack1/", "rack1/x", "/10.64.0.117", "rack1/10.64.0.117/x"] {
            #expect(await run(LeaseDeleteCommand.self, [wrong], at: server.port).exitCode == 64)
        }
    }

    @Test func `an intent is sent as it was said`() async throws {
        let report = "{\"dryRun\": false, \"unchanged\": 0, \"warnings\": [], \"unnamed\": [], \"changes\": []}"
        let server = FakeServer(.json(report))
        let ran = await run(BootCommand.self, ["web1", "install", "debian-12"], at: server.port)
        #expect(ran.out == "machine web1 is to install debian-12 at its next boot, then boot from disk\n")
        #expect(server.asked.map(\.line) == ["PUT /api/v1/machines/web1/boot"])
        #expect(server.asked[0].body == "{\"intent\":\"install debian-12\"}")
        for wrong in [[], ["install"], ["dance"], ["local", "disk"], ["install", "a", "b"]] {
            #expect(await run(BootCommand.self, ["web1"] + wrong, at: server.port).exitCode == 64)
        }
    }

    // MARK: explain

    @Test func `explain shows numbered steps, then the reply`() async throws {
        let report = """
            {"steps": [{"question": "network", "answer": "rack1, by interface eth1"},
                       {"question": "address", "answer": "10.64.0.20, reserved"}],
             "verdict": "OFFER 10.64.0.20", "route": "broadcast on eth1",
             "reply": {"fields": ["yiaddr 10.64.0.20"], "options": ["3 routers 10.64.0.254"], "bytesHex": "0201"},
             "parameters": [{"name": "disk", "value": "/dev/vda", "from": "profile web"}]}
            """
        let server = FakeServer(.json(report))
        let ran = await run(
            ExplainCommand.self, ["--mac", "52-54-00-12-34-56", "--arch", "x64-uefi", "--relay", "10.9.0.1"],
            at: server.port)
        #expect(
            ran.out == """
                 1. network  rack1, by interface eth1
                 2. address  10.64.0.20, reserved

                OFFER 10.64.0.20
                sent: broadcast on eth1

                Reply:
                  yiaddr 10.64.0.20
                Options:
                  3 routers 10.64.0.254

                Parameters for templates:
                  disk: /dev/vda  from profile web

                """)
        let sent = try JSONDecoder().decode(ExplainRequest.self, from: Data(server.asked[0].body.utf8))
        #expect(sent.mac == "52:54:00:12:34:56")
        #expect(sent.architecture == "x64-uefi")
        #expect(sent.relay == "10.9.0.1")
        #expect(sent.network == nil)
        #expect(await run(ExplainCommand.self, ["--mac", "52:54"], at: server.port).exitCode == 64)
        #expect(await run(ExplainCommand.self, [], at: server.port).exitCode == 64)
    }

    // MARK: watch

    private static func event(_ sequence: Int, _ more: String = "") -> String {
        """
        {"sequence": \(sequence), "time": "2026-01-01T00:00:00.000Z", "level": "info", "kind": "dhcp"\(more), "text": "event \(sequence)"}

        """
    }

    @Test func `watch shows events, and goes on where it was when the connection is lost`() async throws {
        let first = FakeAnswer(
            body: "\n" + Self.event(7, ", \"mac\": \"52:54:00:12:34:56\", \"machine\": \"web1\"") + "\n"
                + Self.event(8),
            isBroken: true)
        let second = FakeAnswer(body: Self.event(9, ", \"mac\": \"52:54:00:12:34:56\""))
        let wrong = FakeAnswer.json("{\"type\": \"x\", \"title\": \"over\", \"status\": 400}", status: 400)
        let server = FakeServer(first, second, wrong)
        let ran = await run(WatchCommand.self, ["--mac", "52:54:00:12:34:56"], at: server.port)
        #expect(
            ran.out == """
                2026-01-01T00:00:00.000Z  web1 (52:54:00:12:34:56)  event 7
                2026-01-01T00:00:00.000Z  -                  event 8
                2026-01-01T00:00:00.000Z  52:54:00:12:34:56  event 9

                """)
        #expect(
            server.asked.map(\.target) == [
                "/api/v1/events?mac=52%3A54%3A00%3A12%3A34%3A56&follow=true",
                "/api/v1/events?since=8&mac=52%3A54%3A00%3A12%3A34%3A56&follow=true",
                "/api/v1/events?since=9&mac=52%3A54%3A00%3A12%3A34%3A56&follow=true",
            ])
        #expect(ran.error.hasSuffix("the server ended the stream; connecting again\nover\n"))
        #expect(ran.exitCode == 1)
    }

    @Test func `watch does not wait for a server that was never there`() async throws {
        let port = { FakeServer(FakeAnswer()).port }()
        let ran = await run(WatchCommand.self, [], at: port)
        #expect(ran.error.contains("cannot reach OnDeck"))
        #expect(ran.exitCode == 1)
    }

    @Test func `watch as JSON passes lines on`() async throws {
        let wrong = FakeAnswer.json("{\"type\": \"x\", \"title\": \"over\", \"status\": 400}", status: 400)
        let server = FakeServer(FakeAnswer(body: Self.event(1)), wrong)
        let ran = await run(WatchCommand.self, ["-o", "json", "--since", "0"], at: server.port)
        #expect(ran.out == Self.event(1))
        #expect(server.asked[0].target == "/api/v1/events?since=0&follow=true")
    }

    // MARK: check-config

    @Test func `a configuration is checked`() throws {
        let good = try TemporaryFile("ondeck.yaml", "http: { port: 8080 }\ncontent: { x: /nonexistent-directory }\n")
        let screen = Screen()
        try CheckConfigCommand.parse(["--config", good.path]).run(screen.terminal())
        #expect(screen.out == "\(good.path): valid\n")
        #expect(screen.error == "warning: content x: there is no directory /nonexistent-directory\n")
        let bad = try TemporaryFile("ondeck.yaml", "http: { port: 99999 }\ntftpp: {}\n")
        let errors = Screen()
        #expect(throws: ExitCode.failure) {
            try CheckConfigCommand.parse(["--config", bad.path]).run(errors.terminal())
        }
        #expect(errors.error.contains("ondeck.yaml:1:"))
        #expect(errors.error.contains("ondeck.yaml:2:"))
        #expect(errors.out == "")
    }
}
