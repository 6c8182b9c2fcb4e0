// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore
import Synchronization

/// Which endpoint is asked next, and which of them owe answers. A member that vanishes without closing its connections
/// would otherwise hold up every commit for its whole time.
final class EtcdTraffic: Sendable {
    private struct Member {
        var outstanding: [Int: @Sendable () -> Void] = [:]
        /// When it last answered, or when the first of what it owes was sent.
        var owesSince = NIODeadline.uptimeNanoseconds(0)

        func owes(for milliseconds: Int64, at now: NIODeadline) -> Bool {
            !outstanding.isEmpty && now - owesSince > .milliseconds(milliseconds)
        }
    }

    private struct State {
        var members: [Member]
        var current = 0
        var nextRequest = 0
    }

    private let state: Mutex<State>

    init(endpoints: Int) { state = Mutex(State(members: Array(repeating: Member(), count: endpoints))) }

    /// The endpoint to ask: the same as long as it answers.
    func pick(at now: NIODeadline = .now()) -> Int {
        state.withLock { state in
            let count = state.members.count
            for step in 0..<count {
                let index = (state.current + step) % count
                if state.members[index].owes(for: Limits.etcdStallMilliseconds, at: now) { continue }
                state.current = index
                return index
            }
            return state.current
        }
    }

    /// Another one next time, unless somebody has moved on already.
    func failed(_ index: Int) {
        state.withLock { if $0.current == index { $0.current = (index + 1) % $0.members.count } }
    }

    /// `giveUp` ends the request without an answer.
    func began(_ index: Int, at now: NIODeadline = .now(), giveUp: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            let request = state.nextRequest
            state.nextRequest += 1
            if state.members[index].outstanding.isEmpty { state.members[index].owesSince = now }
            state.members[index].outstanding[request] = giveUp
            return request
        }
    }

    func ended(_ request: Int, of index: Int, at now: NIODeadline = .now()) {
        state.withLock { state in
            state.members[index].outstanding[request] = nil
            state.members[index].owesSince = now
        }
    }

    /// Those that have been asked and have answered nothing for `etcdGiveUpMilliseconds`.
    func silent(at now: NIODeadline = .now()) -> [Int] {
        state.withLock { state in
            state.members.indices.filter { state.members[$0].owes(for: Limits.etcdGiveUpMilliseconds, at: now) }
        }
    }

    func giveUp(on index: Int) {
        let requests = state.withLock { Array($0.members[index].outstanding.values) }
        for giveUp in requests { giveUp() }
    }
}
