// SPDX-License-Identifier: Apache-2.0

import Glibc
import Model
import Synchronization

/// A file that is still coming in. One producer fills it from its start; any number of readers follow.
///
/// The last bytes are held back until the file is verified, so that nobody ever gets the whole of a file that is not
/// what it should be.
public final class ArrivingFile: Sendable {
    /// For `pread` and `sendfile`; it outlasts a rename and a removal of the file.
    public let descriptor: Int32
    /// Of the whole file, when it is here.
    public let size: Int
    /// The digest as hex digits: an entity tag.
    public let version: String

    /// Why no more will come.
    public struct Failure: Error, Hashable, Sendable {
        /// A sentence.
        public var reason: String
        public init(reason: String) { self.reason = reason }
    }

    private enum Progress {
        /// Can become `finished` or `failed`.
        case arriving
        case finished
        case failed(Failure)
    }

    private struct Waiter {
        var offset: Int
        var resume: CheckedContinuation<Result<Int, Failure>, Never>
    }

    private struct State {
        var progress = Progress.arriving
        /// Bytes from the start that are written.
        var written = 0
        var waiters: [UInt64: Waiter] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Takes over `descriptor`, which is closed with the last user.
    public init(descriptor: Int32, size: Int, version: String) {
        self.descriptor = descriptor
        self.size = size
        self.version = version
    }

    deinit { Glibc.close(descriptor) }

    // MARK: Producer

    /// So many bytes, from the start, are written.
    public func advance(to count: Int) {
        change { state in
            guard case .arriving = state.progress else { return }
            state.written = max(state.written, min(count, size))
        }
    }

    /// The file is complete and verified.
    public func finish() {
        change { state in
            guard case .arriving = state.progress else { return }
            state.progress = .finished
            state.written = size
        }
    }

    /// No more will come; `reason` is a sentence.
    public func fail(_ reason: String) {
        change { state in
            guard case .arriving = state.progress else { return }
            state.progress = .failed(Failure(reason: reason))
        }
    }

    /// Applies a change, and resumes outside the lock whoever has waited for it.
    private func change(_ apply: (inout State) -> Void) {
        let ready = state.withLock { state in
            apply(&state)
            var ready: [(Waiter, Result<Int, Failure>)] = []
            for (id, waiter) in state.waiters {
                guard let answer = answer(state, beyond: waiter.offset) else { continue }
                ready.append((waiter, answer))
                state.waiters[id] = nil
            }
            return ready
        }
        for (waiter, answer) in ready { waiter.resume.resume(returning: answer) }
    }

    // MARK: Reader

    /// Whether it is complete and verified.
    public var isFinished: Bool {
        state.withLock { if case .finished = $0.progress { true } else { false } }
    }

    /// How many bytes, from the start, may be sent; waits until that is more than `offset`, or all there is. Throws
    /// when no more will come, and when the waiting task is cancelled.
    public func available(beyond offset: Int) async throws(Failure) -> Int {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in wait(beyond: offset, id: id, continuation) }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.resume.resume(returning: .failure(Self.cancelled))
        }
        return try result.get()
    }

    private static let cancelled = Failure(reason: "the reader has stopped waiting")

    private func wait(
        beyond offset: Int, id: UInt64, _ continuation: CheckedContinuation<Result<Int, Failure>, Never>
    ) {
        let now = state.withLock { state -> Result<Int, Failure>? in
            if let answer = answer(state, beyond: offset) { return answer }
            // Looked at under the lock that the cancellation takes: it comes either before this, or finds the waiter.
            if Task.isCancelled { return .failure(Self.cancelled) }
            state.waiters[id] = Waiter(offset: offset, resume: continuation)
            return nil
        }
        if let now { continuation.resume(returning: now) }
    }

    /// Nil: not yet.
    private func answer(_ state: State, beyond offset: Int) -> Result<Int, Failure>? {
        switch state.progress {
        case .finished: return .success(size)
        case .failed(let failure): return .failure(failure)
        case .arriving:
            let sendable = min(state.written, size - min(size, Limits.arrivingTailBytes))
            return sendable > offset ? .success(sendable) : nil
        }
    }
}
