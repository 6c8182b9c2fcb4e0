// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model
import Synchronization

/// Who was refused a machine's files of late: somebody who tries again and again is one line of the timeline a minute.
final class StrangerReports: Sendable {
    private struct Stranger: Hashable {
        var mac: MACAddress
        var client: IPv4Address
    }

    private let reported = Mutex<[Stranger: Instant]>([:])

    /// Whether this is worth an event. Somebody who tries many machines is one line for each of the first.
    func isNew(_ mac: MACAddress, _ client: IPv4Address, now: Instant) -> Bool {
        reported.withLock { reported in
            if reported.count >= Limits.strangersKept {
                reported = reported.filter { now.millisecondsSince($0.value) < Limits.strangerReportMilliseconds }
            }
            let stranger = Stranger(mac: mac, client: client)
            if let last = reported[stranger], now.millisecondsSince(last) < Limits.strangerReportMilliseconds {
                return false
            }
            guard reported.count < Limits.strangersKept else { return false }
            reported[stranger] = now
            return true
        }
    }
}
