// SPDX-License-Identifier: Apache-2.0

import Addresses
import Glibc
import Synchronization

@testable import Engine

/// Something on a loopback port that answers questions for the probe file, or does not.
final class ProbeServer: Sendable {
    enum Manner: Sendable {
        /// The file, as it should be.
        case works
        /// Takes what comes and never answers.
        case silent
        case status(Int)
        /// Closes the connection without a word.
        case hangsUp
        /// TFTP: the transfer has a port of its own.
        case otherPort
        /// TFTP: an ERROR.
        case refuses
        /// HTTP: only after a PROXY header.
        case proxied
    }

    let port: UInt16
    private let descriptor: Int32
    private let manner: Mutex<Manner>
    private let count = Atomic(0)
    private let isOpen = Atomic(true)

    var requests: Int { count.load(ordering: .relaxed) }

    init(http manner: Manner, address: IPv4Address = .loopback, port: UInt16 = 0) {
        (descriptor, self.port) = Self.bound(SOCK_STREAM, address, port)
        self.manner = Mutex(manner)
        listen(descriptor, 64)
        _ = TargetThread.start(name: "test-http") { [self] in serveHTTP() }
    }

    init(tftp manner: Manner, port: UInt16 = 0) {
        (descriptor, self.port) = Self.bound(SOCK_DGRAM, .loopback, port)
        self.manner = Mutex(manner)
        _ = TargetThread.start(name: "test-tftp") { [self] in serveTFTP() }
    }

    func become(_ manner: Manner) { self.manner.withLock { $0 = manner } }

    /// As when the process is gone: the port is closed when this returns.
    func kill() {
        guard isOpen.exchange(false, ordering: .relaxed) else { return }
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    private static func bound(_ kind: __socket_type, _ at: IPv4Address, _ port: UInt16) -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, Int32(kind.rawValue), 0)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = at.bits.bigEndian
        address.sin_port = port.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                precondition(bind(descriptor, $0, length) == 0)
                getsockname(descriptor, $0, &length)
            }
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private func serveHTTP() {
        while isOpen.load(ordering: .relaxed) {
            let connection = accept(descriptor, nil, nil)
            guard connection >= 0 else { continue }
            count.wrappingAdd(1, ordering: .relaxed)
            let now = manner.withLock { $0 }
            if case .silent = now { continue }
            if case .hangsUp = now {
                close(connection)
                continue
            }
            var buffer = [UInt8](repeating: 0, count: 2_048)
            let received = recv(connection, &buffer, buffer.count, 0)
            let isProxied = received > 16 && buffer[0] == 0x0d && buffer[12] == 0x20
            let text = String(decoding: buffer.prefix(max(0, received)).dropFirst(isProxied ? 16 : 0), as: UTF8.self)
            var status = text.hasPrefix("GET /probe HTTP/1.1\r\nHost: ") ? 200 : 404
            if case .status(let wanted) = now { status = wanted }
            if case .proxied = now, !isProxied { status = 400 }
            let answer = Array("HTTP/1.1 \(status) X\r\nContent-Length: 7\r\n\r\nondeck\n".utf8)
            _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
            close(connection)
        }
    }

    private func serveTFTP() {
        var buffer = [UInt8](repeating: 0, count: 1_024)
        while isOpen.load(ordering: .relaxed) {
            var peer = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let received = withUnsafeMutablePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length)
                }
            }
            guard received > 4, buffer[1] == 1 else { continue }
            count.wrappingAdd(1, ordering: .relaxed)
            var answer: [UInt8] = [0, 3, 0, 1] + Array("ondeck\n".utf8)
            var other: Int32 = -1
            switch manner.withLock({ $0 }) {
            case .silent: continue
            case .refuses: answer = [0, 5, 0, 1] + Array("not there".utf8) + [0]
            case .otherPort: other = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            default: break
            }
            let from = other >= 0 ? other : descriptor
            withUnsafePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = sendto(from, answer, answer.count, 0, $0, length)
                }
            }
            if other >= 0 { close(other) }
        }
    }
}
