// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Model
import Testing

@testable import HTTPService

struct APIClusterTests {
    @Test func `the cluster is shown with a verdict`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let reply = try RawClient(port: port).call("GET", "/api/v1/cluster")
                #expect(reply.status == 200)
                let report = try reply.decoded(ClusterReport.self)
                #expect(report.nodes.map(\.name) == ["a", "b"])
                #expect(!report.ready.safe)
                #expect(
                    report.ready.reasons == [
                        "the store (etcd 3.5.13) has no quorum to lose: it would not survive a member's failure"
                    ])
            }
        }
    }

    @Test func `a network is handed over, or the reason why not is said`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let path = "/api/v1/cluster/networks/lab/holder"
                let done = try client.call("PUT", path, "{\"node\": \"b\"}")
                #expect(done.status == 200)
                #expect(
                    try done.decoded(HandoverReport.self)
                        == HandoverReport(network: "lab", from: "a", to: "b", epoch: 8, milliseconds: 143))
                #expect(
                    try client.call("PUT", path, "{\"node\": \"c\"}").decoded(Problem.self).detail == "c is not alive")
                #expect(try client.call("PUT", path, "{\"node\": \"c\"}").status == 409)
                let empty = try client.call("PUT", path, "{\"node\": \"\"}")
                #expect(empty.status == 422)
                #expect(try empty.decoded(Problem.self).errors?.first?.field == "node")
                #expect(try client.call("PUT", path, "{}").status == 400)
                #expect(try client.call("PUT", "/api/v1/cluster/networks/x/holder", "{\"node\": \"b\"}").status == 404)
                #expect(try client.call("GET", path)["Allow"] == "PUT")
            }
        }
    }

    @Test func `a fault is rehearsed only where it is safe, unless somebody insists`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let path = "/api/v1/cluster/networks/lab/drill"
                let unsafe = try client.call("POST", path, "{\"kind\": \"handover\"}")
                #expect(unsafe.status == 409)
                #expect(
                    try unsafe.decoded(Problem.self).detail?.hasPrefix("a failure right now would be felt: the store")
                        == true)
                let done = try client.call("POST", path, "{\"kind\": \"handover\", \"force\": true}")
                #expect(
                    try done.decoded(DrillOrderReport.self)
                        == DrillOrderReport(network: "lab", kind: .handover, node: "a", successor: "b"))
                #expect(try client.call("POST", path, "{\"kind\": \"kill\", \"force\": true}").status == 403)
                #expect(try client.call("POST", path, "{\"kind\": \"fire\"}").status == 400)
                #expect(try client.call("POST", path, "{}").status == 400)
                let other = "/api/v1/cluster/networks/x/drill"
                #expect(try client.call("POST", other, "{\"kind\": \"kill\", \"force\": true}").status == 404)
                let outcome = "{\"kind\": \"kill\", \"outcome\": \"kept\", \"gapMilliseconds\": 62.4}"
                #expect(try client.call("PUT", path, outcome).status == 204)
                #expect(try client.call("PUT", other, outcome).status == 404)
                #expect(try client.call("PUT", path, "{\"kind\": \"kill\", \"outcome\": \"good\"}").status == 400)
            }
        }
    }

    @Test func `a node is drained and undrained, and a restored store accepted`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let path = "/api/v1/cluster/nodes/b/drain"
                let drained = try client.call("PUT", path, "{\"drain\": true}").decoded(DrainReport.self)
                #expect(drained == DrainReport(node: "b", drain: true, networksHeld: ["lab"]))
                let back = try client.call("PUT", path, "{\"drain\": false}").decoded(DrainReport.self)
                #expect(back == DrainReport(node: "b", drain: false, networksHeld: []))
                #expect(try client.call("PUT", path, "{\"drain\": \"yes\"}").status == 400)
                let accepted = try client.call("POST", "/api/v1/cluster/accept-restored")
                #expect(try accepted.decoded(AcceptRestoredReport.self).networks == ["lab"])
            }
        }
    }

    @Test func `an outage has its price`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                let report = try client.call("GET", "/api/v1/window?outageSeconds=14400").decoded(WindowReport.self)
                #expect(report.outageSeconds == 14_400)
                #expect(report.networks.map(\.network) == ["hosts", "lab"])
                #expect(report.networks.map(\.fits) == [true, false])
                #expect(report.networks[0].bridgedSeconds == nil)
                let lab = report.networks[1]
                #expect(lab.bridgedSeconds == 1_800)
                #expect(lab.leaseSecondsNeeded == 28_800)
                #expect(lab.leaseSecondsAdvised == 86_400)
                #expect(lab.lostPercent == 100)
                #expect(lab.availability == "backup-and-rebuild")
                #expect(lab.advice != nil && lab.costs.count == 2)
                let usual = try client.call("GET", "/api/v1/window").decoded(WindowReport.self)
                #expect(usual.outageSeconds == Limits.outageSecondsDefault)
                for wrong in ["0", "-1", "4h", "99999999999", ""] {
                    #expect(try client.call("GET", "/api/v1/window?outageSeconds=\(wrong)").status == 400)
                }
            }
        }
    }

    @Test func `none of it is for strangers`() async throws {
        try await withAPIListener(FakeEngine()) { port in
            try await onThread {
                let client = try RawClient(port: port)
                for path in ["/api/v1/cluster", "/api/v1/window"] { #expect(try client.get(path).status == 401) }
                for path in ["cluster/networks/lab/holder", "cluster/networks/lab/drill", "cluster/nodes/b/drain"] {
                    #expect(try client.ask(RawClient.request("PUT", "/api/v1/\(path)", [], body: "{}")).status == 401)
                }
                let accept = RawClient.request("POST", "/api/v1/cluster/accept-restored", [])
                #expect(try client.ask(accept).status == 401)
            }
        }
    }
}
