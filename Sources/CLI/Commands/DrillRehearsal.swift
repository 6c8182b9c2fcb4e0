// SPDX-License-Identifier: Apache-2.0

import APITypes
import Foundation
import Model
import Synchronization

/// The course of a drill: a while without a fault, to have something to compare with; the fault; a while after it.
struct DrillRehearsal {
    let network: String
    let kind: DrillKind
    let load: DrillAccess.Load
    let seconds: Int
    let pauseMilliseconds: Int64
    let force: Bool
    let client: APIClient
    let access: DrillAccess
    let terminal: Terminal

    /// What would be done; throws the reason why it would not.
    func ask() async throws -> DrillOrderReport {
        var request = request
        request.dryRun = true
        return try await send(request)
    }

    func run(_ order: DrillOrderReport) async throws -> DrillReport {
        let interruption = Interruption()
        let running = try DrillCommand.sentence { try access.begin(load) }
        say("\(load.clients) clients on \(load.interface) ask for \(load.perSecond) leases a second")
        do {
            try await wait(beforeMilliseconds, interruption)
            try checkAnswers(running)
            let all = Int64(seconds) * 1_000 - beforeMilliseconds
            switch kind {
            case .handover: try await handOver(order, running, milliseconds: all / 2, interruption)
            case .kill, .silence:
                let text = kind == .kill ? "\(order.node) is killed" : "\(order.node) stands still"
                try await fault(text, request, running)
                let least =
                    kind == .silence
                    ? pauseMilliseconds + Limits.drillDelayMilliseconds + Limits.drillAfterSilenceMilliseconds : 0
                try await wait(max(all, least), interruption)
            }
        } catch {
            say("giving everything back")
            _ = await running.finish(network, kind)
            throw error
        }
        let report = await running.finish(network, kind)
        await tell(report)
        return report
    }

    /// For the timeline. The node that was asked may be the one that was killed: the report does not depend on it.
    private func tell(_ report: DrillReport) async {
        let outcome = DrillOutcome(kind: kind, outcome: report.outcome, gapMilliseconds: report.gapMilliseconds)
        do {
            _ = try await client.send(.put, ["api", "v1", "cluster", "networks", network, "drill"], body: outcome)
        } catch { say("the outcome is not on the timeline of \(client.base): \(error)") }
    }

    // MARK: Parts

    private var request: DrillRequest {
        DrillRequest(kind: kind, milliseconds: kind == .silence ? pauseMilliseconds : nil, force: force)
    }

    private var beforeMilliseconds: Int64 {
        let part = Int64(Double(seconds) * 1_000 * Limits.drillBeforePart)
        return min(max(part, Limits.drillBeforeMillisecondsMin), Limits.drillBeforeMillisecondsMax)
    }

    /// A fault whose effect cannot be measured is not brought about.
    private func checkAnswers(_ running: DrillAccess.Running) throws {
        let expected = Int64(load.perSecond) * beforeMilliseconds / 1_000
        let leases = running.leases()
        guard leases < max(1, expected / 10) else { return }
        let error = running.sendError()
        if error != 0 {
            throw CommandError("cannot send on \(load.interface): \(String(cString: strerror(error)).lowercased())")
        }
        throw CommandError(
            "nothing was rehearsed: the drill's clients got \(leases) leases, where \(expected) were asked for",
            hint: "Is \(load.interface) on the link of \(network), does it lease addresses to unknown machines "
                + "(unknown: lease), and are addresses free? `ondeck watch` shows what it says to them.")
    }

    private func fault(_ text: String, _ request: DrillRequest, _ running: DrillAccess.Running) async throws {
        say(text)
        running.mark(text)
        _ = try await send(request)
    }

    /// There and back: the network is left where it was, also when something goes wrong in between.
    private func handOver(
        _ order: DrillOrderReport, _ running: DrillAccess.Running, milliseconds: Int64, _ interruption: Interruption
    ) async throws {
        let successor = order.successor ?? "another"
        var there = request
        there.to = order.successor
        try await fault("\(order.node) hands over to \(successor)", there, running)
        let back = DrillRequest(kind: .handover, to: order.node, force: true)
        do { try await wait(milliseconds, interruption) } catch {
            _ = try await send(back)
            throw error
        }
        try await fault("\(successor) hands back to \(order.node)", back, running)
        try await wait(milliseconds, interruption)
    }

    private func send(_ request: DrillRequest) async throws -> DrillOrderReport {
        try await client.send(.post, ["api", "v1", "cluster", "networks", network, "drill"], body: request)
            .decode(DrillOrderReport.self)
    }

    private func say(_ text: String) { terminal.errorLine(printable(text)) }

    private func wait(_ milliseconds: Int64, _ interruption: Interruption) async throws {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < end {
            if interruption.came { throw CommandError("interrupted") }
            try await Task.sleep(for: min(.milliseconds(50), max(.zero, end - ContinuousClock.now)))
        }
    }
}

/// Whether the operator has had enough (Ctrl-C): everything is given back before the command ends.
private struct Interruption {
    private static let seen = Atomic(false)

    init() {
        // Made here, so that the handler only sets it.
        Self.seen.store(false, ordering: .relaxed)
        signal(SIGINT) { _ in Interruption.seen.store(true, ordering: .relaxed) }
    }

    var came: Bool { Self.seen.load(ordering: .relaxed) }
}
