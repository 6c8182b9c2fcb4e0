// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Foundation
import Model
import Synchronization
import Wire

/// Made-up clients at work: a thread that carries out what `DrillClients` concludes, until it is told to stop.
public final class DrillRun: Sendable {
    private struct State {
        var clients: DrillClients
        var faults: [(at: Int64, text: String)] = []
        /// Nobody begins any more; who waits is waited for until then.
        var settles: Int64?
        var sendError: Int32 = 0
    }

    private let interface: DrillInterface
    private let plan: DrillClients.Plan
    private let sockets: DrillSockets
    private let state: Mutex<State>
    private let ends: AsyncStream<Void>
    private let end: AsyncStream<Void>.Continuation

    /// Begins at once.
    public init(on interface: DrillInterface, clients: Int, perSecond: Int) throws(DrillFault) {
        self.interface = interface
        plan = DrillClients.Plan(
            clients: clients, perSecond: perSecond, firstMAC: DrillClients.Plan.firstMAC(on: interface.mac),
            firstTransaction: .random(in: 0 ... .max))
        sockets = try DrillSockets(interface)
        state = Mutex(State(clients: DrillClients(plan, now: drillMicroseconds())))
        (ends, end) = AsyncStream<Void>.makeStream()
        Thread.detachNewThread { [self] in
            Thread.current.name = "drill"
            work()
            end.finish()
        }
    }

    /// How many leases have been given so far, and the error that the last sending failed with, or 0.
    public var progress: (leases: Int, sendError: Int32) {
        state.withLock { ($0.clients.log.leases.count, $0.sendError) }
    }

    /// A fault is being ordered now.
    public func mark(_ fault: String) {
        let now = drillMicroseconds()
        state.withLock { $0.faults.append((now, fault)) }
    }

    /// Waits for those who have no address yet, gives everything back, and says what has been seen.
    public func finish(_ network: String, _ kind: DrillKind) async -> DrillReport {
        let now = drillMicroseconds()
        state.withLock { state in
            state.clients.stopAsking(now)
            state.settles = now + Limits.drillSettleMillisecondsMax * 1_000
        }
        for await _ in ends {}
        let (log, faults) = state.withLock { ($0.clients.log, $0.faults) }
        return DrillReport(log, faults: faults, network: network, kind: kind, interface: interface.name, plan: plan)
    }

    // MARK: The thread

    private func work() {
        var buffer = [UInt8](repeating: 0, count: 1_500)
        var turned = drillMicroseconds()
        while true {
            let now = drillMicroseconds()
            hear(&buffer)
            // The longest wait is asked for below; what is beyond it, nobody wanted.
            let late = now - turned - Self.waitMax
            let (messages, next, isOver) = state.withLock { state in
                state.clients.noteStall(late)
                let messages = state.clients.turn(now)
                let isOver = state.settles.map { state.clients.waiting == 0 || $0 <= now } ?? false
                return (messages, state.clients.nextTurn, isOver)
            }
            send(messages)
            if isOver { break }
            turned = now
            sockets.wait(microseconds: min(next - drillMicroseconds(), Self.waitMax))
        }
        let last = state.withLock { $0.clients.end(drillMicroseconds()) }
        // Nobody answers a RELEASE: said twice, one may be lost.
        for _ in 0..<2 {
            for message in last {
                send([message])
                usleep(2_000)
            }
        }
    }

    private static let waitMax: Int64 = 20_000

    private func hear(_ buffer: inout [UInt8]) {
        while let reply = sockets.receive(&buffer) {
            let message = state.withLock { $0.clients.hear(reply, drillMicroseconds()) }
            if let message { send([message]) }
        }
    }

    private func send(_ messages: [DHCPRequest]) {
        for message in messages {
            let error = sockets.send(message)
            state.withLock { $0.sendError = error }
        }
    }
}
