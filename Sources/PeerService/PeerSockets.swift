// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Model

/// "Permission denied (errno 13)".
func errorText(_ errno: Int32) -> String { "\(String(cString: strerror(errno))) (errno \(errno))" }

/// A system call failed.
struct SocketFault: Error, Hashable, Sendable {
    let errno: Int32

    /// The descriptor in `result`, or the fault that it says.
    static func check(_ result: Int32) throws(SocketFault) -> Descriptor {
        guard result >= 0 else { throw SocketFault(errno: -result) }
        return Descriptor(result)
    }
}

/// An open descriptor; closed with its last owner.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }
}

/// What the server's thread waits for: sockets, each under a number of its own, and being woken.
final class PeerPoll: Sendable {
    /// Numbers of the two that are always there; links count up from `firstLink`.
    static let woken: UInt64 = 0
    static let received: UInt64 = 1
    static let firstLink: UInt64 = 2

    private let poll: Descriptor
    private let wakeEvent: Descriptor

    init() throws(SocketFault) {
        poll = try SocketFault.check(cl_peer_poll_open())
        wakeEvent = try SocketFault.check(cl_wake_open())
        try add(wakeEvent, Self.woken, reads: true)
    }

    func add(_ descriptor: Descriptor, _ id: UInt64, reads: Bool) throws(SocketFault) {
        let result = cl_peer_poll_add(poll.number, descriptor.number, id, reads ? 1 : 0)
        guard result == 0 else { throw SocketFault(errno: -result) }
    }

    func wake() { cl_wake(wakeEvent.number) }

    /// Waits until something is ready; the numbers come into the first so many places of `ready`.
    func wait(_ ready: inout [UInt64]) -> Int {
        let count = ready.withUnsafeMutableBufferPointer {
            cl_peer_poll_wait(poll.number, $0.baseAddress, Int32($0.count))
        }
        return max(0, Int(count))
    }
}

/// The memory that datagrams are received into. The server's thread alone uses it, which is why it may be handed on.
final class PeerBuffers: @unchecked Sendable {
    private let batch: OpaquePointer
    /// One more than the longest heartbeat.
    private static let bytes = Limits.heartbeatBytesMax + 1

    /// Nil when memory is short.
    init?() {
        guard let batch = cl_batch_new(Int32(Limits.receiveBatchMax), Int32(Self.bytes)) else { return nil }
        self.batch = batch
    }

    deinit { cl_batch_free(batch) }

    /// How many datagrams were waiting, or -errno.
    func receive(from descriptor: Descriptor) -> Int { Int(cl_receive(descriptor.number, batch)) }

    func datagram(_ index: Int) -> cl_datagram { cl_batch_datagram(batch, Int32(index)).pointee }

    func withBytes<Result, Fault: Error>(
        _ index: Int, _ body: (UnsafeBufferPointer<UInt8>) throws(Fault) -> Result
    ) throws(Fault) -> Result {
        let length = min(Int(datagram(index).length), Self.bytes)
        return try body(UnsafeBufferPointer(start: cl_batch_bytes(batch, Int32(index)), count: length))
    }
}

/// Starts `body` on a thread of its own and lets it go. Returns 0 or an errno.
func startThread(name: String, _ body: @escaping @Sendable () -> Void) -> Int32 {
    let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var thread = pthread_t()
    let result = pthread_create(&thread, nil, runThread, start.toOpaque())
    if result == 0 { pthread_detach(thread) } else { start.release() }
    return result
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    cl_name_thread(start.name)
    start.body()
    return nil
}
