// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Simulation
import Testing
import Wire

@testable import Engine

@Suite struct OverloadTests {
    /// Each dropped packet is counted and in the timeline; the log has one line for all that come together.
    @Test func tooMuchIsToldOnceAndNotForEachPacket() async throws {
        let bench = try await Workbench()
        try await bench.running {
            try await bench.makeNetwork()
            _ = try await bench.holdOneCommit()
            let lease = Lease(
                address: IPv4Address("10.1.0.150")!, state: .bound, identity: .mac(MACAddress(bits: 1)),
                mac: MACAddress(bits: 1), since: bench.engine.clock.now(), until: bench.engine.clock.now())
            for _ in 0..<Limits.commitQueueForNewClientsMax {
                bench.engine.delete(lease, network: "rack") { _ in }
            }
            for number in 2...21 { #expect(bench.receive(packet(number, .discover)).isNothing) }
            let drops = bench.timeline.events(after: 0).filter { event in
                if case .dropped(_, .queueFull) = event.detail { true } else { false }
            }
            #expect(drops.count == 20)
            #expect(drops.filter { $0.level == .warning }.count == 1)
            bench.store.release()
            try await bench.until("the ACK left") { bench.replies.count == 1 }
        }
    }
}
