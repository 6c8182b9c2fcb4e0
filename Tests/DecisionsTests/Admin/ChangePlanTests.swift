// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct ChangePlanTests {
    private func machine(_ name: String, _ intent: BootIntent = .local) -> SiteObject {
        var machine = Machine(name: name)
        machine.intent = intent
        return .machine(machine)
    }

    private func site(_ objects: [SiteObject]) -> Site {
        var site = Site()
        for object in objects { site.set(object) }
        return site
    }

    private func transcript(_ plan: ChangePlan) -> [String] {
        plan.changes.map { change in
            switch change {
            case .created(let object): "created \(object.objectName)"
            case .changed(_, let object): "changed \(object.objectName)"
            case .deleted(let object): "deleted \(object.objectName)"
            }
        } + ["\(plan.unchanged) unchanged"] + plan.unnamed.map { "unnamed \($0)" }
    }

    @Test func anApplyCreatesChangesAndLeavesAlone() {
        let current = site([machine("a"), machine("b"), machine("c"), .network(Network(name: "n"))])
        let desired = [machine("d"), machine("b", .hold), machine("a")]
        let plan = ChangePlan.between(current: current, desired: desired, prune: false)
        #expect(
            transcript(plan) == [
                "changed machine b", "created machine d", "1 unchanged", "unnamed network n", "unnamed machine c",
            ])
        #expect(plan.changes.first == .changed(from: machine("b"), to: machine("b", .hold)))
        #expect(
            plan.result
                == site([
                    machine("a"), machine("b", .hold), machine("c"), machine("d"), .network(Network(name: "n")),
                ]))
    }

    @Test func withPruneWhatIsNotNamedGoes() {
        let current = site([machine("a"), machine("c"), .network(Network(name: "n")), .parameters(["x": .integer(1)])])
        let plan = ChangePlan.between(current: current, desired: [machine("a")], prune: true)
        #expect(
            transcript(plan) == [
                "deleted network n", "deleted machine c", "deleted parameters global", "1 unchanged",
            ])
        #expect(plan.result == site([machine("a")]))
    }

    @Test(arguments: [true, false])
    func applyingAgainChangesNothing(prune: Bool) {
        let current = site([machine("a"), machine("c")])
        let desired = [machine("a", .hold), machine("b"), .parameters([:])]
        let first = ChangePlan.between(current: current, desired: desired, prune: prune)
        #expect(!first.isEmpty)
        let second = ChangePlan.between(current: first.result, desired: desired, prune: prune)
        #expect(second.isEmpty)
        #expect(second.unchanged == 3)
        #expect(second.result == first.result)
    }

    @Test func emptyParametersAreNoParameters() {
        let nothing = ChangePlan.between(current: Site(), desired: [.parameters([:])], prune: true)
        #expect(transcript(nothing) == ["1 unchanged"])
        let some = site([.parameters(["x": .integer(1)])])
        let emptied = ChangePlan.between(current: some, desired: [.parameters([:])], prune: false)
        #expect(transcript(emptied) == ["changed parameters global", "0 unchanged"])
        #expect(emptied.result == Site())
    }

    @Test func ofTwoObjectsOfOneNameTheLastCounts() {
        let plan = ChangePlan.between(current: Site(), desired: [machine("a"), machine("a", .hold)], prune: false)
        #expect(plan.changes == [.created(machine("a", .hold))])
    }

    @Test func changesComeByKindAndName() {
        let desired: [SiteObject] = [
            .template(Template(name: "z", text: "")), machine("b"), machine("a"), .network(Network(name: "n")),
        ]
        let plan = ChangePlan.between(current: Site(), desired: desired, prune: false)
        #expect(plan.changes.map(\.objectName.description) == ["network n", "machine a", "machine b", "template z"])
    }

    @Test func oneObjectIsDeleted() {
        let current = site([machine("a"), machine("b")])
        let plan = ChangePlan.deleting(ObjectName(.machine, "a"), from: current)
        #expect(plan?.changes == [.deleted(machine("a"))])
        #expect(plan?.result == site([machine("b")]))
        #expect(ChangePlan.deleting(ObjectName(.machine, "c"), from: current) == nil)
    }

    @Test func aHundredThousandReservationsArePlannedInSeconds() {
        func reservations(host: Int) -> [SiteObject] {
            (0..<100_000).map { index in
                let address = IPv4Address(bits: 0x0a00_0001 + UInt32(index))
                let mac = MACAddress(bits: UInt64(index * 2 + host) + 0x5254_0000_0000)
                return .reservation(Reservation(network: "n", address: address, identity: .mac(mac)))
            }
        }
        let start = ContinuousClock.now
        let plan = ChangePlan.between(current: site(reservations(host: 0)), desired: reservations(host: 1), prune: true)
        #expect(plan.changes.count == 100_000)
        // Seconds even unoptimised on a busy machine; something quadratic would take hours.
        #expect(ContinuousClock.now - start < .seconds(60))
    }
}
