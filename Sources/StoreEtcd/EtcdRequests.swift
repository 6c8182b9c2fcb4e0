// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Ports

/// The bodies of etcd's JSON API, written byte by byte: an active node commits thousands of leases a second.
struct EtcdRequests: Sendable {
    /// What each key begins with in etcd.
    let prefix: [UInt8]
    let prefixText: String

    init(prefix: String) {
        self.prefix = Array(prefix.utf8)
        prefixText = prefix
    }

    /// Guards become comparisons of the last write's revision, which is 0 for a key that does not exist. Should one
    /// fail, the same transaction tells the guarded keys' revisions, so that the first broken guard can be named.
    func transaction(_ batch: StoreBatch) -> ByteBuffer {
        let writes = Self.lastWrites(batch.writes)
        var body = ByteBuffer()
        body.reserveCapacity(Self.size(batch, prefix: prefix.count))
        body.writeStaticString("{\"compare\":[")
        list(batch.guards, in: &body) { expected, body in
            body.writeStaticString("{\"target\":\"MOD\",\"result\":\"EQUAL\",\"key\":\"")
            write(key: expected.key, to: &body)
            body.writeStaticString("\",\"mod_revision\":\"")
            body.writeString(String(expected.revision.value))
            body.writeStaticString("\"}")
        }
        body.writeStaticString("],\"success\":[")
        list(writes, in: &body) { write, body in
            switch write {
            case .put(let key, let value):
                body.writeStaticString("{\"request_put\":{\"key\":\"")
                self.write(key: key, to: &body)
                body.writeStaticString("\",\"value\":\"")
                Base64.write(value, to: &body)
            case .delete(let key):
                body.writeStaticString("{\"request_delete_range\":{\"key\":\"")
                self.write(key: key, to: &body)
            }
            body.writeStaticString("\"}}")
        }
        body.writeStaticString("],\"failure\":[")
        list(batch.guards, in: &body) { expected, body in
            body.writeStaticString("{\"request_range\":{\"keys_only\":true,\"key\":\"")
            write(key: expected.key, to: &body)
            body.writeStaticString("\"}}")
        }
        body.writeStaticString("]}")
        return body
    }

    /// The records with `prefix` whose keys are at or after `from`, as of a revision (nil: now). Linearizable.
    func page(prefix: String, from: [UInt8]?, at revision: Revision?, limit: Int) -> ByteBuffer {
        let start = self.prefix + Array(prefix.utf8)
        var body = ByteBuffer()
        body.writeStaticString("{\"key\":\"")
        Base64.write(from ?? start, to: &body)
        body.writeStaticString("\",\"range_end\":\"")
        Base64.write(Self.end(of: start), to: &body)
        body.writeString("\",\"limit\":\"\(limit)\"")
        if let revision { body.writeString(",\"revision\":\"\(revision.value)\"") }
        body.writeStaticString("}")
        return body
    }

    /// The cheapest linearizable question: its header tells the store's revision.
    func probe() -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"keys_only\":true,\"key\":\"")
        Base64.write(prefix, to: &body)
        body.writeStaticString("\"}")
        return body
    }

    /// From this revision on, itself included. etcd says at times how far it is when there is nothing to tell.
    func watch(prefix: String, from revision: Revision) -> ByteBuffer {
        let start = self.prefix + Array(prefix.utf8)
        var body = ByteBuffer()
        body.writeStaticString("{\"create_request\":{\"key\":\"")
        Base64.write(start, to: &body)
        body.writeStaticString("\",\"range_end\":\"")
        Base64.write(Self.end(of: start), to: &body)
        body.writeString("\",\"start_revision\":\"\(revision.value)\",\"progress_notify\":true}}")
        return body
    }

    static func authenticate(user: String, password: String) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"name\":")
        write(text: user, to: &body)
        body.writeStaticString(",\"password\":")
        write(text: password, to: &body)
        body.writeStaticString("}")
        return body
    }

    static let nothing = ByteBuffer(string: "{}")
    static let alarms = ByteBuffer(string: "{\"action\":\"GET\"}")

    // MARK: Parts

    private func list<Element>(
        _ elements: [Element], in body: inout ByteBuffer, _ write: (Element, inout ByteBuffer) -> Void
    ) {
        var isFirst = true
        for element in elements {
            if !isFirst { body.writeInteger(UInt8(ascii: ",")) }
            isFirst = false
            write(element, &body)
        }
    }

    private func write(key: String, to body: inout ByteBuffer) { Base64.write(prefix + Array(key.utf8), to: &body) }

    private static func write(text: String, to body: inout ByteBuffer) {
        body.writeStaticString("\"")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): body.writeMultipleIntegers(UInt8(ascii: "\\"), byte)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                body.writeString("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
            default: body.writeInteger(byte)
            }
        }
        body.writeStaticString("\"")
    }

    /// The first key after all that begin with `start`, which is UTF-8: its last byte is never 0xff.
    private static func end(of start: [UInt8]) -> [UInt8] {
        var end = start
        end[end.count - 1] += 1
        return end
    }

    private static func size(_ batch: StoreBatch, prefix: Int) -> Int {
        let writes = batch.writes.reduce(64) { sum, write in
            guard case .put(_, let value) = write else { return sum }
            return sum + value.count
        }
        let keys = batch.writes.count + 2 * batch.guards.count
        return writes * 4 / 3 + keys * (160 + prefix)
    }

    /// etcd refuses a transaction that writes a key twice: only what a key ends as is left.
    static func lastWrites(_ writes: [StoreWrite]) -> [StoreWrite] {
        guard writes.count > 1 else { return writes }
        var seen = Set<KeyBytes>(minimumCapacity: writes.count)
        let last = writes.reversed().filter { seen.insert(KeyBytes(key: $0.key)).inserted }
        return last.count == writes.count ? writes : last.reversed()
    }

    /// Swift holds strings equal that differ in bytes.
    private struct KeyBytes: Hashable {
        var key: String

        static func == (a: Self, b: Self) -> Bool { a.key.utf8.elementsEqual(b.key.utf8) }
        func hash(into hasher: inout Hasher) {
            var key = key
            key.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }
}
