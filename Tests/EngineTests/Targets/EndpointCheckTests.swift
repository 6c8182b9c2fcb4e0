// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Model
import Testing

@testable import Engine

/// What an operator is told of endpoints that do not answer when they are named.
@Suite struct EndpointCheckTests {
    @Test func eachIsAskedOnceAndSaysWhatIsWrong() {
        let (works, fails, silent) = (
            ProbeServer(http: .works), ProbeServer(http: .status(503)), ProbeServer(http: .silent)
        )
        let closed = ProbeServer(http: .works)
        closed.kill()
        defer { for server in [works, fails, silent] { server.kill() } }
        func url(_ server: ProbeServer) -> String { "http://127.0.0.1:\(server.port)" }
        let clock = Clock()
        let begin = clock.uptime()
        let found = EndpointCheck.faults(
            [works, fails, silent, closed].map(url) + ["https://127.0.0.1:1", "http://no-such-name.invalid"],
            clock: clock)
        #expect(clock.uptime().millisecondsSince(begin) < Limits.endpointCheckMilliseconds + 1_000)
        #expect(found[url(works)] == nil)
        #expect(found[url(fails)] == "status 503")
        #expect(found[url(silent)] == "no answer")
        #expect(found[url(closed)] == "connection refused")
        #expect(found["https://127.0.0.1:1"] == nil, "nobody here can judge it")
        #expect(found["http://no-such-name.invalid"]?.contains("no-such-name.invalid") == true)
    }

    @Test func whatIsWatchedIsKnownAndIsNotAskedAgain() async throws {
        let balancer = ProbeServer(http: .works)
        let url = "http://127.0.0.1:\(balancer.port)"
        let bench = TargetBench(site: TargetBench.site { $0.endpoints = [.url(url), .nodes] })
        try await bench.running { () async throws in
            #expect(try await bench.settled())
            balancer.become(.status(500))
            #expect(try await bench.reaches { bench.service.table.failing[url] != nil })
            #expect(await bench.service.endpointFaults([url]) == [url: "status 500"])
            #expect(await bench.service.endpointFaults([]).isEmpty, "it was not asked about")
        }
        balancer.kill()
    }

    @Test func applyWarnsAndAppliesAllTheSame() async throws {
        let bench = try await Workbench()
        let server = ProbeServer(http: .works)
        server.kill()
        let url = "http://127.0.0.1:\(server.port)"
        let targets = TargetBench().service
        let sites = SiteService(
            store: bench.store, cache: bench.cache, timeline: bench.timeline,
            endpointFaults: { await targets.endpointFaults($0) })
        var network = Workbench.network
        network.endpoints = [.url(url), .nodes]
        let (object, endpoints) = (SiteObject.network(network), network.endpoints)
        try await bench.running { () async throws in
            for dryRun in [true, false] {
                let report = try await sites.apply([object], prune: false, dryRun: dryRun)
                #expect(report.changes.count == 1)
                #expect(
                    report.warnings.map(\.description) == [
                        "networks.rack.endpoints[0]: \(url) does not answer now: connection refused"
                    ])
            }
            #expect(bench.cache.site.networks["rack"]?.endpoints == endpoints)
        }
    }
}
