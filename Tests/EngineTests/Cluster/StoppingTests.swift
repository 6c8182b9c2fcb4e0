// SPDX-License-Identifier: Apache-2.0

import Decisions
import Ports
import Testing

@testable import Engine

/// The store may go before a node that stops: then nobody waits for it here.
@Suite struct StoppingTests {
    private static let error = StoreError.unavailable("etcd at http://10.0.0.1:2379: the client connection is closing")

    @Test func aStoreThatGoesIsAnError() async throws {
        let bench = try await Workbench()
        bench.engine.storeFails(Self.error)
        #expect(bench.timeline.events(after: 0).map(\.level) == [.error])
    }

    @Test func unlessThisNodeStops() async throws {
        let bench = try await Workbench()
        bench.node.handle(.stopping)
        let before = bench.timeline.events(after: 0).count
        bench.engine.storeFails(Self.error)
        let told = bench.timeline.events(after: 0).dropFirst(before)
        #expect(told.map(\.level) == [.info])
        #expect(told.first?.text.hasPrefix("the store takes no writes while this node stops: ") == true)
    }
}
