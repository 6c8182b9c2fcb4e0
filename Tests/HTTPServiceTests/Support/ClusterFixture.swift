// SPDX-License-Identifier: Apache-2.0

import APITypes
import Model

@testable import HTTPService

extension FakeEngine {
    /// Two nodes on an etcd that cannot lose a member, and a site of two networks.
    var clusterCalls: ClusterCalls {
        ClusterCalls(
            show: { Self.cluster },
            handOver: { network, node in
                guard network == "lab" else { return .failure(.notFound("there is no network \(network)")) }
                guard node == "b" else {
                    return .failure(Problem(title: "conflict", status: 409, detail: "\(node) is not alive"))
                }
                return .success(HandoverReport(network: network, from: "a", to: node, epoch: 8, milliseconds: 143))
            },
            drill: { network, request in
                guard network == "lab" else { return .failure(.notFound("there is no network \(network)")) }
                guard request.kind == .handover else {
                    return .failure(Problem(title: "refused", status: 403, detail: "a allows no drill"))
                }
                return .success(DrillOrderReport(network: network, kind: .handover, node: "a", successor: "b"))
            },
            drillEnded: { network, _ in
                network == "lab" ? .success(()) : .failure(.notFound("there is no network \(network)"))
            },
            drain: { node, drain in
                .success(DrainReport(node: node, drain: drain, networksHeld: drain ? ["lab"] : []))
            },
            acceptRestored: { .success(AcceptRestoredReport(networks: ["lab"])) },
            window: { WindowReport(site: Self.site, outageSeconds: $0, isShared: false) })
    }

    private static var site: Site {
        var (site, lab, hosts) = (Site(), Network(name: "lab"), Network(name: "hosts"))
        lab.leaseSeconds = 3_600
        hosts.mode = .proxy
        for network in [lab, hosts] { site.set(.network(network)) }
        return site
    }

    private static var cluster: ClusterReport {
        let nodes = ["a", "b"].map { name in
            ClusterReport.Node(
                name: name, life: "alive", intent: "serving", startedAt: "2026-01-01T00:00:00Z",
                peerAddress: "10.0.0.1:8067", version: "0.1.0")
        }
        var network = ClusterReport.Network(name: "lab", mode: "dynamic")
        network.holder = "a"
        return ClusterReport(
            node: "a", isCutOff: false,
            store: .init(engine: "etcd 3.5.13", hasQuorum: true, survivesOneLoss: false), nodes: nodes,
            networks: [network], revision: 9, clusterTime: "2026-01-01T00:00:00.000Z")
    }
}
