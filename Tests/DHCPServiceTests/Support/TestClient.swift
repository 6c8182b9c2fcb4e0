// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Glibc
import Model
import Wire

@testable import DHCPService

/// The octets of a request.
struct TestRequest {
    var type: DHCPMessageType = .discover
    var transactionID: UInt32
    var mac: MACAddress = NetworkLab.clientMAC
    var seconds: UInt16 = 0
    var wantsBroadcast = false
    var relay: IPv4Address = .any
    var client: IPv4Address = .any
    var options: [(UInt8, [UInt8])] = []

    init(_ type: DHCPMessageType = .discover, _ transactionID: UInt32) {
        self.type = type
        self.transactionID = transactionID
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = [1, 1, 6, 0]
        bytes.append(uint32: transactionID)
        bytes.append(uint16: seconds)
        bytes.append(uint16: wantsBroadcast ? 0x8000 : 0)
        for address in [client, .any, .any, relay] { bytes.append(uint32: address.bits) }
        bytes += mac.bytes + [UInt8](repeating: 0, count: 10 + 64 + 128)
        bytes += [99, 130, 83, 99, 53, 1, type.rawValue]
        for (code, value) in options { bytes += [code, UInt8(value.count)] + value }
        return bytes + [255]
    }
}

/// An Ethernet frame as it was on the wire.
struct Frame {
    let bytes: [UInt8]

    var destinationMAC: MACAddress { MACAddress(bytes[0..<6]) }
    var sourceMAC: MACAddress { MACAddress(bytes[6..<12]) }
    var etherType: UInt16 { word(12) }
    func word(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
    func address(_ offset: Int) -> IPv4Address {
        IPv4Address(bits: UInt32(word(offset)) << 16 | UInt32(word(offset + 2)))
    }

    var isARP: Bool { etherType == 0x0806 && bytes.count >= 42 }
    var isIPv6: Bool { etherType == 0x86dd }
    var isUDP: Bool { etherType == 0x0800 && bytes.count >= 42 && bytes[23] == 17 }

    var source: IPv4Address { address(26) }
    var destination: IPv4Address { address(30) }
    var sourcePort: UInt16 { word(34) }
    var destinationPort: UInt16 { word(36) }
    var payload: [UInt8] { Array(bytes[42..<(14 + Int(word(16)))]) }
    var reply: DHCPReply? { isUDP ? try? DHCPReply(decoding: payload.span) : nil }

    /// RFC 1071, the slow way: both sums with their checksums in them are all ones.
    var headerChecksumIsRight: Bool { Self.sum(Array(bytes[14..<34])) == 0xffff }
    var udpChecksumIsRight: Bool {
        let udp = Array(bytes[34..<(14 + Int(word(16)))])
        let pseudoHeader = Array(bytes[26..<34]) + [0, 17, UInt8(udp.count >> 8), UInt8(udp.count & 255)]
        return word(40) != 0 && Self.sum(pseudoHeader + udp) == 0xffff
    }

    static func sum(_ bytes: [UInt8]) -> UInt32 {
        var total: UInt32 = 0
        for (index, byte) in bytes.enumerated() { total += index % 2 == 0 ? UInt32(byte) << 8 : UInt32(byte) }
        while total > 0xffff { total = total >> 16 + total & 0xffff }
        return total
    }
}

/// A machine on the client's side of the lab: sends what it likes and sees every frame that arrives.
final class TestClient: Sendable {
    private let capture: Descriptor
    private let link: Descriptor
    let index: Int32

    init(_ lab: NetworkLab, interface: String = "eth0") throws {
        (capture, link, index) = try inside(lab.client) {
            let index = Int32(if_nametoindex(interface))
            let link = Descriptor(try SocketFault.check("link", cl_link_open(1 << 20)))
            return (try Self.openCapture(index), link, index)
        }
    }

    /// AF_PACKET and its address are not in Swift's Glibc.
    private static func openCapture(_ index: Int32) throws -> Descriptor {
        let family: UInt16 = 17
        let allProtocols = UInt16(3).bigEndian
        let type = Int32(SOCK_RAW.rawValue)
        let descriptor = Descriptor(
            try SocketFault.check("capture", socket(Int32(family), type, Int32(allProtocols))))
        var address = [UInt8](repeating: 0, count: 20)
        address.withUnsafeMutableBytes {
            $0.storeBytes(of: family, toByteOffset: 0, as: UInt16.self)
            $0.storeBytes(of: allProtocols, toByteOffset: 2, as: UInt16.self)
            $0.storeBytes(of: index, toByteOffset: 4, as: Int32.self)
        }
        let bound = address.withUnsafeBytes {
            bind(descriptor.number, $0.bindMemory(to: sockaddr.self).baseAddress, 20)
        }
        var on: Int32 = 1
        var buffer: Int32 = 32 << 20
        let packetLevel: Int32 = 263
        let ignoreOutgoing: Int32 = 23
        let ignored = setsockopt(descriptor.number, packetLevel, ignoreOutgoing, &on, 4)
        let enlarged = setsockopt(descriptor.number, SOL_SOCKET, 33, &buffer, 4)
        guard bound == 0, ignored == 0, enlarged == 0 else {
            throw LabFault(description: "capture: \(errorText(errno))")
        }
        return descriptor
    }

    /// Sends payloads as UDP datagrams in frames of our own, by default as a client without an address does.
    func send(
        _ payloads: [[UInt8]], from source: IPv4Address = .any, port: UInt16 = 68,
        to destination: IPv4Address = .broadcast, port destinationPort: UInt16 = 67,
        mac: MACAddress = MACAddress(bits: .max)
    ) {
        for payload in payloads {
            payload.withUnsafeBufferPointer { bytes in
                var datagram = cl_outgoing()
                datagram.bytes = bytes.baseAddress
                datagram.length = UInt32(bytes.count)
                datagram.source = source.bits
                datagram.destination = destination.bits
                datagram.source_port = port
                datagram.destination_port = destinationPort
                withUnsafeMutableBytes(of: &datagram.mac) { $0.copyBytes(from: mac.bytes) }
                while cl_send_link(link.number, index, &datagram, 1) == 0, datagram.error == EAGAIN { usleep(1000) }
            }
        }
    }

    func send(_ requests: TestRequest...) { send(requests.map(\.bytes)) }

    /// An ARP packet of another machine, to everybody.
    func sendARP(from mac: MACAddress, sender: IPv4Address, target: IPv4Address, operation: UInt8 = 1) throws {
        var frame = [UInt8](repeating: 0xff, count: 6) + mac.bytes + [8, 6, 0, 1, 8, 0, 6, 4, 0, operation]
        frame += mac.bytes
        frame.append(uint32: sender.bits)
        frame += [UInt8](repeating: 0, count: 6)
        frame.append(uint32: target.bits)
        guard Glibc.send(capture.number, frame, frame.count, 0) == frame.count else {
            throw LabFault(description: "ARP: \(errorText(errno))")
        }
    }

    /// The next frame that `isWanted`, or nil after the time.
    func next(within milliseconds: Int64 = 5_000, _ isWanted: (Frame) -> Bool) -> Frame? {
        let end = testNow().adding(milliseconds: milliseconds)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let left = end.millisecondsSince(testNow())
            var polled = pollfd(fd: capture.number, events: Int16(POLLIN), revents: 0)
            guard left >= 0, poll(&polled, 1, Int32(left)) > 0 else { return nil }
            let length = recv(capture.number, &buffer, buffer.count, 0)
            guard length >= 14 else { continue }
            let frame = Frame(bytes: Array(buffer.prefix(length)))
            if isWanted(frame) { return frame }
        }
    }

    /// The next UDP datagram to a DHCP port, from the server.
    func nextReply(within milliseconds: Int64 = 5_000) -> Frame? {
        next(within: milliseconds) { $0.isUDP && ($0.sourcePort == 67 || $0.sourcePort == 4011) }
    }

    func nextARP(within milliseconds: Int64 = 5_000) -> Frame? { next(within: milliseconds, \.isARP) }

    /// `count` replies, fewer if they do not come, more if there are more.
    func replies(_ count: Int) -> [Frame] {
        var frames: [Frame] = []
        while let frame = nextReply(within: frames.count < count ? 5_000 : 100) { frames.append(frame) }
        return frames
    }
}
