// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Foundation
import Model
import Testing

@testable import CLI

/// A cluster of three nodes on etcd, one node of which has been silent for a while.
enum SampleCluster {
    static var report: ClusterReport {
        var report = ClusterReport(
            node: "a", isCutOff: false, store: store, nodes: [], networks: networks, revision: 48_211,
            clusterTime: "2026-03-04T12:00:00.250Z")
        report.nodes = [node("a", 7, held: ["lab", "room2"]), node("b", 7, held: ["room3"]), node("c", 9, held: [])]
        report.nodes[1].lastSeenMilliseconds = 41
        (report.nodes[1].lagRevisions, report.nodes[1].clockOffsetMilliseconds) = (3, -14)
        report.nodes[2].life = "silent"
        (report.nodes[2].lagRevisions, report.nodes[2].lastSeenMilliseconds) = (1_312, 754_000)
        report.ready = .init(safe: true, reasons: [])
        return report
    }

    static var store: ClusterReport.Store {
        let members = [("n1", 0.61, 0), ("n2", 0.58, 1), ("n3", 1.12, 0)].map { name, latency, isLeader in
            ClusterReport.Store.Member(
                name: name, endpoint: "https://10.9.0.\(name.last ?? "1"):2379", reachable: true, leader: isLeader == 1,
                latencyMilliseconds: latency, sizeBytes: 25_300_000)
        }
        return .init(
            engine: "etcd 3.5.13", identity: "cdf818194e3a8c32", members: members, hasQuorum: true,
            survivesOneLoss: true)
    }

    static func node(_ name: String, _ day: Int, held: [String]) -> ClusterReport.Node {
        var node = ClusterReport.Node(
            name: name, life: "alive", intent: "serving", startedAt: "2026-02-2\(day - 6)T08:00:00Z",
            peerAddress: "10.64.0.\(name == "a" ? 1 : name == "b" ? 2 : 3):8067", version: "0.1.0")
        node.networksHeld = held
        node.appliedRevision = 48_211
        return node
    }

    static var networks: [ClusterReport.Network] {
        func dynamic(_ name: String, _ holder: String, _ epoch: UInt64, _ cause: TermCause, _ since: String)
            -> ClusterReport.Network
        {
            var network = ClusterReport.Network(name: name, mode: "dynamic")
            (network.holder, network.desired, network.epoch) = (holder, holder, epoch)
            (network.cause, network.since) = (cause.sentence, since)
            network.servingHere = holder == "a"
            return network
        }
        return [
            ClusterReport.Network(name: "hosts", mode: "static"),
            dynamic("lab", "a", 3, .start, "2026-02-21T08:00:02Z"),
            dynamic("room2", "a", 12, .silent, "2026-03-04T11:47:27Z"),
            dynamic("room3", "b", 7, .handedOver, "2026-03-03T09:30:00Z"),
        ]
    }

    static func json(_ change: (inout ClusterReport) -> Void = { _ in }) throws -> String {
        var report = report
        change(&report)
        return String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
    }
}

struct ClusterCommandTests {
    private func show(_ arguments: [String] = [], _ change: (inout ClusterReport) -> Void = { _ in }) async throws
        -> Ran
    {
        let server = FakeServer(.json(try SampleCluster.json(change)))
        let ran = await run(ClusterShowCommand.self, arguments, at: server.port)
        #expect(server.asked.map(\.line) == ["GET /api/v1/cluster"])
        return ran
    }

    // MARK: The screen

    @Test func `three nodes on one screen`() async throws {
        let ran = try await show()
        #expect(
            ran.out == """
                Seen from node a at 2026-03-04 12:00:00 UTC, revision 48211
                Store  etcd 3.5.13, 3 of 3 members answer, n2 leads, one may fail, 0.6-1.1 ms, 24 MiB

                NODE  STATE   UP      SEEN     LAG   CLOCK   PEER            UP TO BAT FOR
                a     alive   11d 4h  here     0     +0 ms   10.64.0.1:8067  lab, room2
                b     alive   11d 4h  41 ms    3     -14 ms  10.64.0.2:8067  room3
                c     silent  -       12m 34s  1312  +0 ms   10.64.0.3:8067  -

                NETWORK  MODE     UP TO BAT   FOR      EPOCH  WHY
                hosts    static   every node  -        -      -
                lab      dynamic  a           11d 3h   3      nobody had it
                room2    dynamic  a           12m 33s  12     the node before was silent
                room3    dynamic  b           1d 2h    7      handed over by the node before

                Ready: the failure of any one node or store member would be survived.

                """)
        #expect(ran.exitCode == 0)
    }

    /// With its own store a node speaks to no other.
    @Test func `no peer is no address`() async throws {
        let ran = try await show { $0.nodes[0].peerAddress = "0.0.0.0:6700" }
        #expect(ran.out.contains("a     alive   11d 4h  here     0     +0 ms   -               lab, room2"))
    }

    @Test func `virtual addresses have a column where there are any`() async throws {
        let ran = try await show { report in
            report.networks[1].vip = "10.64.0.9"
            report.networks[3].vip = "10.66.0.9"
            report.networks[3].vipFault = "node b cannot have it: see its log, or /readyz there"
        }
        let lines = ran.out.split(separator: "\n").map(String.init)
        let index = try #require(lines.firstIndex { $0.hasPrefix("NETWORK") })
        #expect(
            lines[index...].prefix(6) == [
                "NETWORK  MODE     UP TO BAT   FOR      EPOCH  WHY                             VIP",
                "room3    dynamic  b           1d 2h    7      handed over by the node before  10.66.0.9 MISSING",
                "hosts    static   every node  -        -      -                               -",
                "lab      dynamic  a           11d 3h   3      nobody had it                   10.64.0.9",
                "room2    dynamic  a           12m 33s  12     the node before was silent      -",
                "vip of room3: node b cannot have it: see its log, or /readyz there",
            ])
    }

    @Test func `what is wrong comes first and is said`() async throws {
        let ran = try await show { report in
            report.store.members[2].reachable = false
            report.store.survivesOneLoss = false
            report.store.alarms = ["NOSPACE on n2"]
            report.nodes[1].intent = "draining"
            report.nodes[1].version = "0.2.0"
            report.nodes[0].deafNetworks = ["room3"]
            report.networks[2].servingHere = false
            report.networks[2].preferred = ["b", "c"]
            report.networks[2].desired = "b"
            report.networks[3].holder = nil
            report.networks[3].desired = nil
            report.networks[3].epoch = nil
            report.networks[3].since = nil
            report.ready = .init(
                safe: false,
                reasons: [
                    "network room3 has nobody up to bat",
                    "the store (etcd 3.5.13) has no quorum to lose: it would not survive a member's failure",
                ])
        }
        #expect(
            ran.out == """
                Seen from node a at 2026-03-04 12:00:00 UTC, revision 48211
                Store  etcd 3.5.13, 2 of 3 members answer, n2 leads, none may fail, 0.6 ms, 24 MiB
                       n3 (https://10.9.0.3:2379) does not answer
                       alarm: NOSPACE on n2

                NODE  STATE     UP      SEEN     LAG   CLOCK   PEER            VERSION  UP TO BAT FOR  DEAF IN
                a     alive     11d 4h  here     0     +0 ms   10.64.0.1:8067  0.1.0    lab, room2     room3
                b     draining  11d 4h  41 ms    3     -14 ms  10.64.0.2:8067  0.2.0    room3          -
                c     silent    -       12m 34s  1312  +0 ms   10.64.0.3:8067  0.1.0    -              -

                NETWORK  MODE     UP TO BAT   FOR      EPOCH  WHY                                      PREFERRED
                room2    dynamic  a -> b      12m 33s  12     the node before was silent; catching up  b, c
                room3    dynamic  NOBODY      -        -      nobody has taken it                      -
                hosts    static   every node  -        -      -                                        -
                lab      dynamic  a           11d 3h   3      nobody had it                            -

                NOT READY: a failure right now would be felt.
                  - network room3 has nobody up to bat
                  - the store (etcd 3.5.13) has no quorum to lose: it would not survive a member's
                    failure

                """)
        #expect(ran.out.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }

    @Test func `a single machine`() async throws {
        let ran = try await show { report in
            report.store = .init(engine: "sqlite", hasQuorum: true, survivesOneLoss: false)
            report.nodes.removeLast(2)
            report.networks = []
            report.isCutOff = true
        }
        let lines = ran.out.split(separator: "\n").map(String.init)
        #expect(lines[1] == "The store takes nothing from a: what it says of the others is old.")
        #expect(lines[2] == "Store  sqlite, none may fail")
        #expect(lines.contains("no networks"))
    }

    @Test func `many networks do not run off the screen`() async throws {
        let many: (inout ClusterReport) -> Void = { report in
            report.networks = (100..<400).map { ClusterReport.Network(name: "n\($0)", mode: "static") }
            report.networks.append(ClusterReport.Network(name: "z", mode: "dynamic"))
            report.nodes[0].networksHeld = report.networks.map(\.name)
        }
        let lines = try await show([], many).out.split(separator: "\n")
        #expect(lines.count < 40)
        #expect(lines.contains { $0.hasPrefix("z     ") && $0.contains("NOBODY") })
        #expect(lines.contains("and 277 more, which are well  (--all shows them)"))
        #expect(lines.contains { $0.hasSuffix("n100, n101 and 299 more") })
        #expect(try await show(["--all"], many).out.split(separator: "\n").count > 300)
    }

    @Test func `colours are for terminals, and for what is wrong`() throws {
        var report = SampleCluster.report
        report.nodes[1].clockOffsetMilliseconds = -3_600_000
        let plain = ClusterText(report: report, terminal: Screen().terminal()).lines(showsAll: false)
        let colored = ClusterText(report: report, terminal: Screen().terminal(hasColors: true)).lines(showsAll: false)
        #expect(!plain.joined().contains("\u{1b}"))
        #expect(colored.first { $0.contains("silent") }?.hasPrefix("\u{1b}[31m") == true)
        #expect(colored.first { $0.contains("-1h") }?.hasPrefix("\u{1b}[33m") == true)
        #expect(colored.last?.hasPrefix("\u{1b}[32mReady") == true)
        let stripped = colored.map { $0.replacing(#/\u{1b}\[\d+m/#, with: "") }
        #expect(stripped == plain)
    }

    @Test func `no control character reaches the terminal`() async throws {
        let ran = try await show { report in
            report.nodes[2].name = "c\u{1b}[2J"
            report.networks[1].cause = "x\u{7}y"
            report.store.alarms = ["a\u{1b}[31mb"]
            report.ready = .init(safe: false, reasons: ["r\u{8}"])
        }
        #expect(!ran.out.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
    }

    @Test func `JSON and YAML are the API's`() async throws {
        let ran = try await show(["-o", "json"])
        #expect(try JSONDecoder().decode(ClusterReport.self, from: Data(ran.out.utf8)) == SampleCluster.report)
        #expect(try await show(["-o", "yaml"]).out.contains("clusterTime: "))
    }

    // MARK: ready

    @Test func `ready tells monitors by its exit status`() async throws {
        let safe = FakeServer(.json(try SampleCluster.json()))
        let ranSafe = await run(ClusterReadyCommand.self, [], at: safe.port)
        #expect(ranSafe.exitCode == 0)
        #expect(ranSafe.out == "Ready: the failure of any one node or store member would be survived.\n")
        let unsafe = FakeServer(
            .json(try SampleCluster.json { $0.ready = .init(safe: false, reasons: ["only one node is alive: a"]) }))
        let ranUnsafe = await run(ClusterReadyCommand.self, [], at: unsafe.port)
        #expect(ranUnsafe.exitCode == 1)
        #expect(ranUnsafe.out == "NOT READY: a failure right now would be felt.\n  - only one node is alive: a\n")
        let json = await run(ClusterReadyCommand.self, ["-o", "json"], at: unsafe.port)
        #expect(json.exitCode == 1)
        #expect(
            try JSONDecoder().decode(ClusterReport.Readiness.self, from: Data(json.out.utf8))
                == .init(safe: false, reasons: ["only one node is alive: a"]))
    }

    @Test func `ready says unknown when nobody can be asked`() async throws {
        let port = { FakeServer(FakeAnswer()).port }()
        #expect(await run(ClusterReadyCommand.self, [], at: port).exitCode == 2)
        for answer in [
            FakeAnswer(body: "<html>"),
            FakeAnswer.json("{\"type\": \"x\", \"title\": \"t\", \"status\": 401}", status: 401),
            FakeAnswer.json("{\"type\": \"x\", \"title\": \"t\", \"status\": 503}", status: 503),
        ] {
            let ran = await run(ClusterReadyCommand.self, [], at: FakeServer(answer).port)
            #expect(ran.exitCode == 2)
            #expect(!ran.error.isEmpty)
        }
    }

    // MARK: Orders

    @Test func `a hand-over`() async throws {
        let done = "{\"network\": \"lab\", \"from\": \"a\", \"to\": \"b\", \"epoch\": 8, \"milliseconds\": 143}"
        let server = FakeServer(.json(done))
        let ran = await run(ClusterHandoverCommand.self, ["lab", "--to", "b"], at: server.port)
        #expect(ran.out == "b is up to bat for lab: handed over by a, in 143 ms, epoch 8\n")
        #expect(server.asked.map(\.line) == ["PUT /api/v1/cluster/networks/lab/holder"])
        #expect(server.asked[0].body == "{\"node\":\"b\"}")
        let same = FakeServer(.json(done.replacingOccurrences(of: "\"a\"", with: "\"b\"")))
        #expect(
            await run(ClusterHandoverCommand.self, ["lab", "--to", "b"], at: same.port).out
                == "b is up to bat for lab already\n")
        let refused = FakeServer(
            .json(
                "{\"type\": \"x\", \"title\": \"conflict\", \"status\": 409, \"detail\": \"b is not alive\"}",
                status: 409))
        let ranRefused = await run(ClusterHandoverCommand.self, ["lab", "--to", "b"], at: refused.port)
        #expect(ranRefused.error == "b is not alive\n")
        #expect(ranRefused.exitCode == 1)
        #expect(await run(ClusterHandoverCommand.self, ["lab"], at: server.port).exitCode == 64)
    }

    @Test func `draining waits until nothing is held`() async throws {
        let order = "{\"node\": \"a\", \"drain\": true, \"networksHeld\": [\"lab\", \"room2\"]}"
        let still = try SampleCluster.json()
        let done = try SampleCluster.json { report in
            for index in report.networks.indices where report.networks[index].holder == "a" {
                report.networks[index].holder = "b"
            }
        }
        let server = FakeServer(.json(order), .json(still), .json(done))
        let ran = await run(ClusterDrainCommand.self, ["a", "--wait"], at: server.port)
        #expect(ran.out == "a hands over lab, room2\na holds no network: it may be stopped\n")
        #expect(
            server.asked.map(\.line) == [
                "PUT /api/v1/cluster/nodes/a/drain", "GET /api/v1/cluster", "GET /api/v1/cluster",
            ])
        #expect(server.asked[0].body == "{\"drain\":true}")
        #expect(ran.exitCode == 0)
    }

    @Test func `draining without waiting, and undoing it`() async throws {
        let held = FakeServer(.json("{\"node\": \"a\", \"drain\": true, \"networksHeld\": [\"lab\"]}"))
        #expect(await run(ClusterDrainCommand.self, ["a"], at: held.port).out == "a hands over lab\n")
        #expect(held.asked.count == 1)
        let none = FakeServer(.json("{\"node\": \"c\", \"drain\": true, \"networksHeld\": []}"))
        #expect(
            await run(ClusterDrainCommand.self, ["c", "--wait"], at: none.port).out
                == "c holds no network: it may be stopped\n")
        let undone = FakeServer(.json("{\"node\": \"a\", \"drain\": false, \"networksHeld\": []}"))
        let ran = await run(ClusterDrainCommand.self, ["a", "--undo"], at: undone.port)
        #expect(ran.out == "a takes its share again\n")
        #expect(undone.asked[0].body == "{\"drain\":false}")
        #expect(await run(ClusterDrainCommand.self, ["a", "--undo", "--wait"], at: undone.port).exitCode == 64)
    }

    @Test func `a restored store is accepted`() async throws {
        let server = FakeServer(.json("{\"networks\": [\"lab\", \"room2\"]}"))
        let ran = await run(ClusterAcceptRestoredCommand.self, [], at: server.port)
        #expect(ran.out == "the restored store is accepted; served again: lab, room2\n")
        #expect(server.asked.map(\.line) == ["POST /api/v1/cluster/accept-restored"])
    }
}
