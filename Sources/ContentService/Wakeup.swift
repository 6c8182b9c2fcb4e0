// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Wakes one task that waits for news; several pieces of news at once wake it once.
final class Wakeup: Sendable {
    private struct State {
        var isDue = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func call() {
        let waiter = state.withLock { state in
            state.isDue = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when it has been called since the last return, or after so long, or when the task is cancelled.
    func wait(milliseconds: Int64) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.called() }
            group.addTask { try? await Task.sleep(for: .milliseconds(milliseconds)) }
            await group.next()
            group.cancelAll()
            release()
        }
        state.withLock { $0.isDue = false }
    }

    private func called() async {
        await withCheckedContinuation { waiter in
            let isDue = state.withLock { state in
                if !state.isDue { state.waiter = waiter }
                return state.isDue
            }
            if isDue { waiter.resume() }
        }
    }

    /// Lets go of whoever still waits.
    private func release() {
        let waiter = state.withLock { state in
            // The task that has yet to begin waiting must not wait.
            state.isDue = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
