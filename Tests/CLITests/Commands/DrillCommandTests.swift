// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import ArgumentParser
import Foundation
import Model
import Synchronization
import Testing

@testable import CLI

/// Made-up clients that see what the test says.
private final class FakeClients: Sendable {
    let begun = Mutex<[DrillAccess.Load]>([])
    let marks = Mutex<[String]>([])
    let finished = Mutex(0)
    let leases: Int
    let report: DrillReport

    init(leases: Int = 1_000, _ change: (inout DrillReport) -> Void = { _ in }) {
        self.leases = leases
        var report = DrillReport(
            network: "lab", kind: .kill, interface: "eth1", clients: 20, perSecond: 50,
            before: .init(
                leases: 148, leasesPerSecond: 49.6, offer: .init(p50: 1.1, p99: 3.2), ack: .init(p50: 2.4, p99: 7.9),
                longestGap: 24.1, sentAgain: 0))
        report.gaps = [.init(fault: "a is killed", milliseconds: 61.9, lastFrom: "10.0.0.1", firstFrom: "10.0.0.2")]
        report.gapMilliseconds = 61.9
        (report.leases, report.released, report.slowest) = (480, 480, 230.4)
        report.outcome = .kept
        change(&report)
        self.report = report
    }

    var access: DrillAccess {
        DrillAccess(
            interfaces: {
                [
                    .init(name: "eth0", addresses: [IPv4Address("192.168.1.5")!]),
                    .init(name: "eth1", addresses: [IPv4Address("10.0.0.9")!]),
                ]
            },
            begin: { load in
                self.begun.withLock { $0.append(load) }
                return .init(
                    leases: { self.leases }, sendError: { 0 },
                    mark: { text in self.marks.withLock { $0.append(text) } },
                    finish: { _, _ in
                        self.finished.withLock { $0 += 1 }
                        return self.report
                    })
            })
    }
}

private let network = """
    {"kind": "network", "name": "lab", "revision": 3, "fields": {"subnets": [{"subnet": "10.0.0.0/24"}]}}
    """

private func order(_ kind: DrillKind, successor: String? = nil) throws -> FakeAnswer {
    let report = DrillOrderReport(network: "lab", kind: kind, node: "a", successor: successor)
    return .json(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
}

@Suite struct DrillCommandTests {
    private func drill(_ arguments: [String], _ clients: FakeClients, _ server: FakeServer) async -> Ran {
        await DrillAccess.$current.withValue(clients.access) {
            await run(DrillCommand.self, ["lab", "--seconds", "5"] + arguments, at: server.port)
        }
    }

    private func request(_ body: String) -> DrillRequest? {
        try? JSONDecoder().decode(DrillRequest.self, from: Data(body.utf8))
    }

    @Test func `asked first, then done, then told`() async throws {
        let (clients, server) = (FakeClients(), FakeServer(try order(.kill), try order(.kill), FakeAnswer(status: 204)))
        let ran = await drill(["--kind", "kill", "--yes", "--interface", "eth1"], clients, server)
        #expect(ran.exitCode == 0)
        let path = "/api/v1/cluster/networks/lab/drill"
        #expect(server.asked.map(\.line) == ["POST \(path)", "POST \(path)", "PUT \(path)"])
        #expect(server.asked.prefix(2).map { request($0.body)?.dryRun } == [true, nil])
        #expect(server.asked.prefix(2).map { request($0.body)?.force } == [false, false])
        #expect(clients.marks.withLock { $0 } == ["a is killed"])
        #expect(
            ran.out == """
                Kill drill of network lab, seen from eth1 by 20 clients
                Before        49.6 leases a second; OFFER p50 1.1 ms, p99 3.2 ms, ACK p50 2.4 ms, p99
                              7.9 ms; longest time without an ACK 24.1 ms
                Gap           a is killed: 61.9 ms without an ACK; the leases came from 10.0.0.1, then
                              from 10.0.0.2
                Slowest       a client waited 230 ms for its lease
                Sent again    0 times a client had to repeat itself
                No address    0 clients
                Twice         no address
                Given back    480 of 480 leases
                KEPT: 61.9 ms without an ACK; promised: 300 ms at most.

                """)
    }

    @Test func `handed over, and back to where it was`() async throws {
        let clients = FakeClients()
        let server = FakeServer(
            .json(network), try order(.handover, successor: "b"), try order(.handover, successor: "b"),
            try order(.handover, successor: "a"), FakeAnswer(status: 204))
        let ran = await drill(["--kind", "handover", "--yes", "-o", "json"], clients, server)
        #expect(ran.exitCode == 0)
        #expect(clients.begun.withLock { $0 } == [.init(interface: "eth1", clients: 20, perSecond: 50)])
        #expect(clients.marks.withLock { $0 } == ["a hands over to b", "b hands back to a"])
        let orders = server.asked.compactMap { request($0.body) }.filter { $0.dryRun != true }.prefix(2)
        #expect(orders.map(\.to) == ["b", "a"])
        #expect(orders.map(\.force) == [false, true])
        let report = try JSONDecoder().decode(DrillReport.self, from: Data(ran.out.utf8))
        #expect(report == clients.report)
    }

    @Test func `a broken promise has its own exit status`() async throws {
        let clients = FakeClients { report in
            (report.outcome, report.gapMilliseconds) = (.broken, nil)
            report.gaps[0].milliseconds = nil
            report.reasons = ["nobody got an address any more", "3 clients never got an address"]
        }
        let server = FakeServer(try order(.kill), try order(.kill), FakeAnswer(status: 204))
        let ran = await drill(["--kind", "kill", "--yes", "--interface", "eth1"], clients, server)
        #expect(ran.exitCode == 1)
        #expect(ran.out.hasSuffix("BROKEN: nobody got an address any more; 3 clients never got an address.\n"))
        #expect(server.asked.last?.body.contains("broken") == true)
    }

    @Test func `without answers nothing is done`() async throws {
        let (clients, server) = (FakeClients(leases: 3), FakeServer(try order(.kill)))
        let ran = await drill(["--kind", "kill", "--yes", "--interface", "eth1"], clients, server)
        #expect(ran.exitCode == 2)
        #expect(ran.error.contains("nothing was rehearsed: the drill's clients got 3 leases, where 75 were asked for"))
        #expect(server.asked.count == 1)
        #expect(clients.finished.withLock { $0 } == 1)
    }

    @Test func `a refusal is said, and nobody asks for leases`() async throws {
        let problem = #"{"type":"about:blank","title":"refused","status":403,"detail":"add the line"}"#
        let (clients, server) = (FakeClients(), FakeServer(.json(problem, status: 403)))
        let ran = await drill(["--kind", "silence", "--pause", "2", "--yes", "--interface", "eth1"], clients, server)
        #expect(ran.exitCode == 2)
        #expect(ran.error == "add the line\n")
        #expect(request(server.asked[0].body)?.milliseconds == 2_000)
        #expect(clients.begun.withLock { $0.isEmpty })
    }

    @Test func `with nobody to be asked it takes a yes`() async throws {
        // Tests have no terminal; where they do, the answer is not "y".
        guard isatty(STDIN_FILENO) == 0 else { return }
        let (clients, server) = (FakeClients(), FakeServer(try order(.kill)))
        let ran = await drill(["--kind", "kill", "--interface", "eth1"], clients, server)
        #expect(ran.exitCode == 2)
        #expect(ran.error.contains("--yes"))
        #expect(clients.begun.withLock { $0.isEmpty })
    }

    @Test func `an interface that cannot be guessed is asked for`() async throws {
        let far = network.replacingOccurrences(of: "10.0.0.0/24", with: "10.9.0.0/24")
        let ran = await drill(["--kind", "kill", "--yes"], FakeClients(), FakeServer(.json(far)))
        #expect(ran.exitCode == 2)
        #expect(ran.error.contains("no interface of this machine has an address in lab. Name the one"))
    }

    @Test(arguments: [
        ["--kind", "fire"], ["--kind", "kill", "--rate", "5"], ["--kind", "kill", "--clients", "100000"],
        ["--kind", "silence", "--pause", "11"], ["--kind", "kill", "--seconds", "1"], [],
    ])
    func `wrong numbers are wrong before anything is asked`(arguments: [String]) {
        #expect(throws: (any Error).self) { try DrillCommand.parse(["lab"] + arguments) }
    }
}
