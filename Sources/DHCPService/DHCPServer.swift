// SPDX-License-Identifier: Apache-2.0

import CLinux
import Engine
import Logging
import Synchronization

/// An interface to answer requests on.
public struct ServedInterface: Hashable, Sendable {
    public var name: String
    /// Whether to listen on port 4011, too: some network here is in proxy mode.
    public var answersBootPort: Bool

    public init(name: String, answersBootPort: Bool = false) {
        self.name = name
        self.answersBootPort = answersBootPort
    }
}

/// How an interface that is to be served fares.
public enum DHCPInterfaceState: Hashable, Sendable, CustomStringConvertible {
    case serving(bootPort: Bool)
    /// The sockets are open; the interface is down or has no carrier.
    case withoutLink
    /// No such interface (yet).
    case missing
    /// Its sockets cannot be opened; tried again every second.
    case failed(String)
    /// No longer to be served.
    case removed

    public var description: String {
        switch self {
        case .serving(let bootPort): bootPort ? "serving on ports 67 and 4011" : "serving on port 67"
        case .withoutLink: "waiting for the link"
        case .missing: "no such interface; waiting for it"
        case .failed(let reason): "cannot serve: \(reason); trying again"
        case .removed: "no longer served"
        }
    }
}

/// One interface in a snapshot.
public struct DHCPInterfaceStatus: Hashable, Sendable {
    public var name: String
    public var state: DHCPInterfaceState
    public var counts: DHCPCounts
}

/// The DHCP sockets of this machine: a thread for each served interface, and one that starts and stops them as
/// interfaces and configuration come and go. With nothing to serve there is no socket.
public final class DHCPServer: Sendable {
    private let calls: DHCPEngineCalls
    private let telemetry: Telemetry
    private let wake: Wake
    private let orders = Mutex(Orders())
    private let statuses = Mutex<[String: Status]>([:])

    private struct Orders {
        var wanted: [ServedInterface] = []
        var isStopping = false
    }

    private struct Status {
        var state: DHCPInterfaceState
        var counters: DHCPCounters
    }

    /// Why a server could not be made or started.
    public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    public init(engine calls: DHCPEngineCalls, logger: Logger) throws(Fault) {
        self.calls = calls
        telemetry = Telemetry(logger: logger, now: calls.now)
        do throws(SocketFault) { wake = try Wake() } catch { throw Fault(description: "\(error)") }
    }

    /// Answer requests on these interfaces, and on no others, from a moment later on. May be called at any time and
    /// from any thread, also before `run`; waits for nothing.
    public func serve(_ interfaces: [ServedInterface]) {
        orders.withLock { $0.wanted = interfaces }
        wake.wake()
    }

    /// Every interface that has been served since the start, by name.
    public var snapshot: [DHCPInterfaceStatus] {
        statuses.withLock { $0 }
            .map { DHCPInterfaceStatus(name: $0.key, state: $0.value.state, counts: $0.value.counters.snapshot) }
            .sorted { $0.name < $1.name }
    }

    /// Serves until the task is cancelled; then all sockets are closed and all threads have ended. Once only.
    public func run() async throws(Fault) {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (done: CheckedContinuation<Fault?, Never>) in
                do throws(PacketThread.Fault) {
                    let thread = try PacketThread(name: "dhcp") {
                        self.superviseUntilStopped()
                        done.resume(returning: nil)
                    }
                    thread.detach()
                } catch {
                    done.resume(returning: Fault(description: "no thread: \(errorText(error.errno))"))
                }
            }
        } onCancel: {
            stop()
        }
        if let result { throw result }
    }

    func stop() {
        orders.withLock { $0.isStopping = true }
        wake.wake()
    }

    /// The body of the supervising thread. Sockets belong to the network namespace of the thread that calls it.
    func superviseUntilStopped() {
        let supervisor = Supervisor(calls: calls, telemetry: telemetry, wake: wake)
        while let wanted = orders.withLock({ $0.isStopping ? nil : $0.wanted }) {
            supervisor.reconcile(wanted: wanted, report: report)
            supervisor.wait()
        }
        supervisor.reconcile(wanted: [], report: report)
    }

    /// Notes the state of one interface, with a log line when it is new.
    private func report(_ name: String, _ state: DHCPInterfaceState, _ counters: DHCPCounters) {
        let previous = statuses.withLock { statuses in
            defer { statuses[name] = Status(state: state, counters: counters) }
            return statuses[name]?.state
        }
        if previous != state { telemetry.changed(name, to: state) }
    }
}
