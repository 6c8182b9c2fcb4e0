// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreEtcd
import Synchronization
import Testing

/// Members that die, freeze and come back, with a reader and a writer who must not notice more than a pause.
@Suite(.serialized) struct EtcdFailoverTests {
    /// Commits until it works, and tells the revision and how long that took. Outcomes may be unknown meanwhile.
    private static func insist(_ store: EtcdStore, _ key: String, _ value: String) async throws -> (Revision, Duration)
    {
        let clock = ContinuousClock()
        let start = clock.now
        while true {
            do throws(StoreError) {
                let write = StoreWrite.put(key: key, value: Array(value.utf8))
                return (try await store.commit(StoreBatch(writes: [write])), clock.now - start)
            } catch {
                guard case .unavailable = error, clock.now - start < .seconds(30) else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test func aWatchOutlivesItsMember() async throws {
        try await EtcdServer.with { members in
            try await EtcdStoreTests.withStore(EtcdStoreTests.settings(members)) { store in
                let changes = try await store.changesFromNow()
                var written = [try await store.put(["a": "1"]), try await store.put(["a": "2"])]
                let told = Task { await changes.first { $0.text == "a=4" } }
                try await Task.sleep(for: .milliseconds(200))
                members[0].end()
                let why = await EtcdStoreTests.refusal { try await store.put(["a": "lost"]) }
                #expect(why.contains(members[0].endpoint), "\(why)")
                try members[0].start(among: members)
                written += [try await Self.insist(store, "a", "3").0, try await store.put(["a": "4"])]
                let revisions = await told.value.map(\.revision)
                // Each once, in order, none left out; "lost" may be among them.
                #expect(revisions.filter(written.contains) == written)
                #expect(zip(revisions, revisions.dropFirst()).allSatisfy { $0 < $1 })
            }
        }
    }

    /// Not answered is not "not written": the words must say so.
    @Test func aFrozenMemberLeavesTheOutcomeUnknown() async throws {
        try await EtcdServer.with { members in
            try await EtcdStoreTests.withStore(EtcdStoreTests.settings(members)) { store in
                try await store.put(["a": "1"])
                members[0].signal(SIGSTOP)
                let clock = ContinuousClock()
                let start = clock.now
                let why = await EtcdStoreTests.refusal { try await store.put(["a": "2"]) }
                #expect(clock.now - start < .seconds(4))
                #expect(why.hasSuffix("no answer in time; whether the batch was written is unknown"), "\(why)")
                let status = await store.status()
                #expect(!status.hasQuorum && status.members.map(\.isReachable) == [false])
                #expect(!status.identity.isEmpty)
                members[0].signal(SIGCONT)
                _ = try await Self.insist(store, "a", "3")
                #expect(try await store.text("a") == "3")
            }
        }
    }

    @Test func theLeaderDies() async throws {
        try await EtcdServer.with(members: 3) { members in
            try await EtcdStoreTests.withStore(EtcdStoreTests.settings(members)) { store in
                let before = await store.status()
                #expect(before.hasQuorum && before.survivesOneLoss)
                #expect(before.members.map(\.name) == ["n1", "n2", "n3"])
                #expect(before.members.filter(\.isLeader).count == 1)
                let changes = try await store.changesFromNow()
                let told = Task { await changes.first { $0.text == "a=last" } }
                var written = [try await store.put(["a": "1"])]

                let leader = try #require(
                    members.first { member in
                        before.members.contains { $0.isLeader && $0.endpoint == member.endpoint }
                    })
                leader.end()
                let (revision, gap) = try await Self.insist(store, "a", "2")
                written.append(revision)
                print("leader killed: commits go on after \(gap)")
                #expect(gap < .seconds(15))
                for number in 3...20 { written.append(try await Self.insist(store, "a", "\(number)").0) }
                let during = await store.status()
                #expect(during.hasQuorum && !during.survivesOneLoss)
                #expect(during.members.filter(\.isReachable).count == 2)
                #expect(during.identity == before.identity)

                try leader.start(among: members)
                try await leader.waitUntilReady()
                written.append(try await Self.insist(store, "a", "last").0)
                let revisions = await told.value.map(\.revision)
                #expect(revisions.filter(written.contains) == written)
                #expect(zip(revisions, revisions.dropFirst()).allSatisfy { $0 < $1 })
                #expect(await store.status().survivesOneLoss)
            }
        }
    }

    /// A member that neither answers nor closes its connections: who watches it must notice soon.
    @Test func aFrozenMemberIsLeft() async throws {
        try await EtcdServer.with(members: 3) { members in
            let seen = try await Self.statuses(members)
            let leaders = seen.filter(\.isLeader).map(\.endpoint)
            let others = members.filter { !leaders.contains($0.endpoint) }
            #expect(leaders.count == 1 && others.count == 2)
            let writer = try EtcdStore(settings: EtcdSettings(endpoints: leaders))
            let reader = try EtcdStore(settings: EtcdStoreTests.settings(others))
            let result = await Self.freeze(others, reader: reader, writer: writer)
            for member in others { member.signal(SIGCONT) }
            await reader.close()
            await writer.close()
            try result.get()
        }
    }

    private static func freeze(
        _ members: [EtcdServer], reader: EtcdStore, writer: EtcdStore
    ) async -> Result<Void, any Error> {
        do {
            // Only the first can answer when the watch begins.
            members[1].signal(SIGSTOP)
            let told = Told(try await reader.changesFromNow())
            try await writer.put(["a": "1"])
            try await told.wait(for: ["a=1"])
            members[1].signal(SIGCONT)
            try await Task.sleep(for: .seconds(1))
            members[0].signal(SIGSTOP)

            let clock = ContinuousClock()
            let start = clock.now
            _ = try await insist(writer, "a", "2")
            try await told.wait(for: ["a=1", "a=2"])
            print("watched member frozen: told by another after \(clock.now - start)")
            #expect(clock.now - start < .seconds(6))
            // The same for commits: one may be given up, the next ones go elsewhere.
            let (_, gap) = try await insist(reader, "a", "3")
            print("asked member frozen: committed by another after \(gap)")
            #expect(gap < .seconds(6))
            try await told.wait(for: ["a=1", "a=2", "a=3"])
            return .success(())
        } catch { return .failure(error) }
    }

    private static func statuses(_ members: [EtcdServer]) async throws -> [StoreStatus.Member] {
        let store = try EtcdStore(settings: EtcdStoreTests.settings(members))
        let status = await store.status()
        await store.close()
        return status.members
    }

    /// What a reader has been told so far.
    private final class Told: Sendable {
        private let texts = Mutex<[String]>([])

        init(_ changes: AsyncStream<StoreChange>) {
            Task { for await change in changes { texts.withLock { $0.append(change.text) } } }
        }

        /// Returns as soon as these are told, which must be within half a minute, and nothing else.
        func wait(for expected: [String]) async throws {
            for _ in 1...3_000 where texts.withLock({ $0.count }) < expected.count {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(texts.withLock { $0 } == expected)
        }
    }
}
