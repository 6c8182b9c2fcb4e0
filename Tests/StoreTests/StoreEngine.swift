// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import Simulation
import StoreEtcd
import StoreSQLite
import Testing

/// The engines that must keep the contract.
enum StoreEngine: String, CaseIterable, Sendable {
    case sqlite, simulated, etcd, consul

    /// Several stores may have one place open.
    var isShared: Bool {
        switch self {
        case .sqlite, .simulated: false
        case .etcd, .consul: true
        }
    }

    /// Runs `body` with an empty place of this engine, and removes the place.
    func withPlace(_ body: (any StorePlace) async throws -> Void) async throws {
        switch self {
        case .simulated: try await body(SimulatedPlace())
        case .sqlite: try await withTemporaryFolder { try await body(SQLitePlace(path: $0 + "/ondeck.sqlite")) }
        case .consul: try await ConsulPlace.with(body)
        case .etcd: try await body(EtcdPlace(endpoint: try await EtcdServer.shared().endpoint))
        }
    }

    func withStore(_ body: (any StateStore) async throws -> Void) async throws {
        try await withPlace { place in
            let store = try place.open()
            try await body(store)
            await store.close()
        }
    }
}

/// Where a store keeps its records; it can be opened again.
protocol StorePlace: Sendable {
    func open() throws(StoreError) -> any StateStore
}

struct SQLitePlace: StorePlace {
    let path: String
    func open() throws(StoreError) -> any StateStore { try SQLiteStore(path: path) }
}

struct SimulatedPlace: StorePlace {
    let disk = SimDisk()
    func open() throws(StoreError) -> any StateStore { try SimStore(disk: disk) }
}

/// A corner of the one etcd that all tests of the contract share: revisions grow by others' commits, too.
struct EtcdPlace: StorePlace {
    let endpoint: String
    let prefix = "/contract/\(UUID().uuidString)/"
    func open() throws(StoreError) -> any StateStore {
        try EtcdStore(settings: EtcdSettings(endpoints: [endpoint], prefix: prefix))
    }
}

func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appending(path: "ondeck-store-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}

// MARK: Words for the tests

extension StateStore {
    /// One commit that puts these keys, each with its text.
    @discardableResult
    func put(_ pairs: KeyValuePairs<String, String>, if guards: [StoreGuard] = []) async throws -> Revision {
        let writes = pairs.map { StoreWrite.put(key: $0.key, value: Array($0.value.utf8)) }
        return try await commit(StoreBatch(guards: guards, writes: writes))
    }

    @discardableResult
    func delete(_ keys: String..., if guards: [StoreGuard] = []) async throws -> Revision {
        try await commit(StoreBatch(guards: guards, writes: keys.map { .delete(key: $0) }))
    }

    /// In as many commits as the store needs, one after the other; the revision of each write.
    func commitAll(_ writes: [StoreWrite]) async throws -> [Revision] {
        var revisions: [Revision] = []
        for start in stride(from: 0, to: writes.count, by: operationsPerBatchMax) {
            let part = Array(writes[start..<Swift.min(start + operationsPerBatchMax, writes.count)])
            let revision = try await commit(StoreBatch(writes: part))
            revisions += Array(repeating: revision, count: part.count)
        }
        return revisions
    }

    func changesFromNow(prefix: String = "") async throws -> AsyncStream<StoreChange> {
        try await changes(prefix: prefix, after: read(prefix: prefix).revision)
    }

    func keys(_ prefix: String = "") async throws -> [String] { try await read(prefix: prefix).records.map(\.key) }

    /// The text of one record; nil when there is none.
    func text(_ key: String) async throws -> String? {
        let record = try await read(prefix: key).records.first { Array($0.key.utf8) == Array(key.utf8) }
        return record.map { String(decoding: $0.value, as: UTF8.self) }
    }
}

extension StoreGuard {
    static func absent(_ key: String) -> StoreGuard { StoreGuard(key: key, revision: .none) }
    static func at(_ revision: Revision, _ key: String) -> StoreGuard { StoreGuard(key: key, revision: revision) }
}

extension AsyncStream<StoreChange> {
    /// Exactly so many changes; fewer if the stream ends before, or after a minute.
    func first(_ count: Int) async -> [StoreChange] {
        count > 0 ? await first { changes, _ in changes == count } : []
    }

    /// Up to and with the one that is meant; fewer if the stream ends before, or after a minute.
    func first(upTo isLast: @escaping @Sendable (StoreChange) -> Bool) async -> [StoreChange] {
        await first { _, change in isLast(change) }
    }

    private func first(_ isEnough: @escaping @Sendable (Int, StoreChange) -> Bool) async -> [StoreChange] {
        await withTaskGroup(of: [StoreChange].self) { group in
            group.addTask {
                var changes: [StoreChange] = []
                for await change in self {
                    changes.append(change)
                    if isEnough(changes.count, change) { break }
                }
                return changes
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(60))
                return []
            }
            defer { group.cancelAll() }
            return await group.next() ?? []
        }
    }

    /// Everything until the end, which must come within a minute.
    func untilEnd() async -> [StoreChange] { await first(.max) }
}

extension StoreChange {
    /// "3: a=1 -b"
    var line: String { "\(revision.value): \(text)" }

    /// "a=1 -b"
    var text: String {
        let writes = writes.map { write in
            switch write {
            case .put(let key, let value): "\(key)=\(String(decoding: value, as: UTF8.self))"
            case .delete(let key): "-\(key)"
            }
        }
        return writes.joined(separator: " ")
    }
}
