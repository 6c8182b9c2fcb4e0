// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLinux
import Decisions
import Glibc
import Logging
import Model
import Synchronization

public enum TFTPServerError: Error, Hashable, Sendable {
    /// The port cannot be had: in use, not allowed, or not our address.
    case listen(address: IPv4Address, port: UInt16, errno: Int32)
    /// The system gave no thread, event descriptor or memory.
    case resources(String, errno: Int32)
    /// It was started before. A server starts once.
    case alreadyStarted
}

extension TFTPServerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .listen(let address, let port, let errno):
            let hint =
                switch errno {
                case EADDRINUSE: "another program has the port; \"ss -ulnp\" shows which"
                case EADDRNOTAVAIL: "no interface of this machine has the address"
                case EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE"
                default: String(cString: strerror(errno))
                }
            return "cannot listen on \(address):\(port) for TFTP: \(hint)"
        case .resources(let what, let errno): return "cannot start TFTP: \(what): \(String(cString: strerror(errno)))"
        case .alreadyStarted: return "TFTP was started before"
        }
    }
}

/// A read-only TFTP server: RFC 1350, 2347, 2348, 2349 and 7440, octet mode.
///
/// Packets are handled by threads of its own; `resolve` and `report` are called there, so they must be quick and must
/// not wait for anything but a local disk.
public final class TFTPServer: Sendable {
    private enum State {
        /// Becomes `running`, or `stopped` when the start fails.
        case idle
        /// Becomes `stopped` when the last thread has ended.
        case running(threads: Int, port: UInt16, wake: Int32, waiting: [CheckedContinuation<Void, Never>])
        case stopped
    }

    private let shared: TFTPShared
    private let state = Mutex<State>(.idle)

    public init(
        configuration: TFTPConfiguration, resolve: @escaping @Sendable (TFTPReadRequest) -> TFTPContent,
        report: @escaping @Sendable (TFTPReport) -> Void, logger: Logger
    ) {
        shared = TFTPShared(
            configuration: configuration, resolve: resolve, telemetry: TFTPTelemetry(logger: logger, report: report))
    }

    /// What has been counted so far. The same metrics in the same order each time.
    public var counters: [TFTPCounter] { shared.telemetry.counters }

    /// The port served; nil when not running.
    public var port: UInt16? {
        state.withLock { state in
            guard case .running(_, let port, _, _) = state else { return nil }
            return port
        }
    }

    /// Serves until the task is cancelled; then finishes running transfers, for a limited time, and returns.
    public func run() async throws(TFTPServerError) {
        try start()
        await withTaskCancellationHandler {
            await ended()
        } onCancel: {
            requestStop(drainMilliseconds: Limits.tftpDrainMilliseconds)
        }
    }

    /// Takes the port and starts serving it.
    public func start() throws(TFTPServerError) {
        guard state.withLock({ if case .idle = $0 { true } else { false } }) else { throw .alreadyStarted }
        let wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wake >= 0 else { throw .resources("eventfd", errno: errno) }
        let workers: [TFTPWorker]
        let port: UInt16
        do throws(TFTPServerError) { (workers, port) = try makeWorkers(wake) } catch {
            close(wake)
            throw error
        }
        state.withLock { $0 = .running(threads: workers.count, port: port, wake: wake, waiting: []) }
        try launch(workers)
        shared.telemetry.listening(shared.configuration, port: port, threads: workers.count)
    }

    /// Answers no new request, lets running transfers finish for so long, and returns when all is done. Transfers
    /// that are not through by then get an ERROR.
    public func stop(drainMilliseconds: Int64 = Limits.tftpDrainMilliseconds) async {
        requestStop(drainMilliseconds: drainMilliseconds)
        await ended()
    }

    private func requestStop(drainMilliseconds: Int64) {
        state.withLock { state in
            shared.stop(by: cl_tftp_microseconds() + drainMilliseconds * 1_000)
            guard case .running(_, _, let wake, _) = state else { return }
            eventfd_write(wake, 1)
        }
    }

    private func ended() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard case .running(let threads, let port, let wake, let waiting) = state else { return true }
                state = .running(threads: threads, port: port, wake: wake, waiting: waiting + [continuation])
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// A worker for each thread, each with a socket of its own, all on one port.
    private func makeWorkers(_ wake: Int32) throws(TFTPServerError) -> ([TFTPWorker], UInt16) {
        var workers: [TFTPWorker] = []
        var port = shared.configuration.port
        while workers.count < shared.threads {
            let listener = cl_tftp_listen(shared.configuration.listen.bits, port, workers.isEmpty ? 0 : 1)
            guard listener >= 0 else {
                throw .listen(address: shared.configuration.listen, port: port, errno: -listener)
            }
            port = UInt16(clamping: cl_tftp_port(listener))
            workers.append(try TFTPWorker.make(shared: shared, listener: listener, wake: wake))
        }
        return (workers, port)
    }

    private func launch(_ workers: [TFTPWorker]) throws(TFTPServerError) {
        var failure: Int32 = 0
        for worker in workers {
            if failure == 0 { failure = TFTPThread.start(worker) { [self] in threadEnded() } }
            guard failure != 0 else { continue }
            requestStop(drainMilliseconds: 0)
            threadEnded()
        }
        guard failure == 0 else { throw .resources("thread", errno: failure) }
    }

    private func threadEnded() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard case .running(let threads, let port, let wake, let waiting) = state else { return [] }
            guard threads == 1 else {
                state = .running(threads: threads - 1, port: port, wake: wake, waiting: waiting)
                return []
            }
            state = .stopped
            close(wake)
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// A thread that runs one worker to its end.
private final class TFTPThread {
    private var worker: TFTPWorker?
    private let ended: () -> Void

    private init(_ worker: TFTPWorker, _ ended: @escaping () -> Void) {
        self.worker = worker
        self.ended = ended
    }

    /// 0 or an errno; the worker is the thread's from then on.
    static func start(_ worker: TFTPWorker, ended: @escaping @Sendable () -> Void) -> Int32 {
        let body = Unmanaged.passRetained(TFTPThread(worker, ended))
        var thread = pthread_t()
        let error = pthread_create(&thread, nil, TFTPThread.main, body.toOpaque())
        guard error == 0 else {
            body.release()
            return error
        }
        pthread_detach(thread)
        return 0
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { body in
        guard let body else { return nil }
        Unmanaged<TFTPThread>.fromOpaque(body).takeRetainedValue().run()
        return nil
    }

    private func run() {
        cl_tftp_name_thread("tftp")
        worker?.run()
        // Closes its socket before anybody hears of the end: who waits for it may take the port again.
        worker = nil
        ended()
    }
}
