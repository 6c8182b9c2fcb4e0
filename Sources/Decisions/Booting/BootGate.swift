// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Whether a machine may boot from us, and what.
public enum BootPermission: Hashable, Sendable, CustomStringConvertible {
    /// `once`: only until it reports that it is done.
    case boot(environment: String, once: Bool)
    /// From its disk: no boot file, or a script that leaves at once.
    case local(BootGate.Reason)
    /// A script that waits until the operator says otherwise.
    case hold(BootGate.Reason)
    /// Nothing at all: not even a script.
    case refuse(BootGate.Reason)

    public var description: String {
        switch self {
        case .boot(let environment, true): "boot \(environment) until it is done"
        case .boot(let environment, false): "boot \(environment)"
        case .local(let reason): "from disk: \(reason)"
        case .hold(let reason): "hold: \(reason)"
        case .refuse(let reason): "nothing: \(reason)"
        }
    }
}

/// The one gate that DHCP, TFTP and HTTP ask before a machine gets anything to boot.
public enum BootGate {
    public enum Reason: Hashable, Sendable, CustomStringConvertible {
        case intentIsLocal
        case intentIsHold
        case done(intent: String, at: Instant)
        /// `minutes` lie between the first and the last of so many boots; the last was `minutesAgo`.
        case looping(intent: String, boots: Int, minutes: Int64, minutesAgo: Int64)
        /// It has a reservation, and no machine object says what it should boot.
        case reservedOnly
        case unknownGetsLeaseOnly
        case unknownIsIgnored
        case unknownWithoutNetwork

        public var description: String {
            switch self {
            case .intentIsLocal: "its intent is \"local\""
            case .intentIsHold: "its intent is \"hold\""
            case .done(let intent, _): "it has reported that \"\(intent)\" is done"
            case .looping(let intent, let boots, let minutes, let ago):
                "it booted \"\(intent)\" \(boots) times in \(minutes) min, last \(ago) min ago, and never reported "
                    + "that it was done; give it an intent again to release it"
            case .reservedOnly: "it has a reservation, and no machine object says what to boot"
            case .unknownGetsLeaseOnly: "its network gives unknown machines an address and nothing to boot"
            case .unknownIsIgnored: "its network ignores unknown machines"
            case .unknownWithoutNetwork: "it is unknown, and so is its network"
            }
        }
    }

    /// `machine` is nil for a client that no machine object names; `isReserved` then says whether a reservation does.
    /// A status that is about another intent says nothing.
    public static func permission(
        machine: Machine?, network: Network?, status: BootStatus?, now: Instant, isReserved: Bool = false
    ) -> BootPermission {
        guard let machine else { return unknownMachine(network, isReserved: isReserved) }
        switch machine.intent {
        case .local: return .local(.intentIsLocal)
        case .hold: return .hold(.intentIsHold)
        case .always(let environment): return .boot(environment: environment, once: false)
        case .install(let environment):
            let intent = machine.intent.description
            guard let status, status.intent == intent else { return .boot(environment: environment, once: true) }
            if let doneAt = status.doneAt { return .local(.done(intent: intent, at: doneAt)) }
            if let loop = loop(status, now: now) { return .hold(loop) }
            return .boot(environment: environment, once: true)
        }
    }

    /// What a machine's tokens are bound to, beside its MAC address: another intent makes them worthless.
    public static func tokenIntent(_ machine: Machine?) -> String { machine?.intent.description ?? "unknown" }

    private static func unknownMachine(_ network: Network?, isReserved: Bool) -> BootPermission {
        if isReserved { return .local(.reservedOnly) }
        switch network?.unknown {
        case .environment(let name): return .boot(environment: name, once: false)
        case .lease: return .local(.unknownGetsLeaseOnly)
        case .ignore: return .refuse(.unknownIsIgnored)
        case nil: return .refuse(.unknownWithoutNetwork)
        }
    }

    /// A machine that installs again and again is held until the operator gives it an intent: time alone does not
    /// release it, because what would follow is the same loop.
    private static func loop(_ status: BootStatus, now: Instant) -> Reason? {
        let recent = status.attempts.suffix(Limits.bootLoopAttempts)
        guard recent.count == Limits.bootLoopAttempts, let first = recent.first, let last = recent.last,
            last.millisecondsSince(first) <= Limits.bootLoopWindowSeconds * 1000
        else { return nil }
        return .looping(
            intent: status.intent, boots: recent.count, minutes: last.millisecondsSince(first) / 60_000,
            minutesAgo: max(0, now.millisecondsSince(last) / 60_000))
    }
}

extension BootStatus {
    /// What is known of the machine's present intent: `status`, unless it is about another one.
    public static func current(_ status: BootStatus?, of machine: Machine) -> BootStatus {
        let intent = machine.intent.description
        guard let status, status.intent == intent else { return BootStatus(machine: machine.name, intent: intent) }
        return status
    }

    /// The status once another boot of the intent has begun.
    public func recordingAttempt(at now: Instant) -> BootStatus {
        var next = self
        next.attempts = (attempts + [now]).suffix(Limits.bootAttemptsKept)
        return next
    }

    /// The status once the machine has reported that it is done. A second report changes nothing.
    public func markingDone(at now: Instant) -> BootStatus {
        var next = self
        next.doneAt = doneAt ?? now
        return next
    }
}
