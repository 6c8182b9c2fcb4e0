// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Engine
import Model
import Wire

/// A decoded request and its datagram.
struct DecodedRequest {
    var request: DHCPRequest
    var datagram: ReceivedDatagram
}

/// What two tries of one client at the same thing have in common; the later says all that the earlier did.
private struct TryKey: Equatable {
    var transactionID: UInt32
    var relayAddress: IPv4Address
    var hardware: ClientHardware
    var messageType: DHCPMessageType?

    init(_ request: DHCPRequest) {
        transactionID = request.transactionID
        relayAddress = request.relayAddress
        hardware = request.hardware
        messageType = request.messageType
    }
}

/// What one read from a socket has brought.
struct ReceivedBatch {
    private(set) var requests: [DecodedRequest] = []
    private var keys: [TryKey] = []
    /// As many datagrams as fit into one read: more are waiting.
    private(set) var isFull = false
    private(set) var counts = BatchCounts()

    /// The share of one batch in the interface's counts.
    struct BatchCounts {
        var received = 0
        var stale = 0
        var superseded = 0
        var tooLong = 0
        var undecodable: [String] = []

        func add(to total: inout DHCPCounts) {
            total.received += received
            total.stale += stale
            total.superseded += superseded
            total.tooLong += tooLong
            for label in undecodable { total.undecodable[label, default: 0] += 1 }
        }
    }

    mutating func fill(from buffers: DatagramBuffers, count: Int, port: UInt16, now: Instant) {
        requests.removeAll(keepingCapacity: true)
        counts = BatchCounts()
        counts.received = count
        isFull = count >= Limits.receiveBatchMax
        for index in 0..<count { take(buffers, index, port: port, now: now) }
        dropSuperseded()
    }

    private mutating func take(_ buffers: DatagramBuffers, _ index: Int, port: UInt16, now: Instant) {
        let datagram = buffers.datagram(index)
        if datagram.is_truncated != 0 {
            counts.tooLong += 1
        } else if datagram.age_milliseconds > Limits.requestAgeMillisecondsMax {
            counts.stale += 1
        } else {
            do {
                let request = try buffers.withBytes(index) { bytes throws(DHCPDecodeError) in
                    try DHCPRequest(decoding: bytes.span)
                }
                requests.append(DecodedRequest(request: request, datagram: Self.received(datagram, port, now)))
            } catch {
                counts.undecodable.append(error.label)
            }
        }
    }

    private static func received(_ datagram: cl_datagram, _ port: UInt16, _ now: Instant) -> ReceivedDatagram {
        ReceivedDatagram(
            interfaceIndex: datagram.interface_index,
            source: IPv4Address(bits: datagram.source), sourcePort: datagram.source_port,
            destination: IPv4Address(bits: datagram.destination), local: IPv4Address(bits: datagram.local),
            port: port, receivedAt: now)
    }

    /// Retransmissions replace what they repeat. At most 64 requests, compared by keys without references: cheaper
    /// than a table.
    private mutating func dropSuperseded() {
        keys.removeAll(keepingCapacity: true)
        for decoded in requests { keys.append(TryKey(decoded.request)) }
        for index in keys.indices.dropLast().reversed() where isRepeated(index) {
            requests.remove(at: index)
            keys.remove(at: index)
            counts.superseded += 1
        }
    }

    private func isRepeated(_ index: Int) -> Bool {
        let key = keys[index]
        for later in (index + 1)..<keys.count where keys[later].transactionID == key.transactionID {
            // Where there is no hardware address (IPoIB, RFC 4390) the client identifier tells clients apart.
            if keys[later] == key, key.hardware.length > 0 || identifier(later) == identifier(index) { return true }
        }
        return false
    }

    private func identifier(_ index: Int) -> ArraySlice<UInt8>? { requests[index].request.clientIdentifier }
}

/// The receive buffers of an interface's two ports: made before its thread, used by that thread alone.
struct ReceiveBuffers: Sendable {
    let dhcp: DatagramBuffers
    let boot: DatagramBuffers

    /// Nil when memory is short.
    init?() {
        guard let dhcp = DatagramBuffers(), let boot = DatagramBuffers() else { return nil }
        self.dhcp = dhcp
        self.boot = boot
    }
}

/// The memory that datagrams are received into. One thread uses it at a time, which is why it may be handed to it.
final class DatagramBuffers: @unchecked Sendable {
    private let batch: OpaquePointer
    private var overflowsSeen: UInt32 = 0

    /// Nil when memory is short.
    init?() {
        guard let batch = cl_batch_new(Int32(Limits.receiveBatchMax), Int32(Limits.datagramBytesMax)) else {
            return nil
        }
        self.batch = batch
    }

    deinit { cl_batch_free(batch) }

    /// How many datagrams were waiting, or -errno.
    func receive(from descriptor: Int32) -> Int { Int(cl_receive(descriptor, batch)) }

    func datagram(_ index: Int) -> cl_datagram { cl_batch_datagram(batch, Int32(index)).pointee }

    func withBytes<Result, Fault: Error>(
        _ index: Int, _ body: (UnsafeBufferPointer<UInt8>) throws(Fault) -> Result
    ) throws(Fault) -> Result {
        let length = min(Int(datagram(index).length), Limits.datagramBytesMax)
        return try body(UnsafeBufferPointer(start: cl_batch_bytes(batch, Int32(index)), count: length))
    }

    /// How many datagrams the kernel has dropped since this was last asked, as far as it has told.
    func newOverflows() -> Int {
        let overflows = cl_batch_overflows(batch)
        defer { overflowsSeen = overflows }
        return Int(overflows &- overflowsSeen)
    }
}
