// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model

/// The timeline as operators see it.
public struct EventService: Sendable {
    private let timeline: Timeline
    private let engine: DHCPEngine

    public init(timeline: Timeline, engine: DHCPEngine) {
        self.timeline = timeline
        self.engine = engine
    }

    /// `since` nil: with `follow` only what comes from now on, otherwise everything that is kept. A stream that cannot
    /// be had, because too many are open, ends at once.
    public func stream(since: UInt64?, mac: MACAddress?, follow: Bool) -> AsyncStream<EventReport> {
        let (stream, continuation) = AsyncStream<EventReport>.makeStream(
            bufferingPolicy: .bufferingOldest(Limits.eventsKept + Limits.eventsBufferedPerWatcher))
        guard follow else {
            for event in timeline.events(after: since ?? 0) where mac == nil || event.mac == mac {
                continuation.yield(report(event))
            }
            continuation.finish()
            return stream
        }
        let isFollowing = timeline.follow(after: since) { event in
            guard mac == nil || event.mac == mac else { return true }
            if case .enqueued = continuation.yield(report(event)) { return true }
            continuation.finish()
            return false
        } onRegister: { cancel in
            continuation.onTermination = { _ in cancel() }
        }
        if !isFollowing { continuation.finish() }
        return stream
    }

    private func report(_ event: Event) -> EventReport {
        EventReport(
            sequence: event.sequence, time: TimeText.iso8601(event.at, milliseconds: true), level: event.level.rawValue,
            kind: event.kind.rawValue, mac: event.mac.map { "\($0)" }, address: event.address.map { "\($0)" },
            machine: event.mac.flatMap { engine.machine(mac: $0)?.name }, network: event.network, text: event.text)
    }
}
