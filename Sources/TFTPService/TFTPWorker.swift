// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Glibc
import Model
import Wire

/// One thread's part of the service: a socket on the port, the transfers of the clients that the kernel gives to it,
/// their deadlines. Nothing in it is shared with another thread but what `TFTPShared` holds.
final class TFTPWorker {
    let shared: TFTPShared
    let listener: Int32
    /// Readable when a stop is wanted.
    private let wake: Int32
    /// Tells which of the transfers' own sockets have something.
    private let poll: Int32
    private let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Limits.receiveBatchMax)
    private let receiver: OpaquePointer
    private let received = UnsafeMutablePointer<cl_tftp_received>.allocate(capacity: Limits.receiveBatchMax)

    var sessions: [TFTPSessionKey: TFTPSession] = [:]
    /// Classic mode: the transfers by their own sockets.
    var connected: [Int32: TFTPSession] = [:]
    var deadlines = TFTPDeadlines()
    /// Sessions that began half-open, the oldest first; those that no longer are stay until they come up.
    var halfOpen: [TFTPSession] = []
    lazy var queue = TFTPSendQueue { [unowned self] session, error in notSent(session, error) }
    /// Read once a batch.
    var now: Int64 = 0
    private var polling = TFTPPolling()

    private init(shared: TFTPShared, listener: Int32, wake: Int32, poll: Int32, receiver: OpaquePointer) {
        self.shared = shared
        self.listener = listener
        self.wake = wake
        self.poll = poll
        self.receiver = receiver
    }

    /// Takes over `listener`, also when it throws; `wake` (an eventfd) stays the caller's.
    static func make(shared: TFTPShared, listener: Int32, wake: Int32) throws(TFTPServerError) -> TFTPWorker {
        let poll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard poll >= 0 else {
            let error = errno
            close(listener)
            throw .resources("epoll", errno: error)
        }
        let receiver = cl_tftp_receiver_new(UInt32(Limits.receiveBatchMax), UInt32(Limits.datagramBytesMax))
        guard let receiver else {
            close(poll)
            close(listener)
            throw .resources("memory", errno: ENOMEM)
        }
        return TFTPWorker(shared: shared, listener: listener, wake: wake, poll: poll, receiver: receiver)
    }

    deinit {
        for session in connected.values { close(session.route.descriptor) }
        close(listener)
        close(poll)
        cl_tftp_receiver_free(receiver)
        received.deallocate()
        events.deallocate()
    }

    /// Tells the loop of packets on a transfer's socket. Closing the socket ends it.
    func watch(_ descriptor: Int32) -> Bool {
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: descriptor))
        return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) == 0
    }

    /// Serves until the service is stopped and the running transfers are through, or have had their time.
    func run() {
        while true {
            now = cl_tftp_microseconds()
            // Read once a round: a stop that comes later in it must find us listening for it.
            let deadline = shared.deadline
            if let deadline, now >= deadline || sessions.values.allSatisfy({ $0.transfer.isHalfOpen }) { break }
            var heard = receive()
            if shared.configuration.mode == .classic { heard = receiveFromConnected() || heard }
            while let session = deadlines.due(now: now) { timerFired(session) }
            queue.flush()
            if heard { polling.heard() } else { rest(until: deadline) }
        }
        stop()
    }

    /// Nothing is there: looks on for a moment where that has been found to pay, else sleeps. `deadline`: of a stop
    /// that is under way.
    private func rest(until deadline: Int64?) {
        if !sessions.isEmpty, polling.looksOn(now: now) { return }
        // Not the epoll descriptor alone: a socket in it costs whoever sends to it, and be it our client's processor.
        var sources = [
            pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
            pollfd(fd: poll, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
        ]
        let next = min(deadlines.next ?? .max, deadline ?? .max)
        let milliseconds = next == .max ? -1 : Int32(clamping: (max(next - now, 0) + 999) / 1_000)
        // Once the stop is known, its descriptor says nothing new, for good.
        _ = Glibc.poll(&sources, nfds_t(deadline == nil ? 3 : 2), milliseconds)
    }

    private func stop() {
        shared.telemetry.threadStopped(cutOff: sessions.values.count { !$0.transfer.isHalfOpen })
        for session in Array(sessions.values) { fail(session, "the server is stopping", tell: .undefined) }
        queue.flush()
    }

    /// One batch from the port; what is left comes after the timers have had their turn. False: there was nothing.
    private func receive() -> Bool {
        let count = Int(cl_tftp_receive(receiver, listener, received))
        for i in 0..<max(count, 0) { handle(received[i]) }
        return count > 0
    }

    /// Classic mode: the sockets of the transfers.
    private func receiveFromConnected() -> Bool {
        let count = Int(epoll_wait(poll, events, Int32(Limits.receiveBatchMax), 0))
        for i in 0..<max(count, 0) {
            if let session = connected[events[i].data.fd] { receive(from: session) }
        }
        return count > 0
    }

    private func receive(from session: TFTPSession) {
        let count = Int(cl_tftp_receive(receiver, session.route.descriptor, received))
        guard count >= 0 else {
            if count != -Int(EAGAIN) { notSent(session, Int32(-count)) }
            return
        }
        for i in 0..<count {
            guard connected[session.route.descriptor] === session else { return }
            if let packet = packet(received[i]) { handle(packet, of: session) }
        }
    }

    private func packet(_ datagram: cl_tftp_received) -> TFTPPacket? {
        let bytes = UnsafeBufferPointer(start: datagram.bytes, count: Int(datagram.length))
        do { return try TFTPPacket(decoding: bytes.span) } catch {
            shared.telemetry.dropped(.malformed)
            return nil
        }
    }

    /// A datagram on the port.
    private func handle(_ datagram: cl_tftp_received) {
        guard datagram.to_many == 0 else { return shared.telemetry.dropped(.broadcast) }
        guard let packet = packet(datagram) else { return }
        let key = TFTPSessionKey(
            client: IPv4Address(bits: datagram.client), clientPort: datagram.client_port,
            local: IPv4Address(bits: datagram.local))
        switch packet {
        case .readRequest(let asked): readRequested(asked, key, interface: datagram.interface)
        case .writeRequest(let asked): writeRequested(asked, key)
        case .acknowledgement, .error:
            guard let session = sessions[key], !session.route.isConnected else {
                return shared.telemetry.dropped(.stray)
            }
            handle(packet, of: session)
        case .data, .optionAcknowledgement: shared.telemetry.dropped(.malformed)
        }
    }

    private func handle(_ packet: TFTPPacket, of session: TFTPSession) {
        switch packet {
        case .acknowledgement(let block): acknowledged(block, session)
        case .error(let code, let message): clientFailed(session, code, message)
        case .readRequest, .writeRequest, .data, .optionAcknowledgement: shared.telemetry.dropped(.malformed)
        }
    }
}
