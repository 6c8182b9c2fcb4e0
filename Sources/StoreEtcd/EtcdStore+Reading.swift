// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore
import Ports

extension EtcdStore {
    /// Page by page, all as of the first page's revision. Tries the other endpoints when one does not answer.
    public func read(prefix: String) async throws(StoreError) -> StoreSnapshot {
        let deadline = NIODeadline.now() + .milliseconds(Limits.etcdReadMilliseconds)
        while true {
            do {
                return try await pages(prefix: prefix)
            } catch {
                // Compacted between two pages: from the start, as of now.
                guard case .refused(let why) = error.failure, why.isCompacted, .now() < deadline else {
                    throw error.storeError
                }
            }
        }
    }

    /// What went wrong, and where.
    private struct ReadFailure: Error {
        var failure: EtcdFailure?
        var storeError: StoreError
    }

    private func pages(prefix: String) async throws(ReadFailure) -> StoreSnapshot {
        var snapshot = StoreSnapshot(records: [], revision: .none)
        var next: [UInt8]?
        var limit = Limits.etcdPageRecordsMax / 20
        repeat {
            let isFirst = next == nil
            let body = client.requests.page(
                prefix: prefix, from: next, at: isFirst ? nil : snapshot.revision, limit: limit)
            let (page, bytes) = try await page(body)
            if isFirst { snapshot.revision = page.header.revision }
            for record in page.records {
                guard let record = client.requests.record(record) else {
                    let key = String(decoding: record.key, as: UTF8.self)
                    let error = StoreError.corrupt("etcd: the key \(key) is not UTF-8; OnDeck did not write it")
                    throw ReadFailure(failure: nil, storeError: error)
                }
                snapshot.records.append(record)
            }
            next = page.hasMore ? page.records.last.map { $0.key + [0] } : nil
            // Large records in small pages.
            let room = Limits.etcdPageBytes / max(bytes / max(page.records.count, 1), 1)
            limit = min(max(room, 16), Limits.etcdPageRecordsMax)
        } while next != nil
        return snapshot
    }

    /// Of whichever endpoint answers, and the answer's size.
    private func page(_ body: ByteBuffer) async throws(ReadFailure) -> (EtcdPage, Int) {
        let end = NIODeadline.now() + .milliseconds(Limits.etcdReadMilliseconds)
        var tried = 0
        while true {
            guard !isClosed else { throw ReadFailure(failure: nil, storeError: .closed) }
            let index = client.traffic.pick()
            let deadline = min(.now() + .milliseconds(Limits.etcdPageMilliseconds), end)
            do {
                let answer = try await client.send(.range, body, to: index, by: deadline).get()
                var scanner = JSONScanner(answer)
                let page = try scanner.page()
                noteCluster(page.header)
                return (page, answer.count)
            } catch {
                let failure = error as? EtcdFailure ?? EtcdFailure(error, isSent: true)
                if failure.isOfMember { client.traffic.failed(index) }
                tried += 1
                guard failure.isOfMember, tried <= client.endpoints.count, .now() < end, !Task.isCancelled else {
                    throw ReadFailure(
                        failure: failure,
                        storeError: failure.storeError(at: client.endpoints[index], isCommit: false))
                }
            }
        }
    }
}
