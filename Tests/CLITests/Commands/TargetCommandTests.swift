// SPDX-License-Identifier: Apache-2.0

import APITypes
import Testing

@testable import CLI

struct TargetCommandTests {
    private static var report: TargetsReport {
        typealias Network = TargetsReport.Network
        var lab = Network(
            name: "lab", location: "berlin", images: ["os"], tftp: "10.64.0.1",
            bases: ["http://boot.example", "http://10.64.0.1:8080"])
        lab.targets = [.init(node: "a", address: "10.64.0.1", reason: "on link, holds os")]
        lab.passedOver = [.init(node: "b", reason: "silent for 2 s")]
        lab.steps = [.init(question: "does the network name endpoints?", answer: "yes, 2")]
        let room = Network(name: "room2", tftp: "10.65.0.1", bases: ["http://10.65.0.1:8080"], isLastResort: true)
        return TargetsReport(
            node: "a", mac: "52:54:00:12:34:56",
            nodes: [
                .init(name: "a", location: "berlin", tftp: "works", http: "works"),
                .init(
                    name: "b", absence: "silent for 2 s", tftp: "fails", http: "unknown",
                    faults: ["tftp: no answer for 2 s"]),
            ],
            endpoints: [.init(url: "http://boot.example", health: "fails", fault: "connection refused")],
            networks: [lab, room])
    }

    @Test func `where machines are sent, and why not elsewhere`() async throws {
        let server = FakeServer(ContentAnswers.json(Self.report))
        let ran = await run(TargetsCommand.self, ["--mac", "52-54-00-12-34-56"], at: server.port)
        #expect(server.asked.map(\.line) == ["GET /api/v1/targets?mac=52%3A54%3A00%3A12%3A34%3A56"])
        #expect(
            ran.out == """
                Seen from node a, for 52:54:00:12:34:56

                NODE  LOCATION  TFTP   HTTP     STATE
                a     berlin    works  works    a target
                b     -         fails  unknown  silent for 2 s
                b: tftp: no answer for 2 s

                ENDPOINT             HEALTH  FAULT
                http://boot.example  fails   connection refused

                Network lab in berlin, for os
                  loaders  10.64.0.1
                  files    http://boot.example
                    then   http://10.64.0.1:8080
                     NODE  ADDRESS    WHY
                  1  a     10.64.0.1  on link, holds os
                  -  b     -          passed over: silent for 2 s

                Network room2
                  loaders  10.65.0.1
                  files    http://10.65.0.1:8080
                  No node qualifies: a names itself, as the last resort.

                """)
    }

    @Test func `one network comes with the steps to its answer`() async throws {
        let server = FakeServer(ContentAnswers.json(Self.report))
        let ran = await run(TargetsCommand.self, ["--network", "lab"], at: server.port)
        #expect(server.asked.map(\.line) == ["GET /api/v1/targets?network=lab"])
        #expect(ran.out.contains("\n  How it was found:\n  - does the network name endpoints?: yes, 2\n"))
    }

    @Test func `a node is no target for a while`() async throws {
        let server = FakeServer(
            ContentAnswers.json(TargetDrainReport(node: "b", drain: true)),
            ContentAnswers.json(TargetDrainReport(node: "b", drain: false)),
            ContentAnswers.refusal(409, "b is the last target"))
        let drained = await run(TargetDrainCommand.self, ["b"], at: server.port)
        #expect(drained.out == "machines are no longer sent to b\n")
        let back = await run(TargetDrainCommand.self, ["b", "--undo"], at: server.port)
        #expect(back.out == "machines are sent to b again\n")
        #expect(server.asked.map(\.body) == [#"{"drain":true}"#, #"{"drain":false}"#])
        #expect(server.asked.map(\.line) == Array(repeating: "PUT /api/v1/targets/b/drain", count: 2))
        let refused = await run(TargetDrainCommand.self, ["b"], at: server.port)
        #expect(refused.exitCode == 1)
        #expect(refused.error == "b is the last target\n")
    }
}
