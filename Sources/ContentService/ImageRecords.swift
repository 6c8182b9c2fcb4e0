// SPDX-License-Identifier: Apache-2.0

import Engine
import Model
import Ports

/// Guarded writes of images' records.
struct ImageRecords: Sendable {
    let store: any StateStore
    private static let pauseMilliseconds: Int64 = 100

    /// Reads the record, has it changed, and writes it if it is still the one that was read; else again. Throws what
    /// `change` throws, and `.store`. `beside`: what must become true in the same instant.
    func update(
        _ image: String, attempts: Int, beside: [StoreWrite] = [],
        _ change: (ImageRecord?) throws(ImportFault) -> ImageRecord
    ) async throws(ImportFault) -> ImageRecord {
        let key = StoreKeys.content(image)
        return try await retry(attempts) { () async throws(ImportFault) -> Attempt<ImageRecord> in
            switch await read(image) {
            case .failure(let error): return .again(error)
            case .success(let (old, revision)):
                let new = try change(old)
                guard new != old else { return .done(new) }
                let batch = StoreBatch(
                    guards: [StoreGuard(key: key, revision: revision)],
                    writes: beside + [.put(key: key, value: ImageRecordText.encode(new))])
                return await commit(batch).map { .again($0) } ?? .done(new)
            }
        }
    }

    /// Removes the record, and returns what it was. Throws `.missing` and `.store`.
    func remove(_ image: String) async throws(ImportFault) -> ImageRecord {
        let key = StoreKeys.content(image)
        return try await retry(8) { () async throws(ImportFault) -> Attempt<ImageRecord> in
            switch await read(image) {
            case .failure(let error): return .again(error)
            case .success((nil, _)): throw .missing
            case .success((let old?, let revision)):
                let batch = StoreBatch(
                    guards: [StoreGuard(key: key, revision: revision)], writes: [.delete(key: key)])
                return await commit(batch).map { .again($0) } ?? .done(old)
            }
        }
    }

    private enum Attempt<Value> {
        case done(Value)
        case again(StoreError)
    }

    private func retry<Value>(
        _ attempts: Int, _ attempt: () async throws(ImportFault) -> Attempt<Value>
    ) async throws(ImportFault) -> Value {
        var last = StoreError.withoutWrites
        for _ in 0..<attempts {
            switch try await attempt() {
            case .done(let value): return value
            case .again(let error): last = error
            }
            try? await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
            guard !Task.isCancelled else { throw .stopped }
        }
        throw .store(Self.sentence(last))
    }

    private func commit(_ batch: StoreBatch) async -> StoreError? {
        do throws(StoreError) {
            _ = try await store.commit(batch)
            return nil
        } catch { return error }
    }

    /// A record that cannot be read is replaced.
    private func read(_ image: String) async -> Result<(ImageRecord?, Revision), StoreError> {
        let key = StoreKeys.content(image)
        do throws(StoreError) {
            let record = try await store.read(prefix: key).records.first { $0.key == key }
            guard let record else { return .success((nil, .none)) }
            return .success((try? ImageRecordText.decode(record.value, name: image), record.revision))
        } catch { return .failure(error) }
    }

    private static func sentence(_ error: StoreError) -> String {
        switch error {
        case .conflict: "somebody else is changing the image again and again"
        case .full(let reason): "the store is full: \(reason)"
        case .unavailable(let reason): "the store does not answer: \(reason)"
        case .corrupt(let reason): "the store cannot be read: \(reason)"
        }
    }
}
