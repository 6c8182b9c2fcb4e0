// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

private func at(_ minutes: Int64) -> Instant { Instant(seconds: minutes * 60) }

private func machine(_ intent: BootIntent) -> Machine {
    var machine = Machine(name: "web1")
    machine.intent = intent
    return machine
}

private func permission(_ intent: BootIntent, _ status: BootStatus? = nil, now: Instant = at(0)) -> BootPermission {
    BootGate.permission(machine: machine(intent), network: nil, status: status, now: now)
}

@Suite struct BootGateTests {
    @Test func intents() {
        #expect(permission(.install(environment: "os")) == .boot(environment: "os", once: true))
        #expect(permission(.always(environment: "os")) == .boot(environment: "os", once: false))
        #expect(permission(.local) == .local(.intentIsLocal))
        #expect(permission(.hold) == .hold(.intentIsHold))
    }

    @Test func anInstallationHappensOnce() {
        let web = machine(.install(environment: "os"))
        let first = BootStatus.current(nil, of: web).recordingAttempt(at: at(0))
        #expect(permission(web.intent, first) == .boot(environment: "os", once: true))
        let done = first.markingDone(at: at(9))
        #expect(permission(web.intent, done, now: at(10)) == .local(.done(intent: "install os", at: at(9))))
        #expect(done.markingDone(at: at(20)) == done)
        #expect(done.attempts == [at(0)])
    }

    @Test func aStatusOfAnotherIntentSaysNothing() {
        let done = BootStatus.current(nil, of: machine(.install(environment: "old"))).markingDone(at: at(1))
        #expect(permission(.install(environment: "os"), done) == .boot(environment: "os", once: true))
        #expect(BootStatus.current(done, of: machine(.install(environment: "os"))).doneAt == nil)
        #expect(BootStatus.current(done, of: machine(.install(environment: "old"))) == done)
    }

    @Test func doneDoesNotStopADisklessMachine() {
        let done = BootStatus.current(nil, of: machine(.always(environment: "os"))).markingDone(at: at(1))
        #expect(permission(.always(environment: "os"), done) == .boot(environment: "os", once: false))
    }

    @Test func aLoopIsHeldUntilTheOperatorComes() {
        let web = machine(.install(environment: "os"))
        var status = BootStatus.current(nil, of: web)
        for minute: Int64 in [0, 10, 20, 30] { status = status.recordingAttempt(at: at(minute)) }
        #expect(permission(web.intent, status, now: at(40)) == .boot(environment: "os", once: true))
        status = status.recordingAttempt(at: at(40))
        let loop = BootGate.Reason.looping(intent: "install os", boots: 5, minutes: 40, minutesAgo: 10)
        #expect(permission(web.intent, status, now: at(50)) == .hold(loop))
        guard case .hold = permission(web.intent, status, now: at(6_000)) else {
            Issue.record("time alone must not release it")
            return
        }
        // The operator gives it the intent again: the status is dropped.
        #expect(permission(web.intent, nil, now: at(51)) == .boot(environment: "os", once: true))
    }

    @Test func slowRepetitionsAreNoLoop() {
        let web = machine(.install(environment: "os"))
        var status = BootStatus.current(nil, of: web)
        for hour: Int64 in 0..<20 { status = status.recordingAttempt(at: at(hour * 60)) }
        #expect(permission(web.intent, status, now: at(1_300)) == .boot(environment: "os", once: true))
        #expect(status.attempts.count == Limits.bootAttemptsKept)
        #expect(status.attempts.last == at(19 * 60))
    }

    @Test(arguments: [
        (UnknownPolicy.ignore, BootPermission.refuse(.unknownIsIgnored)),
        (.lease, .local(.unknownGetsLeaseOnly)),
        (.environment("discover"), .boot(environment: "discover", once: false)),
    ])
    func unknownMachines(policy: UnknownPolicy, expected: BootPermission) {
        var network = Network(name: "rack1")
        network.unknown = policy
        #expect(BootGate.permission(machine: nil, network: network, status: nil, now: at(0)) == expected)
        let reserved = BootGate.permission(machine: nil, network: network, status: nil, now: at(0), isReserved: true)
        #expect(reserved == .local(.reservedOnly))
    }

    @Test func anUnknownMachineNowhere() {
        #expect(
            BootGate.permission(machine: nil, network: nil, status: nil, now: at(0)) == .refuse(.unknownWithoutNetwork))
    }
}
