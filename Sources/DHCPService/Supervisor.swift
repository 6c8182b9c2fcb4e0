// SPDX-License-Identifier: Apache-2.0

import CLinux
import Engine
import Glibc
import Model

/// Keeps the interface threads in step with what is wanted and what there is. Belongs to the server's own thread.
final class Supervisor {
    private let calls: DHCPEngineCalls
    private let telemetry: Telemetry
    private let wake: Wake
    /// Becomes readable when a link or an address changes; nil: looked at by the clock.
    private let changes: Descriptor?
    private var known: [InterfaceInfo]?
    private var running: [String: DHCPInterface] = [:]
    /// Kept as long as the server runs: counts never go back, and replies find the interface's next sockets.
    private var senders: [String: (sender: ReplySender, counters: DHCPCounters)] = [:]
    private var isComplete = false

    typealias Report = (String, DHCPInterfaceState, DHCPCounters) -> Void

    init(calls: DHCPEngineCalls, telemetry: Telemetry, wake: Wake) {
        self.calls = calls
        self.telemetry = telemetry
        self.wake = wake
        do throws(SocketFault) {
            changes = Descriptor(try SocketFault.check("netlink socket", cl_interface_changes_open()))
        } catch {
            changes = nil
            telemetry.cannotWatch(error)
        }
    }

    /// Starts, tells and stops interface threads so that `wanted` are served, as far as they exist.
    func reconcile(wanted: [ServedInterface], report: Report) {
        lookAtInterfaces()
        let wantedByName = Dictionary(wanted.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        stopOthers(than: wantedByName)
        for (name, known) in senders where wantedByName[name] == nil { report(name, .removed, known.counters) }
        isComplete = true
        for (name, served) in wantedByName.sorted(by: { $0.key < $1.key }) {
            let state = serve(served)
            report(name, state, counted(name).counters)
            if case .missing = state { isComplete = false }
            if case .failed = state { isComplete = false }
        }
    }

    /// Until `serve` is called, an interface changes, or it is time to try again.
    func wait() {
        var polled: [2 of pollfd] = [
            pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: changes?.number ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        let timeout = isComplete && changes != nil ? -1 : Int32(Limits.interfaceRetryMilliseconds)
        var span = polled.mutableSpan
        span.withUnsafeMutableBufferPointer { _ = poll($0.baseAddress, nfds_t($0.count), timeout) }
        if polled[0].revents != 0 { wake.clear() }
        guard polled[1].revents != 0, let changes else { return }
        // Changes come in swarms (a link and its addresses; a container's start): one look for all of them.
        usleep(Self.swarmMicroseconds)
        cl_interface_changes_clear(changes.number)
    }

    private static let swarmMicroseconds: UInt32 = 20_000

    private func lookAtInterfaces() {
        do throws(NetworkInterfaces.Fault) {
            let now = try NetworkInterfaces.list()
            guard now != known else { return }
            known = now
            calls.interfacesChanged(now)
        } catch {
            telemetry.cannotList(error)
        }
    }

    private func info(_ name: String) -> InterfaceInfo? { known?.first { $0.name == name } }

    /// Stops what is no longer wanted, wanted in another way, gone, or gone and come back as another.
    private func stopOthers(than wanted: [String: ServedInterface]) {
        for (name, interface) in running
        where wanted[name] != interface.served || info(name)?.index != interface.info.index {
            interface.stop()
            running[name] = nil
        }
    }

    private func serve(_ served: ServedInterface) -> DHCPInterfaceState {
        guard let info = info(served.name) else { return .missing }
        if let interface = running[served.name] {
            interface.update(info)
        } else {
            let (sender, counters) = counted(served.name)
            do throws(DHCPInterface.Fault) {
                running[served.name] = try DHCPInterface(
                    served, info: info, calls: calls, sender: sender, counters: counters, telemetry: telemetry)
            } catch {
                return .failed("\(error)")
            }
        }
        return info.isUp && info.isRunning ? .serving(bootPort: served.answersBootPort) : .withoutLink
    }

    private func counted(_ name: String) -> (sender: ReplySender, counters: DHCPCounters) {
        if let known = senders[name] { return known }
        let counters = DHCPCounters()
        let made = (ReplySender(interface: name, counters: counters, telemetry: telemetry), counters)
        senders[name] = made
        return made
    }
}
