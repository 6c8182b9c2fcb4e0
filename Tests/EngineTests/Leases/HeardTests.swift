// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Synchronization
import Testing
import Wire

@testable import Engine

/// What a node tells the others about the clients that it hears.
@Suite struct HeardTests {
    /// A holder that answers repetitions from memory hears no less than the nodes that answer nobody. Found with real
    /// nodes: the one up to bat was taken for deaf as soon as all clients only repeated themselves.
    @Test func aRepetitionThatIsAnsweredFromMemoryWasHeard() async throws {
        let bench = try await Workbench()
        try await bench.running {
            try await bench.makeNetwork()
            bench.engine.state.withLock { $0.isShared = true }
            for count: UInt64 in 1...3 {
                #expect(bench.receive(packet(1, .discover)).reply?.messageType == .offer)
                #expect(bench.engine.heardCounts == ["rack": count])
            }
            _ = bench.receive(select(1, IPv4Address(10, 1, 0, 100)))
            #expect(bench.engine.heardCounts == ["rack": 3])
        }
    }

    @Test func aRequestThatIsDecidedAgainWasHeardOnce() async throws {
        let bench = try await Workbench()
        try await bench.running {
            try await bench.makeNetwork()
            bench.engine.state.withLock { $0.isShared = true }
            let held = try #require(bench.engine.state.withLock { $0.terms["rack"] })
            bench.engine.rest("rack")
            #expect(bench.receive(packet(2, .discover)).isNothing)
            #expect(bench.engine.heardCounts == ["rack": 1])
            bench.engine.serve(held)
            #expect(bench.replies.map(\.messageType) == [.offer])
            #expect(bench.engine.heardCounts == ["rack": 1])
        }
    }
}
