// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Engine
import Glibc
import Model
import Wire

/// The body of an interface's thread: wait, read a batch, decide on each request, send what is decided at once.
/// Belongs to that thread.
final class ReceiveLoop {
    private let sockets: PacketSockets
    private let control: InterfaceControl
    private let calls: DHCPEngineCalls
    private let sender: ReplySender
    private let counters: DHCPCounters
    private let telemetry: Telemetry
    private let replyPort: ReplyPort
    private let prober: Prober
    private let buffers: ReceiveBuffers
    private var interface: InterfaceInfo
    private var batch = ReceivedBatch()
    private var outbox: [OutgoingReply] = []

    init(
        sockets: PacketSockets, buffers: ReceiveBuffers, control: InterfaceControl, calls: DHCPEngineCalls,
        sender: ReplySender, counters: DHCPCounters, telemetry: Telemetry
    ) {
        self.sockets = sockets
        self.buffers = buffers
        self.control = control
        self.calls = calls
        self.sender = sender
        self.counters = counters
        self.telemetry = telemetry
        replyPort = sender.port
        interface = control.info
        prober = Prober(sockets: sockets, counters: counters, telemetry: telemetry)
    }

    /// Runs until the control says stop. No fault ends it.
    func run() {
        while true {
            let ready = wait()
            guard let current = control.current else { return }
            interface = current
            if ready.dhcp { receive(from: sockets.dhcp, into: buffers.dhcp, port: dhcpServerPort) }
            if ready.boot, let boot = sockets.boot { receive(from: boot, into: buffers.boot, port: bootServerPort) }
            let now = calls.now()
            // Answers that came in the meantime count: they are read before a probe is called unanswered.
            if ready.arp || prober.isDue(now: now) { hear() }
            outbox.append(contentsOf: prober.due(now: now, on: interface))
            flush()
        }
    }

    private struct Ready {
        var dhcp = false
        var boot = false
        var arp = false
    }

    private func wait() -> Ready {
        let events = Int16(POLLIN)
        // poll(2) ignores negative descriptors.
        let arp = prober.isListening ? sockets.arp?.number ?? -1 : -1
        var polled: [4 of pollfd] = [
            pollfd(fd: control.wake.number, events: events, revents: 0),
            pollfd(fd: sockets.dhcp.number, events: events, revents: 0),
            pollfd(fd: sockets.boot?.number ?? -1, events: events, revents: 0),
            pollfd(fd: arp, events: events, revents: 0),
        ]
        var span = polled.mutableSpan
        let count = span.withUnsafeMutableBufferPointer { poll($0.baseAddress, nfds_t($0.count), timeout()) }
        guard count > 0 else { return Ready() }
        if polled[0].revents != 0 { control.wake.clear() }
        return Ready(dhcp: polled[1].revents != 0, boot: polled[2].revents != 0, arp: polled[3].revents != 0)
    }

    /// Until the next probe is due, in poll's terms.
    private func timeout() -> Int32 {
        guard let wake = prober.nextWake else { return -1 }
        return Int32(clamping: max(0, wake.millisecondsSince(calls.now())))
    }

    private func receive(from socket: Descriptor, into buffers: DatagramBuffers, port: UInt16) {
        let count = buffers.receive(from: socket.number)
        guard count > 0 else {
            if count < 0 { receiveFailed(Int32(-count)) }
            return
        }
        batch.fill(from: buffers, count: count, port: port, now: calls.now())
        let overflows = buffers.newOverflows()
        counters.update {
            batch.counts.add(to: &$0)
            $0.decided += batch.requests.count
            $0.overflowed += overflows
        }
        for decoded in batch.requests {
            let arrived = ArrivedRequest(
                request: decoded.request, datagram: decoded.datagram, interface: interface, replyPort: replyPort)
            carryOut(calls.decide(arrived), for: arrived)
        }
        flush()
    }

    /// A link that goes down is told once by each socket, and then the socket waits for it to come back. The pause
    /// is for errors that stay.
    private func receiveFailed(_ errno: Int32) {
        counters.update { $0.socketErrors += 1 }
        telemetry.fault(.receive(errno: errno), on: interface.name)
        var wake = pollfd(fd: control.wake.number, events: Int16(POLLIN), revents: 0)
        poll(&wake, 1, Self.pauseMilliseconds)
    }

    private static let pauseMilliseconds: Int32 = 20

    private func carryOut(_ outcome: DHCPOutcome, for arrived: ArrivedRequest, after previous: Probe? = nil) {
        switch outcome {
        case .nothing, .later:
            break
        case .send(let reply):
            outbox.append(reply)
        case .probe(let address, let offer):
            probe(address, then: offer, for: arrived, after: previous)
        }
    }

    private func probe(_ address: IPv4Address, then offer: OutgoingReply, for arrived: ArrivedRequest, after: Probe?) {
        let offered = ProbedOffer(offer: offer, arrived: arrived)
        switch prober.add(address, offered, after: after, batchIsFull: batch.isFull, now: calls.now()) {
        case .probe, .joined, .abandoned:
            break
        case .unprobed:
            outbox.append(offer)
        case .conflict(let probe, let mac):
            carryOut(calls.conflict(address, mac, arrived), for: arrived, after: probe)
        }
    }

    private func hear() {
        for (probe, mac) in prober.hear(on: interface) {
            let arrived = probe.offer.arrived
            carryOut(calls.conflict(probe.address, mac, arrived), for: arrived, after: probe)
        }
    }

    private func flush() {
        guard !outbox.isEmpty else { return }
        sender.send(outbox)
        outbox.removeAll(keepingCapacity: true)
    }
}
