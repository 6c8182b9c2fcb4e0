// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Glibc
import Wire

@testable import DHCPService

/// A UDP socket of the client's kernel on eth0: what it receives, that kernel has found right.
final class UDPEnd {
    private let descriptor: Descriptor
    private let batch: OpaquePointer

    struct Datagram {
        let source: IPv4Address
        let sourcePort: UInt16
        let destination: IPv4Address
        let bytes: [UInt8]
        var reply: DHCPReply? { try? DHCPReply(decoding: bytes.span) }
    }

    init(_ lab: NetworkLab, port: UInt16) throws {
        descriptor = try inside(lab.client) {
            Descriptor(try SocketFault.check("UDP", cl_udp_open("eth0", port, 1 << 20)))
        }
        guard let batch = cl_batch_new(1, 8192) else { throw LabFault(description: "memory") }
        self.batch = batch
    }

    deinit { cl_batch_free(batch) }

    func next(within milliseconds: Int32 = 5_000) -> Datagram? {
        var polled = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        guard poll(&polled, 1, milliseconds) > 0, cl_receive(descriptor.number, batch) == 1 else { return nil }
        let datagram = cl_batch_datagram(batch, 0).pointee
        return Datagram(
            source: IPv4Address(bits: datagram.source), sourcePort: datagram.source_port,
            destination: IPv4Address(bits: datagram.destination),
            bytes: Array(UnsafeBufferPointer(start: cl_batch_bytes(batch, 0), count: Int(datagram.length))))
    }
}
