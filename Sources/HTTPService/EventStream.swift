// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Hummingbird
import HummingbirdCore
import Model
import NIOCore
import ServiceLifecycle
import Synchronization

/// The timeline as it happens: one JSON object a line, and an empty line now and then to show that we are still there.
enum EventStream {
    static let headers: HTTPFields = [.contentType: "application/x-ndjson", .cacheControl: "no-store"]

    static func body(_ events: AsyncStream<EventReport>, holding place: Watchers.Place) -> ResponseBody {
        ResponseBody { writer in
            defer { place.leave() }
            try await write(events, to: &writer)
            try await writer.finish(nil)
        }
    }

    private static func write(_ events: AsyncStream<EventReport>, to writer: inout any ResponseBodyWriter) async throws
    {
        // What a slow reader has not taken waits here; with more than this it has to begin again from what it saw.
        let (lines, feed) = AsyncStream<ByteBuffer>.makeStream(
            bufferingPolicy: .bufferingOldest(Limits.eventsBufferedPerWatcher))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await event in events.cancelOnGracefulShutdown() {
                    guard case .enqueued = feed.yield(try line(event)) else { break }
                }
                feed.finish()
            }
            group.addTask {
                // At once, so that the client sees that it is being served.
                while case .enqueued = feed.yield(ByteBuffer(string: "\n")) {
                    try await Task.sleep(for: .seconds(Limits.watchHeartbeatSeconds))
                }
            }
            for await line in lines { try await writer.write(line) }
            group.cancelAll()
        }
    }

    private static func line(_ event: EventReport) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var buffer = ByteBuffer(bytes: try encoder.encode(event))
        buffer.writeString("\n")
        return buffer
    }
}

/// How many clients are watching.
final class Watchers: Sendable {
    private let count = Mutex(0)

    /// One of the places; given back by `leave`, or when it is dropped.
    final class Place: Sendable {
        private let watchers: Watchers
        private let isHeld = Mutex(true)

        fileprivate init(_ watchers: Watchers) { self.watchers = watchers }
        deinit { leave() }

        func leave() {
            let wasHeld = isHeld.withLock { held in
                defer { held = false }
                return held
            }
            if wasHeld { watchers.count.withLock { $0 -= 1 } }
        }
    }

    /// Nil when all places are taken.
    func enter() -> Place? {
        let isFree = count.withLock { count in
            guard count < Limits.watchersMax else { return false }
            count += 1
            return true
        }
        return isFree ? Place(self) : nil
    }
}
