// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value that becomes known once; any number of tasks wait for it.
final class Once<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiting: [@Sendable (Value) -> Void] = []
    }

    private let state = Mutex(State())

    /// The first value counts.
    func set(_ value: Value) {
        let ready = state.withLock { state -> [@Sendable (Value) -> Void] in
            guard state.value == nil else { return [] }
            state.value = value
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in ready { waiter(value) }
    }

    var now: Value? { state.withLock { $0.value } }

    /// Calls `body` when it is known, from the thread that says so, or at once.
    func then(_ body: @escaping @Sendable (Value) -> Void) {
        let known = state.withLock { state in
            if state.value == nil { state.waiting.append(body) }
            return state.value
        }
        if let known { body(known) }
    }

    /// Waits for it.
    var value: Value {
        get async { await withCheckedContinuation { waiter in then { waiter.resume(returning: $0) } } }
    }
}
