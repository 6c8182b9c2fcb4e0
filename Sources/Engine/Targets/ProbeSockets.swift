// SPDX-License-Identifier: Apache-2.0

import Addresses
import Glibc
import Model

/// Questions that are under way, each on a socket of its own. One thread uses it.
struct ProbeSockets<Key: Hashable> {
    private struct Open {
        var key: Key
        var question: ProbeQuestion
        var descriptor: Int32
        var deadline: Uptime
        var isSent: Bool
        var received: [UInt8] = []
    }

    private var open: [Open] = []
    private var buffer = [UInt8](repeating: 0, count: Limits.probeAnswerBytesMax)

    init() {}

    var keys: Set<Key> { Set(open.map(\.key)) }

    /// Asks. An answer that is known at once is returned at once.
    mutating func ask(_ question: ProbeQuestion, key: Key, deadline: Uptime) -> ProbeOutcome? {
        let isStream = if case .http = question { true } else { false }
        let kind = Int32((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue)
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, kind | flags, 0)
        guard descriptor >= 0 else { return .wrong(Self.text(errno)) }
        let result = isStream ? Self.connect(descriptor, question) : Self.send(descriptor, question)
        guard result == 0 || result == EINPROGRESS else {
            close(descriptor)
            return Self.outcome(result)
        }
        open.append(
            Open(key: key, question: question, descriptor: descriptor, deadline: deadline, isSent: !isStream))
        return nil
    }

    /// Waits for answers, no longer than `milliseconds`, and tells those that have come or will no longer.
    mutating func wait(milliseconds: Int64, now: () -> Uptime) -> [(key: Key, outcome: ProbeOutcome)] {
        var polled = open.map { pollfd(fd: $0.descriptor, events: Int16($0.isSent ? POLLIN : POLLOUT), revents: 0) }
        _ = poll(&polled, nfds_t(polled.count), Int32(clamping: max(0, milliseconds)))
        let time = now()
        var ended: [(key: Key, outcome: ProbeOutcome)] = []
        var rest: [Open] = []
        for (index, one) in open.enumerated() {
            var one = one
            let outcome =
                (polled[index].revents != 0 ? advance(&one) : nil) ?? (time >= one.deadline ? .lost : nil)
            guard let outcome else {
                rest.append(one)
                continue
            }
            close(one.descriptor)
            ended.append((one.key, outcome))
        }
        open = rest
        return ended
    }

    mutating func closeAll() {
        for one in open { close(one.descriptor) }
        open = []
    }

    // MARK: One question

    private mutating func advance(_ one: inout Open) -> ProbeOutcome? {
        guard one.isSent else {
            var code: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(one.descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
            guard code == 0 else { return Self.outcome(code) }
            let bytes = one.question.bytes
            let sent = Glibc.send(one.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            guard sent == bytes.count else { return sent < 0 ? Self.outcome(errno) : .wrong("takes no request") }
            one.isSent = true
            return nil
        }
        var peer = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(one.descriptor, &buffer, buffer.count, 0, $0, &length)
            }
        }
        guard count >= 0 else { return errno == EAGAIN || errno == EINTR ? nil : Self.outcome(errno) }
        if case .tftp(let address, _) = one.question {
            // From whichever port: a transfer may have one of its own (RFC 1350).
            guard UInt32(bigEndian: peer.sin_addr.s_addr) == address.bits else { return nil }
            let outcome = one.question.judge(Array(buffer[..<count]), isEnd: true)
            if outcome == .answered { acknowledge(one.descriptor, &peer) }
            return outcome
        }
        one.received += buffer[..<count]
        return one.question.judge(one.received, isEnd: count == 0)
    }

    /// The file is shorter than a block: this ends the transfer.
    private func acknowledge(_ descriptor: Int32, _ peer: inout sockaddr_in) {
        let bytes: [UInt8] = [0, 4, 0, 1]
        withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(
                    descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0,
                    socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func connect(_ descriptor: Int32, _ question: ProbeQuestion) -> Int32 {
        var address = socketAddress(question)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 ? 0 : errno
            }
        }
    }

    private static func send(_ descriptor: Int32, _ question: ProbeQuestion) -> Int32 {
        // Without it the refusal of a port that nobody listens at does not reach an unconnected socket.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_IP), IP_RECVERR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = socketAddress(question)
        let bytes = question.bytes
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                let sent = sendto(
                    descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0,
                    socklen_t(MemoryLayout<sockaddr_in>.size))
                return sent == bytes.count ? 0 : errno
            }
        }
    }

    private static func socketAddress(_ question: ProbeQuestion) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = question.port.bigEndian
        address.sin_addr.s_addr = question.address.bits.bigEndian
        return address
    }

    private static func outcome(_ code: Int32) -> ProbeOutcome {
        code == ECONNREFUSED ? .refused : .wrong(text(code))
    }

    private static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
