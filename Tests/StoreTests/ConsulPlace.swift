// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreConsul

/// Consul as a place that can be opened again.
struct ConsulPlace: StorePlace {
    /// A real agent's address, while the contract runs against one; otherwise each place has a fake of its own.
    @TaskLocal static var agent: String?

    let address: String
    let prefix: String

    func open() throws(StoreError) -> any StateStore {
        try ConsulStore(ConsulSettings(address: address, prefix: prefix, node: "n1"), tuning: .patient)
    }

    static func with(_ body: (any StorePlace) async throws -> Void) async throws {
        if let agent {
            try await body(ConsulPlace(address: agent, prefix: "contract/\(UUID().uuidString)/"))
        } else {
            try await FakeConsul.with { consul in
                try await body(ConsulPlace(address: consul.address, prefix: "ondeck/"))
            }
        }
    }
}

extension ConsulTuning {
    /// Tests share few processors with each other: what a batch waits must not decide over them.
    static var patient: ConsulTuning {
        var tuning = ConsulTuning()
        tuning.commitMilliseconds = 30_000
        return tuning
    }

    /// Heads are old after a moment.
    static var forgetful: ConsulTuning {
        var tuning = patient
        tuning.headIdleMilliseconds = 300
        return tuning
    }
}

extension FakeConsul {
    /// A store whose requests can be told by their token.
    func open(_ token: String, _ tuning: ConsulTuning = .patient) throws(StoreError) -> ConsulStore {
        var settings = ConsulSettings(address: address, node: token)
        settings.token = token
        return try ConsulStore(settings, tuning: tuning)
    }

    /// Runs `body` with a fake and with stores that have these tokens.
    static func with(
        _ tokens: String..., tuning: ConsulTuning = .patient,
        _ body: (FakeConsul, [ConsulStore]) async throws -> Void
    ) async throws {
        try await with { consul in
            let stores = try tokens.map { try consul.open($0, tuning) }
            do { try await body(consul, stores) } catch {
                for store in stores { await store.close() }
                throw error
            }
            consul.order { $0 = Faults() }
            for store in stores { await store.close() }
        }
    }

    /// The keys under "ondeck/", without it.
    func keys(_ prefix: String) -> [String] {
        contents.list(FakeConsulKey("ondeck/" + prefix))
            .map { String(decoding: $0.key.bytes.dropFirst("ondeck/".utf8.count), as: UTF8.self) }
    }
}

extension AsyncStream<StoreChange> {
    /// What came until the end; nil when it does not end within 20 seconds.
    func ended() async -> [String]? {
        await withTaskGroup(of: [String]?.self) { group in
            group.addTask {
                let changes = await reduce(into: [String]()) { $0.append($1.text) }
                return Task.isCancelled ? nil : changes
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(20))
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
