// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Ports

/// Makes changes of a watch's messages: each revision once, in order, whole. It does not wait and knows no connection.
package struct EtcdChangeReader: Sendable {
    package enum Step: Sendable {
        case changes([StoreChange])
        /// etcd is in trouble: watch again, here or elsewhere.
        case rewatch
        /// What is to be read next is forgotten, or cannot be read.
        case end
    }

    private let requests: EtcdRequests
    /// Everything up to here has been told.
    package private(set) var last: Revision
    private var line: [UInt8] = []

    package init(prefix: String, after revision: Revision) {
        requests = EtcdRequests(prefix: prefix)
        last = revision
    }

    /// Forgets the half of a message that a lost connection left.
    package mutating func restart() { line = [] }

    /// The next bytes of the stream, cut anywhere.
    package mutating func take(_ bytes: ByteBuffer) -> [Step] {
        var steps: [Step] = []
        var rest = bytes.readableBytesView[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line += rest[..<end]
            rest = rest[(end + 1)...]
            steps.append(step())
            line.removeAll(keepingCapacity: line.count < 1 << 20)
        }
        line += rest
        return steps
    }

    /// One whole message.
    private mutating func step() -> Step {
        var scanner = JSONScanner(line)
        guard let message = try? scanner.watchMessage() else { return .end }
        if message.refusal != nil { return .rewatch }
        // Compacted, or not allowed: a reader who reads again is told the reason.
        if message.isCanceled { return .end }
        guard !message.isCreated else { return .changes([]) }
        guard !message.events.isEmpty else {
            // Nothing to tell up to here: a later watch need not begin before.
            last = max(last, message.header.revision)
            return .changes([])
        }
        return changes(message.events)
    }

    /// A transaction's events stand together, and etcd cuts no revision in two unless asked to.
    private mutating func changes(_ events: [EtcdWatchMessage.Event]) -> Step {
        var changes: [StoreChange] = []
        for event in events where event.record.revision > last {
            guard let record = requests.record(event.record) else { return .end }
            let write: StoreWrite =
                event.isDelete ? .delete(key: record.key) : .put(key: record.key, value: record.value)
            if changes.last?.revision == record.revision {
                changes[changes.count - 1].writes.append(write)
            } else {
                changes.append(StoreChange(revision: record.revision, writes: [write]))
            }
        }
        if let newest = changes.last { last = newest.revision }
        return .changes(changes)
    }
}

extension EtcdRequests {
    /// etcd's record as OnDeck wrote it; nil when the key is not UTF-8, or is somebody else's.
    func record(_ record: EtcdRecord) -> StoreRecord? {
        guard record.key.starts(with: prefix),
            let key = String(validating: record.key.dropFirst(prefix.count), as: UTF8.self)
        else { return nil }
        return StoreRecord(key: key, value: record.value, revision: record.revision)
    }
}
