// SPDX-License-Identifier: Apache-2.0

import Addresses
import Glibc
import NIOCore
import Synchronization

/// A listener's port cannot be opened.
public struct ListenError: Error, CustomStringConvertible {
    /// "boot" or "api".
    public var listener: String
    public var address: IPv4Address
    public var port: UInt16
    public var reason: IOError

    public var description: String {
        let hint =
            switch reason.errnoCode {
            case EADDRINUSE: "another program has the port; \"ss -tlnp\" shows which"
            case EADDRNOTAVAIL: "no interface of this machine has the address"
            case EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE"
            default: String(cString: strerror(reason.errnoCode))
            }
        return "cannot listen on \(address):\(port) for the \(listener) listener: \(hint)"
    }
}

/// A port that is known later.
final class BoundPort: Sendable {
    private enum State {
        case pending([CheckedContinuation<UInt16?, Never>])
        case known(UInt16?)
    }

    private let state = Mutex(State.pending([]))

    /// The first call counts.
    func set(_ port: Int?) {
        let waiting = state.withLock { state -> [CheckedContinuation<UInt16?, Never>] in
            guard case .pending(let waiting) = state else { return [] }
            state = .known(port.map(UInt16.init))
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: port.map(UInt16.init)) }
    }

    var value: UInt16? {
        get async {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state -> UInt16?? in
                    switch state {
                    case .known(let port): return .some(port)
                    case .pending(let waiting):
                        state = .pending(waiting + [continuation])
                        return nil
                    }
                }
                if let known { continuation.resume(returning: known) }
            }
        }
    }
}
