// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing
import Wire

/// Whom boot data names, among several nodes and on one.
@Suite struct BootTargetTests {
    var site = Site()
    var facts = ServerFacts(httpPort: 8080)
    var own = IPv4Address("10.1.0.1")!
    let mac = MACAddress("52:54:00:12:34:56")!

    init() {
        var network = TargetFactsTests.network("10.1.0.0/24")
        network.mode = .static
        network.unknown = .environment("debian")
        site.set(.network(network))
        var files = BootEnvironment.Files(kernel: "debian-12/linux")
        files.initrds = ["debian-12/initrd.gz"]
        site.set(.environment(BootEnvironment(name: "debian", kind: .kernel([.x64: files]))))
        site.set(
            .reservation(Reservation(network: "rack", address: IPv4Address("10.1.0.50")!, identity: .mac(mac))))
        var machine = Machine(name: "web1")
        machine.macs = [mac]
        machine.intent = .always(environment: "debian")
        site.set(.machine(machine))
        facts.loaders = ["ipxe/undionly.kpxe", "ipxe/snponly.efi"]
    }

    func targets(own: String = "n1", _ change: (inout TargetFacts) -> Void = { _ in }) -> TargetTable {
        var known = TargetFacts(own: own, isShared: true)
        known.views = ["n1", "n2", "n3"].map { TargetFactsTests.view($0) }
        known.environments = site.environments
        change(&known)
        return known.table()
    }

    func request(isIPXE: Bool, _ type: DHCPMessageType = .discover) -> DHCPRequest {
        var packet = DHCPRequest(hardware: ClientHardware(mac: mac))
        packet.transactionID = 9
        packet.messageType = type
        packet.options.append(.vendorClass, "PXEClient:Arch:00000:UNDI:002001".utf8)
        packet.options.append(.clientArchitecture, [0, 0])
        if type == .request {
            packet.options.append(.requestedAddress, IPv4Address("10.1.0.50")!)
            packet.options.append(.serverIdentifier, own)
        }
        guard isIPXE else { return packet }
        packet.options.append(.userClass, "iPXE".utf8)
        packet.options.append(.ipxeEncapsulated, [0x13, 1, 1])
        return packet
    }

    func decide(_ packet: DHCPRequest, port: UInt16 = 67, trace: DecisionTrace? = nil) -> DHCPReply? {
        let compiled = CompiledSite(site: site, environments: site.environments, statuses: [:])
        let arrival = Arrival(
            interface: "eth1", interfaceAddresses: [own], source: .any, sourcePort: 68,
            destination: port == 67 ? .broadcast : own, port: port)
        guard let link = SubnetSelection.link(for: packet, arrival: arrival, site: compiled, trace: nil) else {
            return nil
        }
        var book = LeaseBook(network: link.network, reserved: [IPv4Address("10.1.0.50")!])
        let decision = NetworkDecision(
            request: packet, arrival: arrival, link: link, site: compiled, facts: facts, standing: .upToBat,
            now: Instant(seconds: 1_800_000_000), trace: trace)
        switch decision.decide(&book) {
        case .reply(let planned), .probe(_, let planned), .commit(_, .some(let planned)): return planned.reply
        case .drop, .commit(_, nil): return nil
        }
    }

    func file(_ reply: DHCPReply?) -> String { String(decoding: reply?.bootFile ?? [], as: UTF8.self) }

    @Test func oneMachineAnswersAsItAlwaysDid() {
        let before = [false, true].map { decide(request(isIPXE: $0))?.encode() }
        var alone = self
        alone.facts.targets = targets { known in
            known.isShared = false
            known.views = [TargetFactsTests.view("n1") { $0.bootAddress = IPv4Address("192.0.2.1") }]
        }
        #expect([false, true].map { alone.decide(request(isIPXE: $0))?.encode() } == before)
        #expect(alone.file(alone.decide(request(isIPXE: true))).hasPrefix("http://10.1.0.1:8080/b/"))
    }

    @Test func offerAndAckNameTheSameNodeWhoeverAnswers() {
        var named: Set<String> = []
        for number in 1...3 {
            var node = self
            node.own = IPv4Address("10.1.0.\(number)")!
            node.facts.targets = targets(own: "n\(number)")
            for type in [DHCPMessageType.discover, .request] {
                named.insert(node.file(node.decide(node.request(isIPXE: true, type))))
                named.insert("\(node.decide(node.request(isIPXE: false, type))?.nextServer ?? .any)")
            }
        }
        #expect(named.count == 2, "\(named)")
    }

    @Test func aNodeThatIsGoneIsNotNamed() throws {
        var node = self
        node.facts.targets = targets()
        let first = try #require(node.decide(node.request(isIPXE: false))).nextServer
        node.facts.targets = targets { known in
            let index = known.views.firstIndex { $0.beat.serverIdentifiers.contains(first) }!
            known.views[index].life = .processGone
            known.own = known.views[(index + 1) % 3].beat.run.node
        }
        let second = try #require(node.decide(node.request(isIPXE: false))).nextServer
        #expect(second != first)
        #expect(!file(node.decide(node.request(isIPXE: true))).contains("\(first)"))
    }

    @Test func whoCannotServeTheEnvironmentsImageIsNotNamed() {
        for holder in ["n1", "n2", "n3"] {
            var node = self
            node.facts.targets = targets { $0.content = TargetContentTests.content(held: [holder: .complete]) }
            #expect(file(node.decide(request(isIPXE: true))).hasPrefix("http://10.1.0.\(holder.dropFirst()):8080/"))
        }
    }

    @Test func endpointsComeFirstInUrlsAndTFTPStaysWithTheNodes() throws {
        var node = self
        var network = try #require(site.networks["rack"])
        network.endpoints = [.url("http://boot.example"), .nodes]
        node.site.set(.network(network))
        node.facts.targets = targets()
        let trace = DecisionTrace()
        #expect(file(node.decide(request(isIPXE: true), trace: trace)).hasPrefix("http://boot.example/b/"))
        #expect(trace.steps.contains { $0.question == "endpoints" })
        #expect(trace.steps.contains { $0.question == "next server" })
        let next = try #require(node.decide(request(isIPXE: false))).nextServer
        #expect(["10.1.0.1", "10.1.0.2", "10.1.0.3"].contains("\(next)"))
    }

    @Test func proxyModeAndTheBootServerPortNameTheSame() throws {
        var node = self
        var network = try #require(site.networks["rack"])
        node.facts.targets = targets()
        let plain = try #require(node.decide(request(isIPXE: false))).nextServer
        network.mode = .proxy
        node.site.set(.network(network))
        #expect(node.decide(request(isIPXE: false))?.nextServer == plain)
        #expect(node.decide(request(isIPXE: false, .request), port: 4011)?.nextServer == plain)
        #expect(file(node.decide(request(isIPXE: true))).contains("/b/52-54-00-12-34-56"))
    }

    @Test func whoBootsNothingIsSentNowhere() throws {
        var node = self
        var machine = try #require(site.machines["web1"])
        machine.intent = .local
        node.site.set(.machine(machine))
        node.facts.targets = targets()
        let trace = DecisionTrace()
        #expect(node.decide(request(isIPXE: true), trace: trace)?.nextServer == .any)
        #expect(!trace.steps.contains { $0.question == "endpoints" })
    }

    /// A slip of the pen in `interface` is named as such.
    @Test func aNetworkThatNamesAnotherInterface() throws {
        var network = TargetFactsTests.network("10.1.0.0/24")
        network.interface = "eth9"
        var site = Site()
        site.set(.network(network))
        let compiled = CompiledSite(site: site, environments: [:], statuses: [:])
        for (own, answer) in [
            ("10.1.0.1", "none: rack has a subnet with 10.1.0.1, the address of eth1, but its `interface` is eth9"),
            ("10.2.0.1", "none: no network names interface eth1 or has a subnet with one of its addresses (10.2.0.1)"),
        ] {
            let arrival = Arrival(
                interface: "eth1", interfaceAddresses: [IPv4Address(own)!], source: .any, sourcePort: 68,
                destination: .broadcast, port: 67)
            let trace = DecisionTrace()
            let link = SubnetSelection.link(for: request(isIPXE: false), arrival: arrival, site: compiled, trace: trace)
            #expect(link == nil && trace.steps.map(\.answer) == [answer])
        }
    }
}
