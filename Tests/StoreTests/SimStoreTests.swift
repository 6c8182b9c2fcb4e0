// SPDX-License-Identifier: Apache-2.0

import Ports
import Simulation
import Testing

/// The faults that a test can order.
@Suite struct SimStoreTests {
    private let full = StoreError.full("simulated")
    private let lost = StoreError.unavailable("simulated")

    @Test func theNextCommitsFailAsOrdered() async throws {
        let store = try SimStore()
        store.inject(.fail(full), commits: 2)
        store.inject(.fail(lost))
        await #expect(throws: full) { try await store.put(["a": "1"]) }
        await #expect(throws: full) { try await store.put(["a": "2"]) }
        await #expect(throws: lost) { try await store.put(["a": "3"]) }
        #expect(try await store.keys() == [])
        #expect(try await store.put(["a": "4"]) == Revision(1))
    }

    @Test func anAnswerCanBeLost() async throws {
        let store = try SimStore()
        let changes = try await store.changes(prefix: "", after: .none)
        store.inject(.loseAnswer(lost))
        await #expect(throws: lost) { try await store.put(["a": "1"]) }
        #expect(try await store.text("a") == "1")
        #expect(await changes.first(1).map(\.line) == ["1: a=1"])
    }

    @Test func commitsCanBeHeld() async throws {
        let store = try SimStore()
        store.inject(.hold)
        async let first = store.put(["a": "1"])
        try await waiting(store, 1)
        async let second = store.put(["a": "2"])
        try await waiting(store, 2)
        #expect(try await store.keys() == [])
        store.release()
        #expect(try await first == Revision(1))
        #expect(try await second == Revision(2))
        #expect(store.heldCount == 0)
        #expect(try await store.put(["a": "3"]) == Revision(3))
    }

    @Test func aCrashTakesWhatWasHeldWithIt() async throws {
        let disk = SimDisk()
        let store = try SimStore(disk: disk)
        try await store.put(["a": "1"])
        store.inject(.hold)
        let held = Task { try await store.put(["a": "2"]) }
        try await waiting(store, 1)
        store.crash()
        await #expect(throws: StoreError.unavailable("crashed")) { try await held.value }
        let next = try SimStore(disk: disk)
        #expect(try await next.text("a") == "1")
    }

    @Test func aStoreCanBeDown() async throws {
        let store = try SimStore()
        let changes = try await store.changes(prefix: "", after: .none)
        store.setDown(lost)
        await #expect(throws: lost) { try await store.put(["a": "1"]) }
        await #expect(throws: lost) { try await store.read(prefix: "") }
        await #expect(throws: lost) { _ = try await store.changes(prefix: "", after: .none) }
        store.setDown(nil)
        try await store.put(["a": "2"])
        #expect(await changes.first(1).map(\.line) == ["1: a=2"])
    }

    @Test func readersCanBeCutOff() async throws {
        let store = try SimStore()
        let changes = try await store.changes(prefix: "", after: .none)
        try await store.put(["a": "1"])
        store.cutReaders()
        try await store.put(["a": "2"])
        #expect(await changes.untilEnd().map(\.line) == ["1: a=1"])
        #expect(await (try store.changes(prefix: "", after: Revision(1))).first(1).map(\.line) == ["2: a=2"])
    }

    private func waiting(_ store: SimStore, _ count: Int) async throws {
        for _ in 1...1_000 where store.heldCount < count { try await Task.sleep(for: .milliseconds(5)) }
        #expect(store.heldCount == count)
    }
}
