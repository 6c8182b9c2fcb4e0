// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Engine
import Glibc
import Model
import Wire

/// What became of one batch.
struct SendResult {
    var unicast = 0
    var broadcast = 0
    var linkLayer = 0
    var linkLayerFallbacks = 0
    /// Sent as frames because the kernel has no room for another neighbour; among `linkLayer`.
    var refusedUnicasts = 0
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

    /// Encodes and sends at most `Limits.sendBatchMax` replies by an interface that has these addresses.
    func send(
        _ replies: ArraySlice<OutgoingReply>, by sockets: PacketSockets, addresses: [InterfaceAddress]
    ) -> SendResult {
        var result = SendResult()
        result.optionsDropped = encode(replies)
        bytes.withUnsafeBufferPointer { bytes in
            sort(replies, bytes)
            sendLinkLayer(by: sockets, &result)
            sendBroadcastFrames(by: sockets, addresses, &result)
            sendUDP(&broadcast, by: sockets.broadcasting, on: sockets.interfaceIndex, &result, \.broadcast)
            result.errors.append(contentsOf: broadcast.map(\.error))
            sendUDP(&unicast, by: sockets.routing, on: 0, &result, \.unicast)
            sendRefused(by: sockets, addresses, &result)
            result.errors.append(contentsOf: unicast.map(\.error))
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
                if let mac = reply.planned.clientMAC { datagram.set(mac) }
                unicast.append(datagram)
            case .broadcast(let port):
                datagram.destination = IPv4Address.broadcast.bits
                datagram.destination_port = port
                datagram.set(everybody)
                broadcast.append(datagram)
            case .linkLayer(let address, let mac, let port):
                datagram.destination = address.bits
                datagram.destination_port = port
                datagram.set(mac)
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
            datagram.set(everybody)
            broadcast.append(datagram)
        }
    }

    /// Broadcasts leave as frames, too. The kernel would need an entry of its neighbour table even for
    /// 255.255.255.255, and while that table is full - 1024 entries for all interfaces and namespaces together, unless
    /// net.ipv4.neigh.default.gc_thresh3 says otherwise - it drops the datagram and reports success. Left in
    /// `broadcast`, for the kernel to try: what is too long for one frame, and what is not from an address of this
    /// interface.
    private func sendBroadcastFrames(
        by sockets: PacketSockets, _ addresses: [InterfaceAddress], _ result: inout SendResult
    ) {
        guard let link = sockets.link, !broadcast.isEmpty else { return }
        let isOwn = { (datagram: cl_outgoing) in addresses.contains { $0.address.bits == datagram.source } }
        datagrams.removeAll(keepingCapacity: true)
        datagrams.append(contentsOf: broadcast.lazy.filter(isOwn))
        guard !datagrams.isEmpty else { return }
        result.broadcast += Int(
            cl_send_link(link.number, sockets.interfaceIndex, &datagrams, Int32(datagrams.count)))
        broadcast.removeAll(where: isOwn)
        broadcast.append(contentsOf: datagrams.lazy.filter { $0.error != 0 })
    }

    /// Replies to clients of this link that the kernel has no room to find the hardware address of: their requests
    /// said it. Not the first choice, because a client may be behind a router that answers ARP in its place.
    private func sendRefused(
        by sockets: PacketSockets, _ addresses: [InterfaceAddress], _ result: inout SendResult
    ) {
        let isRefused = { (datagram: cl_outgoing) in
            datagram.error == ENOBUFS && datagram.destination_port == dhcpClientPort && datagram.hasMAC
                && addresses.contains { $0.subnet.contains(IPv4Address(bits: datagram.destination)) }
        }
        guard let link = sockets.link, unicast.contains(where: isRefused) else { return }
        datagrams.removeAll(keepingCapacity: true)
        datagrams.append(contentsOf: unicast.lazy.filter(isRefused))
        let sent = Int(cl_send_link(link.number, sockets.interfaceIndex, &datagrams, Int32(datagrams.count)))
        result.linkLayer += sent
        result.refusedUnicasts += sent
        unicast.removeAll(where: isRefused)
        unicast.append(contentsOf: datagrams.lazy.filter { $0.error != 0 })
    }

    /// Leaves in `group` what was not sent.
    private func sendUDP(
        _ group: inout [cl_outgoing], by socket: (UInt16) -> Int32?, on interfaceIndex: Int32,
        _ result: inout SendResult, _ sentCount: WritableKeyPath<SendResult, Int>
    ) {
        guard !group.isEmpty else { return }
        var unsent: [cl_outgoing] = []
        for port in [dhcpServerPort, bootServerPort] {
            datagrams.removeAll(keepingCapacity: true)
            datagrams.append(
                contentsOf: group.lazy.filter { ($0.source_port == bootServerPort) == (port == bootServerPort) })
            guard !datagrams.isEmpty else { continue }
            guard let descriptor = socket(port) else {
                // Error 0: there is no socket.
                for index in datagrams.indices { datagrams[index].error = 0 }
                unsent.append(contentsOf: datagrams)
                continue
            }
            result[keyPath: sentCount] += Int(
                cl_send_udp(descriptor, interfaceIndex, &datagrams, Int32(datagrams.count)))
            datagrams.removeAll { $0.error == 0 }
            result[keyPath: sentCount] += sendFromOwnSource(descriptor, interfaceIndex, &result)
            unsent.append(contentsOf: datagrams)
        }
        group = unsent
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

private let everybody = MACAddress(bits: 0xffff_ffff_ffff)

extension cl_outgoing {
    fileprivate mutating func set(_ address: MACAddress) {
        withUnsafeMutableBytes(of: &mac) { $0.copyBytes(from: address.bytes) }
    }

    fileprivate var hasMAC: Bool { withUnsafeBytes(of: mac) { $0.contains { $0 != 0 } } }
}

extension PlannedReply {
    /// The client's own word; nil where the reply goes to a relay, or the link has no such addresses.
    fileprivate var clientMAC: MACAddress? { reply.relayAddress.isAny ? reply.hardware.mac : nil }
}
