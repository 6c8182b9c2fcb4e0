// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Which answer files a machine has had, under which tokens: each is given once for each token, so that configuration
/// with secrets goes to its machine and to nobody who comes later with the machine's token or address.
public struct ServedAnswers: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        /// When the token was made, which says which token of the machine's it is; 0: it came without one, from the
        /// machine's address.
        public var minute: Int64
        public var name: String
        public var address: IPv4Address
        public var at: Instant

        public init(minute: Int64, name: String, address: IPv4Address, at: Instant) {
            self.minute = minute
            self.name = name
            self.address = address
            self.at = at
        }
    }

    /// The machine has reported that it was done: tokens made before this minute are worthless. 0: never.
    public var burntBefore: Int64 = 0
    /// Oldest first.
    public var entries: [Entry] = []

    public init() {}

    public enum Verdict: Hashable, Sendable {
        /// It may have it, once this is in the store.
        case first(ServedAnswers)
        /// The same once more, for a download may break: nothing is to be written.
        case again
        /// It was given to this address at this time.
        case gone(Entry)
        /// The machine has reported since that it is done.
        case burnt
    }

    public static func minute(_ instant: Instant) -> Int64 { instant.milliseconds / 60_000 }

    /// `minute`: of the token; nil for a request that is the machine's by its address.
    public func asked(for name: String, minute: Int64?, from address: IPv4Address, at now: Instant) -> Verdict {
        if let minute, minute < burntBefore { return .burnt }
        let minute = minute ?? 0
        if let entry = entries.first(where: { $0.minute == minute && $0.name == name }) {
            let isInTime = now.millisecondsSince(entry.at) <= Limits.answerGraceSeconds * 1000
            return isInTime && entry.address == address ? .again : .gone(entry)
        }
        var next = self
        // No token lives longer; and what has come by address is forgotten at the machine's next boot.
        let oldest = Self.minute(now) - Limits.stageTokenMinutes - 1
        next.entries.removeAll { $0.minute > 0 && $0.minute < oldest }
        next.entries.append(Entry(minute: minute, name: name, address: address, at: now))
        if next.entries.count > Limits.answersServedKept {
            // Forgetting it would allow it again.
            let forgotten = next.entries.removeFirst()
            next.burntBefore = max(next.burntBefore, forgotten.minute + 1)
        }
        return .first(next)
    }

    /// Once a new boot has begun: what is asked for by address alone may be had again. Nil: nothing changes.
    public var onNewBoot: ServedAnswers? {
        guard entries.contains(where: { $0.minute == 0 }) else { return nil }
        var next = self
        next.entries.removeAll { $0.minute == 0 }
        return next
    }

    /// Once the machine has reported that it is done. Nil: nothing changes.
    public func burnt(at now: Instant) -> ServedAnswers? {
        guard burntBefore < Self.minute(now) else { return nil }
        var next = self
        next.burntBefore = max(burntBefore, Self.minute(now))
        next.entries.removeAll { $0.minute > 0 && $0.minute < next.burntBefore }
        return next
    }
}
