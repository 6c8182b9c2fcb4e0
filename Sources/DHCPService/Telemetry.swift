// SPDX-License-Identifier: Apache-2.0

import Engine
import Logging
import Model
import Synchronization

/// A fault that the operator should hear of once in a while, not once a packet.
enum DHCPFault: Hashable, Sendable {
    case receive(errno: Int32)
    case send(errno: Int32)
    case foreignSource
    /// The kernel has no room for one more neighbour; sent past it.
    case neighboursFull
    case arp(errno: Int32)

    var text: String {
        switch self {
        case .receive(let errno): "cannot receive: \(errorText(errno))"
        case .send(let errno): "cannot send a reply: \(errno == 0 ? "there is no socket" : errorText(errno))"
        case .foreignSource:
            "the source address of a reply is not an address of this machine; check `server-id`"
        case .neighboursFull:
            "the kernel's table of neighbours is full, replies go past it; raise net.ipv4.neigh.default.gc_thresh3"
        case .arp(let errno): "cannot probe: \(errorText(errno))"
        }
    }
}

/// The log lines of the DHCP service: every change of an interface, and faults at a bounded rate.
final class Telemetry: Sendable {
    private let logger: Logger
    private let now: @Sendable () -> Instant
    private let silences = Mutex<[Key: Silence]>([:])

    private struct Key: Hashable {
        var interface: String
        var fault: DHCPFault
    }

    private struct Silence {
        var until: Instant
        var swallowed: Int
    }

    init(logger: Logger, now: @escaping @Sendable () -> Instant) {
        self.logger = logger
        self.now = now
    }

    func changed(_ interface: String, to state: DHCPInterfaceState) {
        switch state {
        case .serving: logger.info("dhcp: \(interface): \(state)")
        case .withoutLink, .missing, .removed: logger.notice("dhcp: \(interface): \(state)")
        case .failed: logger.error("dhcp: \(interface): \(state)")
        }
    }

    func lacks(_ interface: String, _ shortcoming: SocketFault, consequence: String) {
        logger.warning("dhcp: \(interface): \(shortcoming); \(consequence)")
    }

    func cannotList(_ fault: NetworkInterfaces.Fault) {
        logger.error("dhcp: cannot list the network interfaces: \(errorText(fault.errno))")
    }

    func cannotWatch(_ fault: SocketFault) {
        logger.warning("dhcp: \(fault); interfaces are looked at every second instead")
    }

    /// Logs the fault unless the same one was logged a moment ago.
    func fault(_ fault: DHCPFault, on interface: String) {
        let now = now()
        let swallowed: Int? = silences.withLock { silences in
            let key = Key(interface: interface, fault: fault)
            if let silence = silences[key], now < silence.until {
                silences[key]?.swallowed += 1
                return nil
            }
            defer {
                let until = now.adding(milliseconds: Limits.faultReportMilliseconds)
                silences[key] = Silence(until: until, swallowed: 0)
            }
            return silences[key]?.swallowed ?? 0
        }
        guard let swallowed else { return }
        let more = swallowed == 0 ? "" : " (and \(swallowed) times more since it was last logged)"
        logger.warning("dhcp: \(interface): \(fault.text)\(more)")
    }
}
