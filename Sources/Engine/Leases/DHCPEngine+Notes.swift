// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Synchronization
import Wire

/// One timeline entry and one count per verdict.
extension DHCPEngine {
    func note(_ verdict: Verdict, _ request: DHCPRequest, network: String?) {
        switch verdict {
        case .drop(let reason):
            counters.drop(reason)
            // A relay pair repeats everything; saying so each time would hide what matters.
            guard reason != .repeatPending else { return }
            let level: Event.Level =
                switch reason {
                case .poolFull, .declinedBinding, .declinedTooOften: .warning
                // A line for each would take the time that the next packets need.
                case .queueFull: isNewOverload() ? .warning : .info
                default: .info
                }
            timeline.add(
                Event(.dhcp, level, mac: request.mac, network: network, .dropped(request.messageType, reason)))
        case .reply(let planned), .probe(_, let planned): noteReply(planned, to: request.messageType, network: network)
        case .commit: break
        }
    }

    /// Whether too much came for the first time in a while.
    private func isNewOverload() -> Bool {
        let now = clock.uptime()
        return overloadTold.withLock { told in
            if let last = told, now.millisecondsSince(last) < Limits.faultReportMilliseconds { return false }
            told = now
            return true
        }
    }

    /// A committed verdict is noted when it is durable.
    func noteCommit(_ pending: PendingCommit) {
        guard let reply = pending.reply else {
            timeline.add(
                Event(
                    .dhcp, mac: pending.change.lease.mac, address: pending.change.lease.address,
                    network: pending.change.network, .committed(pending.change.lease.state)))
            return
        }
        noteReply(reply, to: pending.key?.messageType, network: pending.change.network)
    }

    private func noteReply(_ planned: PlannedReply, to type: DHCPMessageType?, network: String?) {
        let reply = planned.reply
        counters.reply(reply.messageType)
        let address = reply.yourAddress.isAny ? reply.clientAddress : reply.yourAddress
        timeline.add(
            Event(
                .dhcp, mac: reply.hardware.mac, address: address.isAny ? nil : address, network: network,
                .replied(type, with: reply.messageType, bootFile: reply.bootFile, noBoot: planned.noBoot)))
    }
}
