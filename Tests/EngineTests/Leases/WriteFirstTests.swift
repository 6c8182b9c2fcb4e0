// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Decisions
import Model
import Ports
import Simulation
import Testing
import Wire

@testable import Engine

/// Write first, speak second: what leaves, and when, as the store behaves and misbehaves.
@Suite struct WriteFirstTests {
    @Test func anACKLeavesOnlyWhenItsLeaseIsDurable() async throws {
        let bench = try await Workbench()
        try await bench.running {
            try await bench.makeNetwork()
            let address = try await bench.holdOneCommit()
            #expect(bench.replies.isEmpty)
            #expect(bench.engine.lease(network: "rack", at: address) == nil)
            bench.store.release()
            try await bench.until("the ACK left") { bench.replies.count == 1 }
            #expect(bench.replies[0].messageType == .ack)
            #expect(bench.engine.lease(network: "rack", at: address)?.state == .bound)
        }
    }

    @Test func whileOneBatchIsWrittenTheNextGathers() async throws {
        let bench = try await Workbench()
        try await bench.running {
            try await bench.makeNetwork()
            bench.store.inject(.hold)
            let offers = (1...60).compactMap { bench.receive(packet($0, .discover)).reply?.yourAddress }
            #expect(Set(offers).count == 60)
            _ = bench.receive(select(1, offers[0]))
            try await bench.until("the first is held") { bench.store.heldCount == 1 }
            for number in 2...60 { #expect(bench.receive(select(number, offers[number - 1])).isLater) }
            bench.store.release()
            try await bench.until("all left") { bench.replies.count == 60 }
            let revisions = try await bench.store.read(prefix: StoreKeys.leasePrefix).records.map(\.revision)
            #expect(revisions.count == 60)
            #expect(Set(revisions).count == 2)
        }
    }

    @Test func aRepetitionWaitsForTheSameCommitAndLaterGetsTheSameAnswer() async throws {
        let bench = try await Workbench()
        try await bench.running {
            try await bench.makeNetwork()
            let offer = try #require(bench.receive(packet(1, .discover)).reply)
            bench.store.inject(.hold)
            _ = bench.receive(select(1, offer.yourAddress))
            try await bench.until("held") { bench.store.heldCount == 1 }
            #expect(bench.receive(select(1, offer.yourAddress)).isNothing)
            bench.store.release()
            try await bench.until("left") { bench.replies.count == 1 }
            let before = try await bench.store.read(prefix: "").revision
            #expect(bench.receive(select(1, offer.yourAddress)).reply == bench.replies[0])
            #expect(try await bench.store.read(prefix: "").revision == before)
        }
    }

    @Test func aFullStoreMeansSilenceOneLoudReasonAndServiceWhenSpaceReturns() async throws {
        let bench = try await Workbench()
        try await bench.running {
            try await bench.makeNetwork()
            let offer = try #require(bench.receive(packet(1, .discover)).reply)
            bench.store.inject(.fail(.full("disk full")), commits: 2)
            _ = bench.receive(select(1, offer.yourAddress))
            try await bench.until("refused") {
                bench.engine.storeHealth == .failing(reason: "no space is left (disk full)")
            }
            #expect(bench.receive(packet(50, .discover)).isNothing)
            _ = bench.receive(select(1, offer.yourAddress))
            #expect(bench.replies.isEmpty)
            #expect(bench.engine.lease(network: "rack", at: offer.yourAddress) == nil)
            // Who asked meanwhile is answered when the store works again, without asking once more.
            async let _ = bench.committer.watchStore()
            try await bench.until("answered") { bench.replies.count >= 1 }
            #expect(bench.engine.lease(network: "rack", at: offer.yourAddress)?.state == .bound)
            #expect(bench.engine.storeHealth == .working)
            let loud = bench.timeline.events(after: 0).filter { $0.level == .error }
            #expect(loud.count == 1)
            #expect(loud.first?.text.contains("disk full") == true)
        }
    }

    @Test func aFencedNodeStopsWritingAndSpeaking() async throws {
        let disk = SimDisk()
        let bench = try await Workbench(disk: disk)
        try await bench.running {
            try await bench.makeNetwork()
            let offer = try #require(bench.receive(packet(1, .discover)).reply)
            // Another node takes the term behind our back.
            let key = StoreKeys.term("rack")
            let taken = Term(
                network: "rack", holder: NodeRun(node: "b", incarnation: 7), epoch: Epoch(99), cause: .silent,
                since: Instant(seconds: 1))
            _ = try await bench.store.commit(StoreBatch(writes: [.put(key: key, value: TermRecord.encode(taken))]))
            _ = bench.receive(select(1, offer.yourAddress))
            try await bench.until("fenced") { bench.engine.heldTerms == 0 }
            #expect(bench.replies.isEmpty)
            #expect(try await bench.store.read(prefix: StoreKeys.leasePrefix).records.isEmpty)
            #expect(bench.receive(packet(2, .discover)).isNothing)
        }
    }

    @Test func aRestartKnowsEveryLeaseAndBeginsANewTerm() async throws {
        let disk = SimDisk()
        let first = try await Workbench(disk: disk)
        var address = IPv4Address.any
        try await first.running {
            try await first.makeNetwork()
            let offer = try #require(first.receive(packet(1, .discover)).reply)
            _ = first.receive(select(1, offer.yourAddress))
            try await first.until("left") { first.replies.count == 1 }
        }
        address = first.replies[0].yourAddress
        first.store.crash()
        let expected = address
        let second = try await Workbench(disk: disk)
        try await second.running {
            #expect(second.engine.lease(network: "rack", at: expected)?.state == .bound)
            let term = try await second.store.read(prefix: StoreKeys.termPrefix).records[0]
            let epoch = try TermRecord.decode(term.value, network: "rack").epoch
            #expect(epoch == Epoch(2))
            #expect(
                second.receive(packet(2, .discover) { $0.options.append(.requestedAddress, expected) }).reply?
                    .yourAddress != expected)
            #expect(second.receive(packet(1, .discover)).reply?.yourAddress == expected)
        }
    }

    @Test func explainChangesNothing() async throws {
        let bench = try await Workbench()
        try await bench.running {
            try await bench.makeNetwork()
            let service = ExplainService(
                engine: bench.engine, cache: bench.cache,
                interfaces: {
                    [
                        InterfaceInfo(
                            name: "eth1", index: 2, mac: nil,
                            addresses: [
                                InterfaceAddress(address: IPv4Address("10.1.0.1")!, prefixLength: 24)
                            ])
                    ]
                })
            let before = try await bench.store.read(prefix: "").revision
            let report = try service.explain(.init(mac: "02:00:00:00:00:01"))
            #expect(report.verdict.hasPrefix("OFFER of 10.1.0."))
            #expect(report.steps.first?.question == "network")
            let offered = try #require(bench.receive(packet(1, .discover)).reply)
            #expect(report.verdict == "OFFER of \(offered.yourAddress)")
            #expect(try await bench.store.read(prefix: "").revision == before)
            #expect(bench.engine.leases(network: nil).isEmpty)
        }
    }

    @Test func anOperatorCanTakeALeaseAway() async throws {
        let bench = try await Workbench()
        try await bench.running {
            try await bench.makeNetwork()
            let offer = try #require(bench.receive(packet(1, .discover)).reply)
            _ = bench.receive(select(1, offer.yourAddress))
            try await bench.until("left") { bench.replies.count == 1 }
            let leases = LeaseService(engine: bench.engine, clock: bench.engine.clock)
            #expect(leases.list(network: nil, mac: nil).map(\.address) == ["\(offer.yourAddress)"])
            try await leases.delete(network: "rack", offer.yourAddress)
            #expect(leases.list(network: nil, mac: nil).isEmpty)
            #expect(try await bench.store.read(prefix: StoreKeys.leasePrefix).records.isEmpty)
        }
    }
}
