// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct TargetFactsTests {
    static func view(
        _ name: String, life: Leadership.NodeView.Life = .alive, silent: Int64 = 0,
        _ change: (inout Beat) -> Void = { _ in }
    ) -> Leadership.NodeView {
        let last = UInt8(name.dropFirst()) ?? 0
        var beat = Beat(run: NodeRun(node: name, incarnation: 1))
        beat.serverIdentifiers = [IPv4Address(10, 1, 0, last), IPv4Address(10, 9, 0, last)]
        beat.peerAddress = IPv4Address(172, 16, 0, last)
        beat.httpPort = 8080
        (beat.tftp, beat.http) = (.works, .works)
        change(&beat)
        return Leadership.NodeView(beat: beat, life: life, silentMilliseconds: silent)
    }

    static func facts(_ views: [Leadership.NodeView]) -> TargetFacts {
        var facts = TargetFacts(own: "n1", isShared: true)
        facts.views = views
        return facts
    }

    static func absences(_ facts: TargetFacts) -> [String: String] {
        facts.nodes().reduce(into: [:]) { $0[$1.name] = $1.absence }
    }

    @Test func whoIsNotThereIsNotNamed() {
        let facts = Self.facts([
            Self.view("n1"), Self.view("n2", life: .silent), Self.view("n3", life: .processGone),
            Self.view("n4") { $0.intent = .stopped }, Self.view("n5") { $0.intent = .draining },
            Self.view("n6") { $0.httpPort = 0 }, Self.view("n7", silent: Limits.targetSilenceMilliseconds + 1),
            Self.view("n8", silent: Limits.targetSilenceMilliseconds),
        ])
        #expect(
            Self.absences(facts) == [
                "n2": "it is silent", "n3": "its process is gone", "n4": "it has stopped", "n5": "it is drained",
                "n6": "it has not said where it serves", "n7": "it is silent",
            ])
    }

    /// A store that stalls makes everybody silent: who still answers for files is named.
    @Test func anAnswerIsASignOfLife() {
        var facts = Self.facts([Self.view("n1"), Self.view("n2", silent: 5_000)])
        facts.sights["n2"] = TargetFacts.Sight()
        facts.sights["n2"]?.millisecondsSinceAnswer = 100
        #expect(Self.absences(facts).isEmpty)
    }

    @Test func silenceDoesNotMakeANewTableEveryMoment() {
        let early = Self.facts([Self.view("n1"), Self.view("n2", silent: 1_000)])
        let late = Self.facts([Self.view("n1"), Self.view("n2", silent: 9_000)])
        #expect(early.table() == late.table())
        #expect(early.table() != Self.facts([Self.view("n1"), Self.view("n2")]).table())
    }

    @Test(arguments: [
        (ServiceHealth.works, ServiceHealth.works, ServiceHealth.works), (.works, .fails, .fails),
        (.fails, .works, .fails), (.works, .unknown, .works), (.unknown, .works, .works),
        (.unknown, .unknown, .unknown), (.off, .works, .off),
    ])
    func aPeerFailsIfEitherSaysSo(word: ServiceHealth, sight: ServiceHealth, together: ServiceHealth) {
        var facts = Self.facts([Self.view("n1"), Self.view("n2") { $0.http = word }])
        var seen = TargetFacts.Sight()
        seen.http = sight
        facts.sights["n2"] = seen
        #expect(facts.nodes()[1].http == together)
    }

    @Test func drainedNodesAreNotNamedAndStillFetchedFrom() {
        var facts = Self.facts([Self.view("n1"), Self.view("n2")])
        facts.drained = ["n2"]
        facts.content = TargetContentTests.content(held: ["n2": .complete])
        #expect(Self.absences(facts) == ["n2": "it is drained as a target"])
        #expect(facts.table().abilities["debian-12"] == [.fetches, .holds])
        facts.views[1] = Self.view("n2", life: .silent)
        #expect(facts.table().abilities["debian-12"]?[0].isUnable == true)
    }

    // MARK: Addresses

    static func network(_ subnet: String) -> Network {
        var network = Network(name: "rack")
        network.subnets = [Subnet(subnet: IPv4Subnet(subnet)!)]
        return network
    }

    static func address(_ facts: TargetFacts, _ network: Network, own: String, of name: String) -> (String, Bool) {
        let nodes = facts.table().targets(in: network, images: [], own: IPv4Address(own)!)
        let node = nodes.first { $0.name == name }!
        return ("\(node.address)", node.isOnLink)
    }

    @Test func onTheLinkTheAddressThereCounts() {
        let facts = Self.facts([Self.view("n1"), Self.view("n2") { $0.bootAddress = IPv4Address("192.0.2.2") }])
        #expect(Self.address(facts, Self.network("10.9.0.0/24"), own: "10.1.0.1", of: "n2") == ("10.9.0.2", true))
        #expect(Self.address(facts, Self.network("10.9.0.0/24"), own: "10.1.0.1", of: "n1") == ("10.9.0.1", true))
    }

    @Test func elsewhereTheOperatorsWordThenTheNearestAddressCounts() {
        var facts = Self.facts([
            Self.view("n1"), Self.view("n2"), Self.view("n3") { $0.bootAddress = IPv4Address("192.0.2.3") },
        ])
        let far = Self.network("10.50.0.0/16")
        #expect(Self.address(facts, far, own: "10.9.0.1", of: "n1") == ("10.9.0.1", false))
        #expect(Self.address(facts, far, own: "10.9.0.1", of: "n2") == ("10.1.0.2", false))
        #expect(Self.address(facts, far, own: "10.9.0.1", of: "n3") == ("192.0.2.3", false))
        facts.ownSubnets = [IPv4Subnet("10.9.0.0/24")!]
        #expect(Self.address(facts, far, own: "10.9.0.1", of: "n2") == ("10.9.0.2", false))
        facts.views[1] = Self.view("n2") { $0.serverIdentifiers = [] }
        #expect(Self.address(facts, far, own: "10.9.0.1", of: "n2") == ("172.16.0.2", false))
        // Nobody outside can reach us at our loopback.
        #expect(Self.address(facts, far, own: "127.0.0.1", of: "n1") == ("10.9.0.1", false))
    }
}

extension TargetNode.Content {
    var isUnable: Bool { if case .cannot = self { true } else { false } }
}
