// SPDX-License-Identifier: Apache-2.0

import Foundation
import Model
import Ports
import StoreEtcd
import Testing

/// etcd as it is when all goes well, and what is said of settings that cannot work.
@Suite struct EtcdStoreTests {
    static func settings(_ members: [EtcdServer], _ change: (inout EtcdSettings) -> Void = { _ in }) -> EtcdSettings {
        var settings = EtcdSettings(endpoints: members.map(\.endpoint))
        change(&settings)
        return settings
    }

    /// Runs `body` with a store, and closes it.
    static func withStore(_ settings: EtcdSettings, _ body: (EtcdStore) async throws -> Void) async throws {
        let store = try EtcdStore(settings: settings)
        do { try await body(store) } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    /// The sentence of the `.unavailable` that `body` must throw.
    static func refusal(_ body: () async throws -> Void) async -> String {
        do { try await body() } catch StoreError.unavailable(let why) { return why } catch { return "\(error)" }
        return "nothing was thrown"
    }

    @Test(arguments: [
        (EtcdSettings(endpoints: []), "no endpoints"),
        (EtcdSettings(endpoints: ["etcd1:2379"]), "etcd1:2379 is not a URL"),
        (EtcdSettings(endpoints: ["http://me:secret@etcd1:2379"]), "etcd1:2379 is not a URL"),
        (EtcdSettings(endpoints: ["https://etcd1:2379/v3"]), "only a host and a port"),
        (EtcdSettings(endpoints: ["http://"]), "only a host and a port"),
        (EtcdSettings(endpoints: ["http://a:1", "http://a:1"]), "named twice"),
        (EtcdSettings(endpoints: ["http://a:1"], prefix: ""), "prefix is empty"),
        (EtcdSettings(endpoints: ["http://a:1"], tls: .init(certificate: "/c")), "needs its key"),
        (EtcdSettings(endpoints: ["https://a:1"], tls: .init(ca: "/no/ca.pem")), "the ca file /no/ca.pem"),
        (
            EtcdSettings(endpoints: ["https://a:1"], tls: .init(certificate: "/no/c.pem", key: "/k")),
            "certificate file /no/c.pem"
        ),
        (EtcdSettings(endpoints: ["http://a:1"], user: "u"), "a user needs a password"),
        (EtcdSettings(endpoints: ["http://a:1"], user: "u", password: ""), "password is empty"),
    ])
    func settingsThatCannotWork(settings: EtcdSettings, sentence: String) async {
        let why = await Self.refusal { _ = try EtcdStore(settings: settings) }
        #expect(why.contains(sentence), "\(why)")
        #expect(!why.contains("secret"))
    }

    @Test func nobodyThere() async throws {
        let settings = EtcdSettings(endpoints: ["http://127.0.0.1:\(try EtcdServer.freePort())"])
        try await Self.withStore(settings) { store in
            for why in [
                await Self.refusal { try await store.put(["a": "1"]) },
                await Self.refusal { _ = try await store.keys() },
                await Self.refusal { _ = try await store.changes(prefix: "", after: .none) },
            ] {
                #expect(why.contains("\(settings.endpoints[0]) cannot be reached: connection refused"), "\(why)")
            }
            let why = await Self.refusal { try await store.put(["a": "1"]) }
            #expect(why.hasSuffix("nothing was written"))
            let status = await store.status()
            #expect(!status.hasQuorum && !status.survivesOneLoss && status.identity.isEmpty && status.engine == "etcd")
            #expect(status.members.map(\.isReachable) == [false])
            #expect(status.alarms.contains { $0.contains("connection refused") })
        }
    }

    /// Dropped without `close`, in the middle of things.
    @Test func aForgottenStoreEndsItsStreams() async throws {
        let server = try await EtcdServer.shared()
        var store: EtcdStore? = try EtcdStore(
            settings: EtcdSettings(endpoints: [server.endpoint], prefix: "/forgotten/"))
        let changes = try #require(try await store?.changesFromNow())
        try await store?.put(["a": "1"])
        #expect(await changes.first(1).map(\.text) == ["a=1"])
        store = nil
        #expect(await changes.untilEnd().map(\.text) == [])
    }

    @Test func aPasswordIsNotPartOfAnyDescription() {
        let settings = EtcdSettings(endpoints: ["http://a:1"], user: "u", password: "hidden")
        #expect(!"\(settings)".contains("hidden") && !String(reflecting: settings).contains("hidden"))
    }

    /// Who is not there is passed over: the commit was never sent.
    @Test func theNextEndpointIsTried() async throws {
        let server = try await EtcdServer.shared()
        let dead = "http://127.0.0.1:\(try EtcdServer.freePort())"
        let settings = EtcdSettings(endpoints: [dead, server.endpoint], prefix: "/next/")
        try await Self.withStore(settings) { store in
            try await store.put(["a": "1"])
            let changes = try await store.changesFromNow()
            try await store.put(["a": "2"])
            #expect(await changes.first(1).map(\.text) == ["a=2"])
            #expect(try await store.text("a") == "2")
            let status = await store.status()
            #expect(status.hasQuorum)
            #expect(status.members.map(\.isReachable) == [false, true])
        }
    }

    @Test func aBatchTooLargeIsABug() async throws {
        let server = try await EtcdServer.shared()
        try await Self.withStore(EtcdSettings(endpoints: [server.endpoint], prefix: "/large/")) { store in
            #expect(store.operationsPerBatchMax == 120)
            #expect(store.isShared)
            let most = (0..<120).map { StoreWrite.put(key: "\($0)", value: []) }
            let guards = (0..<120).map { StoreGuard.absent("\($0)") }
            _ = try await store.commit(StoreBatch(guards: guards, writes: most))
            await #expect(throws: StoreError.conflict(key: "0")) {
                try await store.commit(StoreBatch(guards: guards, writes: most))
            }
            let why = await Self.refusal {
                _ = try await store.commit(StoreBatch(writes: most + [.delete(key: "more")]))
            }
            #expect(why.contains("121 operations"), "\(why)")
            let large = await Self.refusal { try await store.put(["a": String(repeating: "x", count: 2 << 20)]) }
            #expect(large.contains("--max-request-bytes") && large.contains("nothing was written"), "\(large)")
        }
    }

    /// Megabytes in few records: read in small pages, told in large messages.
    @Test func largeRecords() async throws {
        let server = try await EtcdServer.shared()
        try await Self.withStore(EtcdSettings(endpoints: [server.endpoint], prefix: "/megabytes/")) { store in
            let before = try await store.read(prefix: "").revision
            let value = [UInt8](repeating: 0x61, count: 200_000)
            for number in 0..<300 {
                let writes = [StoreWrite.put(key: "k\(1_000 + number)", value: number < 60 ? value : [1])]
                _ = try await store.commit(StoreBatch(writes: writes))
            }
            let records = try await store.read(prefix: "k").records
            #expect(records.map(\.key) == (0..<300).map { "k\(1_000 + $0)" })
            #expect(records.map(\.value.count) == (0..<300).map { $0 < 60 ? 200_000 : 1 })
            let told = try await store.changes(prefix: "k", after: before).first(300)
            #expect(told.map(\.revision) == records.map(\.revision))
        }
    }

    @Test func whatItSaysOfItself() async throws {
        let server = try await EtcdServer.shared()
        try await Self.withStore(EtcdSettings(endpoints: [server.endpoint])) { store in
            let status = await store.status()
            #expect(status.engine.contains(#/^etcd 3\.\d+\.\d+/#), "\(status.engine)")
            #expect(status.identity.count > 8)
            #expect(status.hasQuorum)
            #expect(!status.survivesOneLoss)
            #expect(status.alarms == [])
            let member = try #require(status.members.first)
            #expect(member.name == "shared" && member.endpoint == server.endpoint)
            #expect(member.isReachable && member.isLeader)
            #expect((member.sizeBytes ?? 0) > 0)
            #expect((member.latencyMilliseconds ?? 0) > 0)
        }
    }

    /// etcd forgets: who asks for what is gone is told nothing, and reads again. A delete right at the edge is the one
    /// that etcd itself may leave out.
    @Test func compactionEndsWhatNeedsThePast() async throws {
        try await EtcdServer.with { members in
            try await Self.withStore(Self.settings(members)) { store in
                let first = try await store.put(["a": "1"])
                let second = try await store.put(["a": "2"])
                let following = try await store.changes(prefix: "", after: second)
                let third = try await store.delete("a")
                #expect(await following.first(1).map(\.text) == ["-a"])
                try await members[0].etcdctl("compact", "\(third.value)")
                try await store.put(["a": "4"])
                #expect(await (try store.changes(prefix: "", after: first)).untilEnd().map(\.text) == [])
                #expect(await (try store.changes(prefix: "", after: second)).untilEnd().map(\.text) == [])
                #expect(await (try store.changes(prefix: "", after: third)).first(1).map(\.text) == ["a=4"])
            }
        }
    }

    @Test func aFullQuotaIsFull() async throws {
        try await EtcdServer.with(arguments: ["--quota-backend-bytes", "\(8 << 20)"]) { members in
            try await Self.withStore(Self.settings(members)) { store in
                let megabyte = [UInt8](repeating: 7, count: 1 << 20)
                var refusal: StoreError?
                for number in 1...20 where refusal == nil {
                    do throws(StoreError) {
                        _ = try await store.commit(StoreBatch(writes: [.put(key: "\(number)", value: megabyte)]))
                    } catch { refusal = error }
                }
                guard case .full(let why) = refusal else {
                    Issue.record("\(String(describing: refusal))")
                    return
                }
                #expect(why.contains(members[0].endpoint) && why.contains("etcdctl alarm disarm"), "\(why)")
                #expect(try await store.keys().count > 2)
                #expect(await store.status().alarms == ["etcd: NOSPACE on n1"])

                for key in try await store.keys() { try await members[0].etcdctl("del", "/ondeck/" + key) }
                try await members[0].etcdctl("compact", "\(try await store.read(prefix: "").revision.value)")
                try await members[0].etcdctl("defrag")
                try await members[0].etcdctl("alarm", "disarm")
                try await store.put(["a": "1"])
                #expect(await store.status().alarms == [])
            }
        }
    }
}
