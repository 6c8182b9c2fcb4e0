// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreSQLite

/// What happens on a small file system that fills up, as a transcript. The test mounts it.
struct FullDisk {
    let path: String
    private var filler: String { path + ".filler" }

    func run() async throws {
        var store = try SQLiteStore(path: path)
        var there = 0
        for _ in 1...300 { try await add(20, to: store, &there) }
        // Once over all of them: revisions take a byte more now, and pages have room. Then idle, which brings what is
        // in the log into the database.
        print("with space, records are overwritten: \(await renewals(300, store, there))")
        try await Task.sleep(for: .seconds(1))

        try fill()
        print("without a free byte, records are overwritten: \(await renewals(1_000, store, there))")
        let refusal = await addUntilRefused(store, &there)
        print("a new record is refused: \(Self.name(refusal))")
        let start = ContinuousClock.now
        for _ in 1...50 { try? await add(1_000, to: store, &there) }
        print("refusals are quick: \(start.duration(to: .now) < .seconds(10))")
        print("what was acknowledged is there, and nothing else: \(try await isWhole(store, there))")

        unlink(filler)
        for _ in 1...20 { try await add(20, to: store, &there) }
        print("with space again, new records are taken: \(try await isWhole(store, there))")
        await store.close()
        store = try SQLiteStore(path: path)
        print("after a restart all is there: \(try await isWhole(store, there))")
        await store.close()
    }

    private static func name(_ error: StoreError?) -> String {
        switch error {
        case .full(let why): "full, naming the file: \(why.contains("ondeck.sqlite"))"
        case let error?: "\(error)"
        case nil: "never"
        }
    }

    private func add(_ count: Int, to store: SQLiteStore, _ there: inout Int) async throws(StoreError) {
        _ = try await store.commit(Self.batch(there..<there + count))
        there += count
    }

    private func addUntilRefused(_ store: SQLiteStore, _ there: inout Int) async -> StoreError? {
        for _ in 1...2_000 {
            do throws(StoreError) { try await add(50, to: store, &there) } catch { return error }
        }
        return nil
    }

    /// How many of so many batches were written: far more than the log has room for.
    private func renewals(_ count: Int, _ store: SQLiteStore, _ there: Int) async -> String {
        var written = 0
        for round in 0..<count {
            let first = round * 20 % there
            do throws(StoreError) {
                _ = try await store.commit(Self.batch(first..<first + 20))
                written += 1
            } catch { continue }
        }
        return "\(written) of \(count)"
    }

    private static func batch(_ numbers: Range<Int>) -> StoreBatch {
        StoreBatch(writes: numbers.map { .put(key: "lease/\($0)", value: Array("\($0)".utf8) + Self.padding) })
    }

    private static let padding = [UInt8](repeating: 0x2e, count: 90)

    private func isWhole(_ store: SQLiteStore, _ there: Int) async throws -> Bool {
        let records = try await store.read(prefix: "").records
        return records.count == there
            && records.allSatisfy { $0.value == Array($0.key.dropFirst(6).utf8) + Self.padding }
    }

    private func fill() throws {
        let descriptor = open(filler, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw POSIXError(.EIO) }
        defer { close(descriptor) }
        let block = [UInt8](repeating: 1, count: 4_096)
        while write(descriptor, block, block.count) > 0 {}
    }
}
