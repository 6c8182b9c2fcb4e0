// SPDX-License-Identifier: Apache-2.0

import Addresses
import Logging
import Model
import Synchronization

/// The last events in memory, for whoever asks what happened; each is also one line of the log.
public final class Timeline: Sendable {
    /// Gets each event as it happens, on the thread that it happens on; false: no more, please.
    typealias Watcher = @Sendable (Event) -> Bool

    private struct State {
        /// A ring once it is full: the event with sequence n stands at (n - 1) modulo its length.
        var ring: [Event] = []
        var next: UInt64 = 1
        var watchers: [Int: Watcher] = [:]
        var nextWatcher = 0
    }

    private let state = Mutex(State())
    private let clock: Clock
    private let logger: Logger

    public init(clock: Clock, logger: Logger) {
        self.clock = clock
        self.logger = logger
    }

    public func add(_ event: Event) {
        var event = event
        event.at = clock.now()
        let watchers = state.withLock { state in
            event.sequence = state.next
            state.next += 1
            if state.ring.count < Limits.eventsKept {
                state.ring.append(event)
            } else {
                state.ring[Int((event.sequence - 1) % UInt64(Limits.eventsKept))] = event
            }
            return state.watchers
        }
        for (id, watcher) in watchers where !watcher(event) { remove(id) }
        log(event)
    }

    /// Gives `watcher` the kept events after `sequence` (nil: none), oldest first, and then the new ones until it
    /// says no. False when too many watch already.
    func follow(
        after sequence: UInt64?, _ watcher: @escaping Watcher,
        onRegister: (_ cancel: @escaping @Sendable () -> Void) -> Void
    ) -> Bool {
        let id = state.withLock { state -> Int? in
            guard state.watchers.count < Limits.watchersMax else { return nil }
            // Under the lock, so that the past comes before the present; a watcher only puts events into a buffer.
            for event in sequence.map({ Self.events(state, after: $0) }) ?? [] where !watcher(event) { break }
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = watcher
            return state.nextWatcher
        }
        guard let id else { return false }
        onRegister { [weak self] in self?.remove(id) }
        return true
    }

    /// The kept events after `sequence`, oldest first.
    public func events(after sequence: UInt64) -> [Event] { state.withLock { Self.events($0, after: sequence) } }

    private static func events(_ state: State, after sequence: UInt64) -> [Event] {
        let oldest = state.next - UInt64(state.ring.count)
        // A number from before a restart may be ahead of us: then all of this life is new to the reader.
        let first = sequence < state.next ? max(oldest, sequence + 1) : oldest
        guard first < state.next else { return [] }
        return (first..<state.next).map { state.ring[Int(($0 - 1) % UInt64(Limits.eventsKept))] }
    }

    private func remove(_ id: Int) { state.withLock { $0.watchers[id] = nil } }

    /// One line an event; the only place where events become log lines.
    private func log(_ event: Event) {
        let level: Logger.Level =
            switch event.level {
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = ["kind": "\(event.kind.rawValue)"]
        if let mac = event.mac { metadata["mac"] = "\(mac)" }
        if let address = event.address { metadata["address"] = "\(address)" }
        if let network = event.network { metadata["network"] = "\(network)" }
        logger.log(level: level, "\(event.text)", metadata: metadata)
    }
}
