// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// What makes one cluster of the nodes that share a store: its name, so that two clusters on one prefix find out, and
/// the secret that their heartbeats are signed with. The first node makes it.
public struct ClusterIdentity: Hashable, Sendable {
    public var name: String
    public var secret: [UInt8]

    public enum Fault: Error, Sendable {
        case store(StoreError)
        /// The store holds another cluster.
        case otherCluster(name: String)
        case unreadable(RecordError)
    }

    /// Reads it, or makes it with `secret` if there is none.
    public static func join(
        _ store: any StateStore, name: String, secret: @autoclosure () -> [UInt8]
    ) async throws(Fault) -> ClusterIdentity {
        if let found = try await read(store) { return try found.checked(name) }
        let made = ClusterIdentity(name: name, secret: secret())
        let batch = StoreBatch(
            guards: [StoreGuard(key: StoreKeys.cluster, revision: .none)],
            writes: [.put(key: StoreKeys.cluster, value: made.encoded)])
        do throws(StoreError) {
            _ = try await store.commit(batch)
            return made
        } catch {
            // Another node was first, or our own answer was lost.
            if let found = try await read(store) { return try found.checked(name) }
            throw .store(error)
        }
    }

    private func checked(_ expected: String) throws(Fault) -> ClusterIdentity {
        guard name == expected else { throw .otherCluster(name: name) }
        return self
    }

    private static func read(_ store: any StateStore) async throws(Fault) -> ClusterIdentity? {
        let record: StoreRecord?
        do throws(StoreError) {
            record = try await store.read(prefix: StoreKeys.cluster).records.first { $0.key == StoreKeys.cluster }
        } catch { throw .store(error) }
        guard let record else { return nil }
        do throws(RecordError) { return try ClusterIdentity(record.value) } catch { throw .unreadable(error) }
    }

    // MARK: Its record:    1  rack1  0123456789abcdef...

    private var encoded: [UInt8] {
        var line = RecordWriter(version: UInt8(ascii: "1"))
        line.field(text: name)
        line.field(text: secret.map { Self.digits[Int($0 >> 4)] + Self.digits[Int($0 & 15)] }.joined())
        return line.bytes
    }

    private static let digits = "0123456789abcdef".map(String.init)

    public init(_ value: [UInt8]) throws(RecordError) {
        var line = try RecordReader(value, version: UInt8(ascii: "1"))
        name = try line.text("name")
        let text = Array(try line.text("secret").utf8)
        secret = stride(from: 0, to: text.count - 1, by: 2).compactMap {
            UInt8(String(decoding: text[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
        guard secret.count >= 16, 2 * secret.count == text.count else { throw .missing(field: "secret") }
        try line.end()
    }

    private init(name: String, secret: [UInt8]) { self.name = name; self.secret = secret }
}
