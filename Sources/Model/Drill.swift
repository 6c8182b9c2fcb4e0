// SPDX-License-Identifier: Apache-2.0

/// What a rehearsal does to the node up to bat.
public enum DrillKind: String, Codable, Hashable, Sendable, CaseIterable {
    /// It names a successor, as before a restart.
    case handover
    /// Its process ends as by SIGKILL; whoever looks after it starts it again.
    case kill
    /// Its process stands still for a while as by SIGSTOP, as a machine does that hangs, and then goes on.
    case silence

    /// How long, at most, nobody may get an address.
    public var promiseMilliseconds: Int64 {
        switch self {
        case .handover: Limits.handoverPromiseMilliseconds
        case .kill: Limits.killPromiseMilliseconds
        case .silence: Limits.silencePromiseMilliseconds
        }
    }

    /// Whether it harms a process, which its configuration must allow.
    public var isHarmful: Bool { self != .handover }
}
