// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Testing

@testable import CLI

struct WindowCommandTests {
    private static var report: WindowReport {
        func network(_ name: String, _ mode: String, lease: UInt32, bridged: UInt32?, fits: Bool, _ costs: [String])
            -> WindowReport.Network
        {
            WindowReport.Network(
                network: name, mode: mode, leaseSeconds: lease, reserveSeconds: 0, bridgedSeconds: bridged, fits: fits,
                lostPercent: fits ? 0 : 100, costs: costs, availability: "backup-and-rebuild",
                availabilityReason:
                    "Backup and rebuild is enough: one machine can be restored from its backup within 4h.")
        }
        let lost = [
            "The first clients lose their addresses after 30m; in the end every client has.",
            "No machine boots, and no new client gets an address, until the server is back.",
        ]
        var networks = [
            network("hosts", "proxy", lease: 3_600, bridged: nil, fits: true, ["Nothing."]),
            network("lab", "dynamic", lease: 3_600, bridged: 1_800, fits: false, lost),
            network("room2", "dynamic", lease: 3_600, bridged: 1_800, fits: false, lost),
        ]
        for index in [1, 2] {
            (networks[index].leaseSecondsNeeded, networks[index].leaseSecondsAdvised) = (28_800, 86_400)
            networks[index].advice = "A lease of 8h would do, 1d with a margin."
        }
        return WindowReport(outageSeconds: 14_400, storeIsShared: false, networks: networks)
    }

    private func window(_ arguments: [String], _ report: WindowReport = Self.report) async throws -> (Ran, FakeServer) {
        let server = FakeServer(.json(String(decoding: try JSONEncoder().encode(report), as: UTF8.self)))
        return (await run(WindowCommand.self, arguments, at: server.port), server)
    }

    @Test func `a table, then what it costs, networks that lose the same together`() async throws {
        let (ran, server) = try await window(["--outage", "4h"])
        #expect(
            ran.out == """
                If this machine were down for 4h:

                NETWORK  MODE     LEASE  BRIDGES  FITS  LEASE THAT WOULD DO
                hosts    proxy    1h     any      yes   any
                lab      dynamic  1h     30m      NO    8h, better 1d
                room2    dynamic  1h     30m      NO    8h, better 1d

                hosts
                  - Nothing.
                  - Backup and rebuild is enough: one machine can be restored from its backup within 4h.

                lab, room2
                  - The first clients lose their addresses after 30m; in the end every client has.
                  - No machine boots, and no new client gets an address, until the server is back.
                  - A lease of 8h would do, 1d with a margin.
                  - Backup and rebuild is enough: one machine can be restored from its backup within 4h.

                """)
        #expect(server.asked.map(\.line) == ["GET /api/v1/window?outageSeconds=14400"])
        #expect(ran.exitCode == 0)
    }

    @Test func `a shared store, and its reserve`() async throws {
        var report = Self.report
        report.storeIsShared = true
        report.networks[1].reserveSeconds = 3_600
        let (ran, _) = try await window(["--outage", "90m", "lab"], report)
        let lines = ran.out.split(separator: "\n").map(String.init)
        #expect(lines[0] == "If the store were down for 4h, with the nodes up:")
        #expect(lines[1] == "NETWORK  MODE     LEASE  RESERVE  BRIDGES  FITS  LEASE THAT WOULD DO")
        #expect(lines[2] == "lab      dynamic  1h     1h       30m      NO    8h, better 1d")
        #expect(lines.contains("lab"))
        #expect(!lines.contains { $0.contains("room2") })
    }

    @Test(arguments: [("30s", "30"), ("90m", "5400"), ("4h", "14400"), ("2d", "172800"), ("45", "45")])
    func `times are as in a site file`(text: String, seconds: String) async throws {
        let (_, server) = try await window(["--outage", text])
        #expect(server.asked.map(\.target) == ["/api/v1/window?outageSeconds=\(seconds)"])
    }

    @Test func `what cannot be asked`() async throws {
        for wrong in ["0", "4x", "-1s", "", "400d", "99999999999999999999"] {
            #expect(try await window(["--outage", wrong]).0.exitCode == 64)
        }
        #expect(try await window([]).0.exitCode == 64)
        let (ran, _) = try await window(["--outage", "4h", "nowhere"])
        #expect(ran.error == "there is no network nowhere. `ondeck get networks` shows all.\n")
        #expect(ran.exitCode == 1)
    }

    @Test func `JSON is the API's`() async throws {
        let (ran, _) = try await window(["--outage", "4h", "-o", "json"])
        #expect(try JSONDecoder().decode(WindowReport.self, from: Data(ran.out.utf8)) == Self.report)
        let (one, _) = try await window(["--outage", "4h", "-o", "json", Self.report.networks[0].network])
        let only = try JSONDecoder().decode(WindowReport.self, from: Data(one.out.utf8))
        #expect(only.networks == [Self.report.networks[0]], "what was not asked for is not there")
        var empty = Self.report
        empty.networks = []
        #expect(try await window(["--outage", "4h"], empty).0.out == "there are no networks\n")
    }
}
