// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreSQLite

/// What happens on a small file system that fills up, as a transcript. The test mounts it.
struct FullDisk {
    let path: String
    private var filler: String { path + ".filler" }

    func run() async throws {
        try fill(bytes: 1 << 20)
        var store = try SQLiteStore(path: path)
        var there = 0
        let refusal = await addUntilRefused(store, &there)
        print("a commit is refused: \(Self.name(refusal))")
        let first = try await store.read(prefix: "")
        print("what was acknowledged is there: \(there > 100 && Self.isWhole(first, there))")
        let start = ContinuousClock.now
        for _ in 1...50 { _ = try? await store.commit(Self.batch(there..<there + 50)) }
        print("refusals are quick: \(start.duration(to: .now) < .seconds(5))")
        print("nothing is half there: \(Self.isWhole(try await store.read(prefix: ""), there))")

        unlink(filler)
        for _ in 1...20 {
            _ = try await store.commit(Self.batch(there..<there + 50))
            there += 50
        }
        print("with space again, commits go on: \(Self.isWhole(try await store.read(prefix: ""), there))")

        // Idle: the log is copied into the database, which then has room for every record there is.
        try await Task.sleep(for: .seconds(1))
        try fill(bytes: .max)
        let renewals = await renew(store, there)
        print("without a free byte, records can be overwritten: \(renewals == 1_000 ? "always" : "\(renewals)")")
        unlink(filler)
        await store.close()

        store = try SQLiteStore(path: path)
        print("after a restart all is there: \(Self.isWhole(try await store.read(prefix: ""), there))")
        await store.close()
    }

    private static func name(_ error: StoreError?) -> String {
        switch error {
        case .full(let why): "full, naming the file: \(why.contains("ondeck.sqlite"))"
        case let error?: "\(error)"
        case nil: "never"
        }
    }

    private func addUntilRefused(_ store: SQLiteStore, _ there: inout Int) async -> StoreError? {
        for _ in 1...2_000 {
            do throws(StoreError) { _ = try await store.commit(Self.batch(there..<there + 50)) } catch { return error }
            there += 50
        }
        return nil
    }

    /// Far more than the log has room for. How many batches were written.
    private func renew(_ store: SQLiteStore, _ there: Int) async -> Int {
        var written = 0
        for round in 0..<1_000 {
            let first = round * 50 % (there - 50)
            do throws(StoreError) {
                _ = try await store.commit(Self.batch(first..<first + 50))
                written += 1
            } catch { continue }
        }
        return written
    }

    private static func batch(_ numbers: Range<Int>) -> StoreBatch {
        StoreBatch(writes: numbers.map { .put(key: "lease/\($0)", value: Array("\($0)".utf8) + Self.padding) })
    }

    private static let padding = [UInt8](repeating: 0x2e, count: 90)

    private static func isWhole(_ snapshot: StoreSnapshot, _ there: Int) -> Bool {
        snapshot.records.count == there
            && snapshot.records.allSatisfy { $0.value == Array($0.key.dropFirst(6).utf8) + padding }
    }

    /// Until the disk is full, or so many bytes.
    private func fill(bytes: Int) throws {
        let descriptor = open(filler, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw POSIXError(.EIO) }
        defer { close(descriptor) }
        let block = [UInt8](repeating: 1, count: 4_096)
        var written = 0
        while written < bytes, write(descriptor, block, block.count) > 0 { written += block.count }
    }
}
