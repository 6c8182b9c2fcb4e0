// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model
import Ports
import Simulation
import Testing

@testable import Engine

/// API writes: all or nothing, idempotent, guarded, and taken in by the change feed alone.
@Suite struct SiteServiceTests {
    private static func machine(_ intent: BootIntent) -> Machine {
        var machine = Machine(name: "web1")
        machine.macs = [MACAddress("52:54:00:12:34:56")!]
        machine.intent = intent
        return machine
    }

    private static let shell = BootEnvironment(name: "tools", kind: .shell)

    @Test func applyingTwiceChangesOnce() async throws {
        let bench = try await Workbench()
        try await bench.running { () async throws in
            let objects: [SiteObject] = [.network(Workbench.network), .machine(Self.machine(.local))]
            let first = try await bench.sites.apply(objects, prune: false, dryRun: false)
            #expect(first.changes.map(\.name) == ["rack", "web1"])
            let second = try await bench.sites.apply(objects, prune: false, dryRun: false)
            #expect(second.changes.isEmpty && second.unchanged == 2 && second.revision == nil)
        }
    }

    @Test func pruningWithAnEmptyDocumentIsRefused() async throws {
        let bench = try await Workbench()
        try await bench.running { () async throws in
            try await bench.makeNetwork()
            await #expect(throws: Problem.self) {
                try await bench.sites.apply([], prune: true, dryRun: false)
            }
            #expect(bench.cache.site.networks.count == 1)
        }
    }

    @Test func aDryRunWritesNothing() async throws {
        let bench = try await Workbench()
        try await bench.running { () async throws in
            let report = try await bench.sites.apply([.network(Workbench.network)], prune: false, dryRun: true)
            #expect(report.changes.count == 1 && report.dryRun)
            #expect(bench.cache.site.networks.isEmpty)
            let stored = try await bench.store.read(prefix: StoreKeys.sitePrefix)
            #expect(stored.records.isEmpty)
        }
    }

    @Test func oneBadObjectRefusesAll() async throws {
        let bench = try await Workbench()
        try await bench.running { () async throws in
            var other = Machine(name: "web2")
            other.intent = .install(environment: "no-such")
            await #expect(throws: Problem.self) {
                try await bench.sites.apply(
                    [.network(Workbench.network), .machine(other)], prune: false, dryRun: false)
            }
            let stored = try await bench.store.read(prefix: StoreKeys.sitePrefix)
            #expect(stored.records.isEmpty)
        }
    }

    @Test func ifMatchIsHonoured() async throws {
        let bench = try await Workbench()
        try await bench.running { () async throws in
            _ = try await bench.sites.put(.machine(Self.machine(.local)), expected: nil)
            let revision = try #require(await bench.sites.get(.machine, "web1")?.revision)
            await #expect(throws: Problem.self) {
                try await bench.sites.put(.machine(Self.machine(.hold)), expected: Revision(revision + 1))
            }
            _ = try await bench.sites.put(.machine(Self.machine(.hold)), expected: Revision(revision))
            #expect(bench.cache.site.machines["web1"]?.intent == .hold)
        }
    }

    @Test func whatIsReferredToCannotBeDeleted() async throws {
        let bench = try await Workbench()
        try await bench.running { () async throws in
            let objects: [SiteObject] = [
                .environment(Self.shell), .machine(Self.machine(.always(environment: "tools"))),
            ]
            _ = try await bench.sites.apply(objects, prune: false, dryRun: false)
            do throws(Problem) {
                _ = try await bench.sites.delete(.environment, "tools", expected: nil)
                Issue.record("deleted what is in use")
            } catch { #expect(error.status == 409) }
            _ = try await bench.sites.delete(.machine, "web1", expected: nil)
            _ = try await bench.sites.delete(.environment, "tools", expected: nil)
            #expect(bench.cache.site == Site())
        }
    }

    @Test func bootingAgainForgetsThatItWasDone() async throws {
        let bench = try await Workbench()
        try await bench.running { () async throws in
            let install = BootIntent.install(environment: "tools")
            _ = try await bench.sites.apply(
                [.environment(Self.shell), .machine(Self.machine(install))], prune: false, dryRun: false)
            var status = BootStatus(machine: "web1", intent: install.description)
            status.doneAt = Instant(seconds: 5)
            try await bench.sites.record(status)
            #expect(bench.cache.status(of: "web1")?.doneAt == Instant(seconds: 5))
            // The same site file again does not install again...
            _ = try await bench.sites.apply([.machine(Self.machine(install))], prune: false, dryRun: false)
            #expect(bench.cache.status(of: "web1")?.doneAt != nil)
            // ...an operator's word does.
            _ = try await bench.sites.boot("web1", install)
            #expect(bench.cache.status(of: "web1") == nil)
        }
    }
}
