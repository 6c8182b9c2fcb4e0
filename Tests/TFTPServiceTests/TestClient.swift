// SPDX-License-Identifier: Apache-2.0

import Addresses
import Glibc
import Wire

/// What a client sees of one packet.
struct Arrival: Equatable {
    var packet: TFTPPacket
    var from: IPv4Address
    var port: UInt16
}

/// A client whose every step the test takes itself.
final class TestClient {
    struct Failure: Error { var what: String }

    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    var server: IPv4Address
    var port: UInt16

    /// `bind`: the address to send from. (Never all addresses: the answers to another test's forged requests would
    /// arrive here, where the port is the same.)
    init(port: UInt16, server: IPv4Address = .loopback, bind source: IPv4Address = .loopback) throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(what: "socket: \(errno)") }
        self.server = server
        self.port = port
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_BROADCAST, &on, socklen_t(MemoryLayout<Int32>.size))
        var name = Self.name(source, 0)
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(what: "bind: \(errno)") }
    }

    deinit { close(descriptor) }

    private static func name(_ address: IPv4Address, _ port: UInt16) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = address.bits.bigEndian
        return name
    }

    func send(_ bytes: [UInt8]) {
        var name = Self.name(server, port)
        _ = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    func send(_ packet: TFTPPacket) { send(packet.bytes) }

    /// Options as "name=value name=value".
    func request(_ name: String, _ options: String = "", mode: String = "octet") {
        send(.readRequest(TFTPRequest(name: Array(name.utf8), mode: mode, options: Self.options(options))))
    }

    static func options(_ text: String) -> [TFTPOption] {
        text.split(separator: " ").map { option in
            let parts = option.split(separator: "=")
            return TFTPOption(name: String(parts[0]), value: String(parts[1]))
        }
    }

    func acknowledge(_ block: UInt16) { send(.acknowledgement(block: block)) }

    /// The next packet, or nil when none comes in time. Waits without holding a thread: tests run side by side.
    func receive(milliseconds: Int = 10_000) async throws -> Arrival? {
        let until = ContinuousClock.now.advanced(by: .milliseconds(milliseconds))
        var looks = 0
        while true {
            if let arrival = try receiveNow() { return arrival }
            guard ContinuousClock.now < until else { return nil }
            looks += 1
            if looks < 50 { await Task.yield() } else { try await Task.sleep(for: .milliseconds(min(looks - 49, 20))) }
        }
    }

    /// A packet that is there already.
    func receiveNow() throws -> Arrival? {
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
            }
        }
        if count < 0, errno == EAGAIN { return nil }
        guard count >= 0 else { throw Failure(what: "recvfrom: \(errno)") }
        let bytes = Array(buffer[..<count])
        return Arrival(
            packet: try TFTPPacket(decoding: bytes.span),
            from: IPv4Address(bits: UInt32(bigEndian: name.sin_addr.s_addr)), port: UInt16(bigEndian: name.sin_port))
    }

    func receivePacket(milliseconds: Int = 10_000) async throws -> TFTPPacket? {
        try await receive(milliseconds: milliseconds)?.packet
    }

    /// The numbers of so many DATA packets, and of those that still come until it is quiet for a moment.
    func receiveBlocks(_ count: Int) async throws -> [UInt16] {
        var blocks: [UInt16] = []
        while case .data(let block, _)? = try await receivePacket(milliseconds: blocks.count < count ? 10_000 : 30) {
            blocks.append(block)
        }
        return blocks
    }

    /// Reads a whole file, as a client without faults on a network without loss. Answers go to the port that answers.
    func read(_ name: String, _ options: String = "") async throws -> [UInt8] {
        request(name, options)
        var blockBytes = 512
        var window = 1
        var content: [UInt8] = []
        var next: UInt16 = 1
        var inWindow = 0
        while let arrival = try await receive() {
            port = arrival.port
            switch arrival.packet {
            case .optionAcknowledgement(let granted):
                for option in granted {
                    if option.name == "blksize" { blockBytes = Int(option.value) ?? 0 }
                    if option.name == "windowsize" { window = Int(option.value) ?? 0 }
                }
                acknowledge(0)
            case .data(let block, let payload) where block == next:
                content += payload
                next &+= 1
                inWindow += 1
                if payload.count < blockBytes {
                    acknowledge(block)
                    return content
                }
                if inWindow == window {
                    inWindow = 0
                    acknowledge(block)
                }
            case .data(let block, _) where block &- next < 0x8000:
                // The system dropped a block: say what we have.
                inWindow = 0
                acknowledge(next &- 1)
            case .data: break
            case .error(let code, let message): throw Failure(what: "error \(code.rawValue) \(message)")
            default: throw Failure(what: "unexpected \(arrival.packet)")
            }
        }
        throw Failure(what: "silence after block \(next &- 1)")
    }
}
