// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A thread of its own for code that waits in system calls: the packet path has no `async` (it costs six to nine
/// times the CPU of a plain thread).
struct PacketThread: Sendable {
    private let thread: pthread_t

    /// The thread could not be made.
    struct Fault: Error, Hashable, Sendable {
        let errno: Int32
    }

    /// Starts `body`. The thread must be joined once, or detached.
    init(name: String, body: @escaping @Sendable () -> Void) throws(Fault) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let result = pthread_create(&thread, nil, runPacketThread, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw Fault(errno: result)
        }
        self.thread = thread
    }

    func join() { pthread_join(thread, nil) }
    func detach() { pthread_detach(thread) }
}

private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func runPacketThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    cl_name_thread(start.name)
    start.body()
    return nil
}

/// An open descriptor; closed with its last owner.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }
}

/// Wakes a thread that polls.
final class Wake: Sendable {
    private let descriptor: Descriptor

    init() throws(SocketFault) {
        descriptor = Descriptor(try SocketFault.check("eventfd", cl_wake_open()))
    }

    var number: Int32 { descriptor.number }
    func wake() { cl_wake(descriptor.number) }
    func clear() { cl_wake_clear(descriptor.number) }
}
