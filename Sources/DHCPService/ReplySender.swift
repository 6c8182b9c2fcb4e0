// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Engine
import Glibc
import Model
import Synchronization
import Wire

/// Sends the replies of one interface, from any thread. Outlives the interface's sockets: while there are none,
/// replies are counted as unsent; the next sockets serve replies to requests that came by the previous ones.
final class ReplySender: Sendable {
    private let interface: String
    private let counters: DHCPCounters
    private let telemetry: Telemetry
    private let sockets = Mutex<PacketSockets?>(nil)
    /// Buffers that nobody is sending with at the moment.
    private let spares = Mutex<[SendBatch]>([])

    init(interface: String, counters: DHCPCounters, telemetry: Telemetry) {
        self.interface = interface
        self.counters = counters
        self.telemetry = telemetry
    }

    var port: ReplyPort { ReplyPort { self.send($0) } }

    /// From now on replies leave by these; nil: not at all.
    func use(_ new: PacketSockets?) { sockets.withLock { $0 = new } }

    func send(_ replies: [OutgoingReply]) {
        guard !replies.isEmpty else { return }
        guard let sockets = sockets.withLock({ $0 }) else {
            counters.update { $0.unsent[0, default: 0] += replies.count }
            telemetry.fault(.send(errno: 0), on: interface)
            return
        }
        let batch = spares.withLock { $0.popLast() } ?? SendBatch()
        var next = replies.startIndex
        while next < replies.endIndex {
            let end = min(next + Limits.sendBatchMax, replies.endIndex)
            report(batch.send(replies[next..<end], by: sockets))
            next = end
        }
        spares.withLock { if $0.count < Self.sparesMax { $0.append(batch) } }
    }

    /// The receiving thread's and the committer's.
    private static let sparesMax = 2

    private func report(_ result: SendResult) {
        counters.update { result.add(to: &$0) }
        if result.sourceFallbacks > 0 { telemetry.fault(.foreignSource, on: interface) }
        for errno in Set(result.errors) { telemetry.fault(.send(errno: errno), on: interface) }
    }
}

/// What became of one batch.
struct SendResult {
    var unicast = 0
    var broadcast = 0
    var linkLayer = 0
    var linkLayerFallbacks = 0
    var sourceFallbacks = 0
    var optionsDropped = 0
    /// One for each reply that was not sent.
    var errors: [Int32] = []

    func add(to total: inout DHCPCounts) {
        total.sentUnicast += unicast
        total.sentBroadcast += broadcast
        total.sentLinkLayer += linkLayer
        total.linkLayerFallbacks += linkLayerFallbacks
        total.sourceFallbacks += sourceFallbacks
        total.optionsDropped += optionsDropped
        for errno in errors { total.unsent[errno, default: 0] += 1 }
    }
}

/// Replies as bytes, sorted by the socket that they leave by. One sender uses it at a time, which is why it may be
/// handed from thread to thread.
final class SendBatch: @unchecked Sendable {
    private var bytes: [UInt8] = []
    private var message: [UInt8] = []
    private var starts: [Int] = []
    private var datagrams: [cl_outgoing] = []
    private var linkLayer: [cl_outgoing] = []
    private var broadcast: [cl_outgoing] = []
    private var unicast: [cl_outgoing] = []

    /// Encodes and sends at most `Limits.sendBatchMax` replies.
    func send(_ replies: ArraySlice<OutgoingReply>, by sockets: PacketSockets) -> SendResult {
        var result = SendResult()
        result.optionsDropped = encode(replies)
        bytes.withUnsafeBufferPointer { bytes in
            sort(replies, bytes)
            sendLinkLayer(by: sockets, &result)
            sendUDP(&broadcast, by: sockets.broadcasting, on: sockets.interfaceIndex, &result, \.broadcast)
            sendUDP(&unicast, by: sockets.routing, on: 0, &result, \.unicast)
        }
        return result
    }

    /// Returns how many options found no room.
    private func encode(_ replies: ArraySlice<OutgoingReply>) -> Int {
        bytes.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        var optionsDropped = 0
        for reply in replies {
            optionsDropped += reply.planned.reply.encode(into: &message).count
            starts.append(bytes.count)
            bytes.append(contentsOf: message)
        }
        starts.append(bytes.count)
        return optionsDropped
    }

    private func sort(_ replies: ArraySlice<OutgoingReply>, _ bytes: UnsafeBufferPointer<UInt8>) {
        linkLayer.removeAll(keepingCapacity: true)
        broadcast.removeAll(keepingCapacity: true)
        unicast.removeAll(keepingCapacity: true)
        for (index, reply) in replies.enumerated() {
            var datagram = cl_outgoing()
            datagram.bytes = bytes.baseAddress.map { $0 + starts[index] }
            datagram.length = UInt32(starts[index + 1] - starts[index])
            datagram.source = reply.planned.source.bits
            datagram.source_port = reply.port
            switch reply.planned.route {
            case .unicast(let address, let port):
                datagram.destination = address.bits
                datagram.destination_port = port
                unicast.append(datagram)
            case .broadcast(let port):
                datagram.destination = IPv4Address.broadcast.bits
                datagram.destination_port = port
                broadcast.append(datagram)
            case .linkLayer(let address, let mac, let port):
                datagram.destination = address.bits
                datagram.destination_port = port
                withUnsafeMutableBytes(of: &datagram.mac) { $0.copyBytes(from: mac.bytes) }
                linkLayer.append(datagram)
            }
        }
    }

    /// Frames that the kernel refuses (too long for one, or there is no packet socket) join the broadcasts.
    private func sendLinkLayer(by sockets: PacketSockets, _ result: inout SendResult) {
        guard !linkLayer.isEmpty else { return }
        if let link = sockets.link {
            let sent = cl_send_link(link.number, sockets.interfaceIndex, &linkLayer, Int32(linkLayer.count))
            result.linkLayer += Int(sent)
            linkLayer.removeAll { $0.error == 0 }
        }
        result.linkLayerFallbacks += linkLayer.count
        for var datagram in linkLayer {
            datagram.destination = IPv4Address.broadcast.bits
            broadcast.append(datagram)
        }
    }

    private func sendUDP(
        _ group: inout [cl_outgoing], by socket: (UInt16) -> Int32?, on interfaceIndex: Int32,
        _ result: inout SendResult, _ sentCount: WritableKeyPath<SendResult, Int>
    ) {
        for port in [dhcpServerPort, bootServerPort] {
            datagrams.removeAll(keepingCapacity: true)
            datagrams.append(
                contentsOf: group.lazy.filter { ($0.source_port == bootServerPort) == (port == bootServerPort) })
            guard !datagrams.isEmpty else { continue }
            guard let descriptor = socket(port) else {
                result.errors.append(contentsOf: datagrams.map { _ in 0 })
                continue
            }
            result[keyPath: sentCount] += Int(
                cl_send_udp(descriptor, interfaceIndex, &datagrams, Int32(datagrams.count)))
            datagrams.removeAll { $0.error == 0 }
            result[keyPath: sentCount] += sendFromOwnSource(descriptor, interfaceIndex, &result)
            result.errors.append(contentsOf: datagrams.map(\.error))
        }
    }

    /// A source address that is not this machine's has no route (ENETUNREACH; EINVAL by the manual page): a reply from
    /// another of its addresses is better than none.
    private func sendFromOwnSource(_ descriptor: Int32, _ interfaceIndex: Int32, _ result: inout SendResult) -> Int {
        let isRefusedSource = { (d: cl_outgoing) in d.source != 0 && (d.error == ENETUNREACH || d.error == EINVAL) }
        var retries = datagrams.filter(isRefusedSource)
        guard !retries.isEmpty else { return 0 }
        for index in retries.indices { retries[index].source = 0 }
        let sent = Int(cl_send_udp(descriptor, interfaceIndex, &retries, Int32(retries.count)))
        result.sourceFallbacks += sent
        datagrams.removeAll(where: isRefusedSource)
        datagrams.append(contentsOf: retries.lazy.filter { $0.error != 0 })
        return sent
    }
}
