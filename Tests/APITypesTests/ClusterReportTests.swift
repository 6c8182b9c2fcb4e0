// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Model
import Testing

@Suite struct ClusterReportTests {
    private func keys(_ value: some Encodable) throws -> [String] {
        let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(value)) as? [String: Any]
        return (object ?? [:]).keys.sorted()
    }

    /// Scripts live on these names.
    @Test func theNamesOfTheFields() throws {
        var node = ClusterReport.Node(
            name: "a", life: "alive", intent: "serving", startedAt: "2026-01-01T00:00:00Z",
            peerAddress: "10.0.0.1:8067",
            version: "0.1.0")
        node.networksHeld = ["lab"]
        var network = ClusterReport.Network(name: "lab", mode: "dynamic")
        (network.holder, network.since, network.cause) = ("a", "2026-01-01T00:00:00Z", TermCause.start.sentence)
        (network.epoch, network.desired) = (7, "a")
        let member = ClusterReport.Store.Member(
            name: "n1", endpoint: "https://n1:2379", reachable: true, leader: true, latencyMilliseconds: 0.5,
            sizeBytes: 9)
        let report = ClusterReport(
            node: "a", isCutOff: false,
            store: .init(engine: "etcd", members: [member], hasQuorum: true, survivesOneLoss: false), nodes: [node],
            networks: [network], revision: 9, clusterTime: "2026-01-01T00:00:00.000Z")
        #expect(
            try keys(report) == [
                "clusterTime", "isCutOff", "networks", "node", "nodes", "ready", "revision", "store",
            ])
        #expect(try keys(report.store) == ["alarms", "engine", "hasQuorum", "identity", "members", "survivesOneLoss"])
        #expect(
            try keys(member) == ["endpoint", "latencyMilliseconds", "leader", "name", "reachable", "sizeBytes"])
        #expect(
            try keys(node) == [
                "appliedRevision", "clockOffsetMilliseconds", "deafNetworks", "intent", "lagRevisions",
                "lastSeenMilliseconds", "life", "name", "networksHeld", "peerAddress", "startedAt", "version",
            ])
        #expect(
            try keys(network) == [
                "cause", "desired", "epoch", "holder", "mode", "name", "preferred", "servingHere", "since",
            ])
        #expect(
            try keys(ClusterReport.Network(name: "x", mode: "static")) == ["mode", "name", "preferred", "servingHere"])
        #expect(try keys(report.ready) == ["reasons", "safe"])
        #expect(try JSONDecoder().decode(ClusterReport.self, from: JSONEncoder().encode(report)) == report)
    }

    /// A report that nobody judged is no good news.
    @Test func notJudgedIsNotSafe() {
        let report = ClusterReport(
            node: "a", isCutOff: false, store: .init(engine: "x", hasQuorum: true, survivesOneLoss: true), nodes: [],
            networks: [], revision: 0, clusterTime: "")
        #expect(!report.ready.safe)
    }

    @Test(arguments: TermCause.allCases)
    func everyCauseIsASentence(cause: TermCause) {
        #expect(cause.sentence.contains(" ") && cause.sentence.count < 45)
    }
}

@Suite struct RoughTimeTests {
    @Test(arguments: [
        (-5, "0s"), (0, "0s"), (1, "1s"), (59, "59s"), (60, "1m"), (150, "2m 30s"), (3_599, "59m 59s"), (3_600, "1h"),
        (3_605, "1h"), (5_395, "1h 29m"), (86_399, "23h 59m"), (86_400, "1d"), (273_600, "3d 4h"),
    ])
    func twoUnits(seconds: Int64, text: String) { #expect(RoughTime.text(seconds: seconds) == text) }
}
