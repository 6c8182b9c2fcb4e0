// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Engine
import Glibc
import Model
import Wire

/// An offer that waits for its probe, and the request it answers.
struct ProbedOffer {
    var offer: OutgoingReply
    var arrived: ArrivedRequest
}

typealias Probe = ProbeTable<ProbedOffer>.Waiting

/// Carries out what the probe table says, on one interface. The ARP socket hears nothing while nothing is probed: on
/// a large link the thread would wake for every ARP request otherwise. Belongs to the interface's thread.
final class Prober {
    private let sockets: PacketSockets
    private let counters: DHCPCounters
    private let telemetry: Telemetry
    private var table = ProbeTable<ProbedOffer>()
    private(set) var isListening = false

    init(sockets: PacketSockets, counters: DHCPCounters, telemetry: Telemetry) {
        self.sockets = sockets
        self.counters = counters
        self.telemetry = telemetry
    }

    var nextWake: Instant? { table.nextWake }

    func isDue(now: Instant) -> Bool { nextWake.map { $0 <= now } ?? false }

    enum Admission {
        case probe, joined, abandoned
        case unprobed
        /// The address is in use, without asking: it is one of ours.
        case conflict(Probe, by: MACAddress)
    }

    func add(
        _ address: IPv4Address, _ offer: ProbedOffer, after previous: Probe?, batchIsFull: Bool, now: Instant
    ) -> Admission {
        let request = offer.arrived.request
        let interface = offer.arrived.interface
        guard let arp = sockets.arp?.number, let ownMAC = interface.mac, let client = request.mac,
            request.relayAddress.isAny, !batchIsFull || previous != nil, listen(true, arp, on: interface)
        else { return unprobed() }
        let key = ProbeKey(client: client, transactionID: request.transactionID)
        switch table.add(key, address: address, offer: offer, after: previous, now: now) {
        case .joined:
            return .joined
        case .abandoned:
            counters.update { $0.probesAbandoned += 1 }
            return .abandoned
        case .unprobed:
            return unprobed()
        case .probe:
            guard interface.ownAddresses.contains(address), let probe = table.remove(key) else {
                ask(address, arp, on: interface)
                return .probe
            }
            counters.update { $0.probesConflicting += 1 }
            return .conflict(probe, by: ownMAC)
        }
    }

    private func unprobed() -> Admission {
        counters.update { $0.probesSkipped += 1 }
        return .unprobed
    }

    /// Reads what was heard, and takes out the probes that it answers.
    func hear(on interface: InterfaceInfo) -> [(Probe, by: MACAddress)] {
        guard let arp = sockets.arp?.number else { return [] }
        var answered: [(Probe, by: MACAddress)] = []
        var heard = cl_arp()
        for _ in 0..<Limits.receiveBatchMax {
            let result = cl_arp_receive(arp, &heard)
            guard result > 0 else {
                if result < 0 { failed(-result, on: interface) }
                break
            }
            let packet = ARPPacket(heard)
            // Our own probes, echoed by the link (an access point, a looped cable), answer nothing.
            guard packet.senderMAC != interface.mac else { continue }
            answered += table.heard(packet).map { ($0, by: packet.senderMAC) }
        }
        if !answered.isEmpty { counters.update { $0.probesConflicting += answered.count } }
        return answered
    }

    /// Sends the second probes that are due, and returns the offers whose addresses nobody has answered for.
    func due(now: Instant, on interface: InterfaceInfo) -> [OutgoingReply] {
        guard isListening, let arp = sockets.arp?.number else { return [] }
        defer { if table.isEmpty { listen(false, arp, on: interface) } }
        var free: [OutgoingReply] = []
        for step in table.due(now: now) {
            switch step {
            case .probeAgain(let address): ask(address, arp, on: interface)
            case .free(let offer): free.append(offer.offer)
            }
        }
        if !free.isEmpty { counters.update { $0.probesFree += free.count } }
        return free
    }

    /// Whether the socket listens as asked.
    @discardableResult
    private func listen(_ on: Bool, _ arp: Int32, on interface: InterfaceInfo) -> Bool {
        guard on != isListening else { return true }
        let result = cl_arp_listen(arp, on ? 1 : 0)
        guard result == 0 else {
            failed(-result, on: interface)
            return false
        }
        isListening = on
        if !on { drain(arp) }
        return true
    }

    /// What came before the filter shut must not answer the next probe. Nothing more comes, so this ends.
    private func drain(_ arp: Int32) {
        var heard = cl_arp()
        while cl_arp_receive(arp, &heard) > 0 {}
    }

    private func ask(_ address: IPv4Address, _ arp: Int32, on interface: InterfaceInfo) {
        guard let mac = interface.mac else { return }
        func send() -> Int32 {
            mac.bytes.withUnsafeBufferPointer { cl_arp_probe(arp, interface.index, $0.baseAddress, address.bits) }
        }
        var result = send()
        // A link that was down and is back has left its error on the socket, for the first call after it.
        if result == -ENETDOWN { result = send() }
        if result < 0 { failed(-result, on: interface) }
    }

    private func failed(_ errno: Int32, on interface: InterfaceInfo) {
        counters.update { $0.socketErrors += 1 }
        telemetry.fault(.arp(errno: errno), on: interface.name)
    }
}

extension ARPPacket {
    init(_ heard: cl_arp) {
        self.init(
            senderMAC: withUnsafeBytes(of: heard.sender_mac) { MACAddress($0) },
            senderAddress: IPv4Address(bits: heard.sender_address),
            targetAddress: IPv4Address(bits: heard.target_address))
    }
}
