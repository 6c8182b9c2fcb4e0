// SPDX-License-Identifier: Apache-2.0

import Logging
import Model
import Ports
import Simulation
import Synchronization
import Testing

@testable import Engine

/// A node that is ordered to suffer, with the store in which the order lies.
private final class Ordered: Sendable {
    let store: SimStore
    let faults = Mutex<[DrillTarget.Fault]>([])
    let timeline: Timeline
    let clock = Clock { Clock.Reading(wall: 1_700_000_000_000, steady: 5_000) }
    static let run = NodeRun(node: "a", incarnation: 7)

    init() throws {
        store = try SimStore()
        timeline = Timeline(clock: clock, logger: Logger(label: "test"))
    }

    func target(isAllowed: Bool = true) -> DrillTarget {
        DrillTarget(
            run: Self.run, isAllowed: isAllowed, store: store, clock: clock, timeline: timeline,
            calls: .init(
                serves: { $0 == "lab" }, suffer: { fault in self.faults.withLock { $0.append(fault) } }))
    }

    func order(_ kind: DrillKind = .kill, _ change: (inout DrillRecord) -> Void = { _ in }) -> DrillRecord {
        var record = DrillRecord(
            at: clock.now(), number: 99, incarnation: 7, kind: kind, network: "lab", milliseconds: 3_000, state: .asked)
        change(&record)
        return record
    }

    /// Writes the order, has the target take it, and says what then stands there.
    func give(_ record: DrillRecord, isAllowed: Bool = true) async throws -> DrillRecord {
        let revision = try await store.commit(
            StoreBatch(writes: [.put(key: StoreKeys.drill("a"), value: record.encode())]))
        target(isAllowed: isAllowed).take(record.encode(), revision: revision)
        return try DrillRecord.decode(try #require(await stored))
    }

    var stored: [UInt8]? {
        get async throws { try await store.read(prefix: StoreKeys.drill("a")).records.first?.value }
    }
    var suffered: [DrillTarget.Fault] { faults.withLock { $0 } }
    var texts: [String] { timeline.events(after: 0).map(\.text) }
}

@Suite struct DrillTargetTests {
    @Test func `a record is read as it was written`() throws {
        let record = DrillRecord(
            at: Instant(milliseconds: 1_763_800_000_123), number: .max, incarnation: 1, kind: .silence,
            network: "räume 2", milliseconds: 10_000, state: .refused, reason: "add \"drill: allowed\"\nto it")
        #expect(try DrillRecord.decode(record.encode()) == record)
        #expect(!record.encode().contains(10))
        #expect(throws: RecordError.self) { try DrillRecord.decode(Array("1\t1\t2\t3\tfire\tlab\t0\tasked\t-".utf8)) }
        #expect(throws: RecordError.self) { try DrillRecord.decode([]) }
    }

    @Test func `it is done when, and only when, yes has been written`() async throws {
        let node = try Ordered()
        #expect(try await node.give(node.order()).state == .accepted)
        #expect(node.suffered == [.kill])
        #expect(node.texts == ["drill: this process ends now, as by SIGKILL"])
        #expect(try await node.give(node.order(.silence)).state == .accepted)
        #expect(node.suffered == [.kill, .pause(milliseconds: 3_000)])

        let deaf = try Ordered()
        deaf.store.inject(.fail(.unavailable("gone")), commits: 1)
        let revision = Revision(1)
        deaf.target().take(deaf.order().encode(), revision: revision)
        #expect(deaf.suffered.isEmpty)
    }

    @Test func `an order that was changed or taken back meanwhile is not carried out`() async throws {
        let node = try Ordered()
        let record = node.order()
        let revision = try await node.store.commit(
            StoreBatch(writes: [.put(key: StoreKeys.drill("a"), value: record.encode())]))
        _ = try await node.store.commit(StoreBatch(writes: [.delete(key: StoreKeys.drill("a"))]))
        node.target().take(record.encode(), revision: revision)
        #expect(node.suffered.isEmpty)
        #expect(try await node.stored == nil)
    }

    @Test func `who is not allowed to says so, with the line that would`() async throws {
        let node = try Ordered()
        let answer = try await node.give(node.order(), isAllowed: false)
        #expect(answer.state == .refused)
        #expect(answer.reason.contains("add the line \"drill: allowed\" to its ondeck.yaml"))
        #expect(node.suffered.isEmpty)
        #expect(node.texts.first?.hasPrefix("drill: a kill was refused: node a allows no drill") == true)
    }

    @Test func `a question is only answered`() async throws {
        let node = try Ordered()
        #expect(try await node.give(node.order { $0.state = .asking }).state == .accepted)
        #expect(try await node.give(node.order { $0.state = .asking }, isAllowed: false).state == .refused)
        #expect(node.suffered.isEmpty)
    }

    @Test func `another network's, and too long, is refused`() async throws {
        let node = try Ordered()
        #expect(try await node.give(node.order { $0.network = "room" }).reason == "node a is not up to bat for room")
        #expect(try await node.give(node.order(.silence) { $0.milliseconds = 10_001 }).state == .refused)
        #expect(try await node.give(node.order(.handover)).state == .refused)
        #expect(node.suffered.isEmpty)
    }

    /// What a restart finds, and answers: nothing is done, and nothing written.
    @Test func `an old order, another process's, and an answer are nobody's`() async throws {
        let node = try Ordered()
        let old = node.order { $0.at = $0.at.adding(milliseconds: -Limits.drillOrderMillisecondsMax - 1) }
        let other = node.order { $0.incarnation = 8 }
        let answered = node.order { $0.state = .accepted }
        for record in [old, other, answered] { #expect(try await node.give(record) == record) }
        #expect(node.suffered.isEmpty)
        node.target().take(Array("nonsense".utf8), revision: Revision(1))
        #expect(node.suffered.isEmpty)
    }
}
