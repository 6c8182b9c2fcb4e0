// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model
import Testing

@Suite struct ChangeReportTests {
    private func report(_ changes: [SiteChange]) -> ChangeReport {
        ChangeReport(
            dryRun: true, revision: nil, changes: changes, unchanged: 3,
            unnamed: [ObjectName(.machine, "old")],
            warnings: [SiteProblem(field: "networks.a.lease", message: "is short")])
    }

    @Test func aChangeSaysWhichFieldsWereWhat() throws {
        let old = try object(
            .network, "a",
            [
                "lease": "1h", "probe": false, "options": ["routers": "10.0.0.1", "domain-name": "a.example"],
                "subnets": [["subnet": "10.0.0.0/24", "pools": ["10.0.0.9"]], ["subnet": "10.0.1.0/24"]],
            ])
        let new = try object(
            .network, "a",
            [
                "lease": "30m", "interface": "eth1", "options": ["routers": ["10.0.0.1", "10.0.0.2"]],
                "subnets": [["subnet": "10.0.0.0/24", "pools": ["10.0.0.9", "10.0.0.10"]]],
            ])
        let report = report([.changed(from: old, to: new)])
        #expect(report.changes.map(\.action) == [.changed])
        let fields = report.changes[0].fields.map { "\($0.field): \(spoken($0.old)) -> \(spoken($0.new))" }
        #expect(
            fields == [
                "probe: false -> default",
                "options.routers: [10.0.0.1] -> [10.0.0.1, 10.0.0.2]",
                "options.domain-name: a.example -> default",
                "subnets[0].pools: [10.0.0.9] -> [10.0.0.9, 10.0.0.10]",
                "subnets[1]: { subnet: 10.0.1.0/24 } -> default",
                "interface: default -> eth1",
                "lease: default -> 30m",
            ])
    }

    private func spoken(_ value: FieldValue?) -> String { value?.description ?? "default" }

    @Test func whatComesAndGoesIsNamed() throws {
        let report = report([
            .created(.machine(Machine(name: "web1"))), .deleted(.template(Template(name: "motd", text: "x"))),
        ])
        #expect(
            report.changes == [
                ChangeReport.Object(action: .created, kind: "machine", name: "web1"),
                ChangeReport.Object(action: .deleted, kind: "template", name: "motd"),
            ])
        #expect(report.unchanged == 3)
        #expect(report.unnamed == [ChangeReport.Name(kind: "machine", name: "old")])
        #expect(report.warnings == [FieldError(field: "networks.a.lease", message: "is short")])
    }
}
