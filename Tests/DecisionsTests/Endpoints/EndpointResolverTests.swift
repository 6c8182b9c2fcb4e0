// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Testing

@Suite struct EndpointResolverTests {
    static let key: UInt64 = 0x5254_0012_3456

    static func question(
        isShared: Bool = true, nodes: [Leadership.NodeView]? = nil, _ change: (inout Network) -> Void = { _ in }
    ) -> EndpointQuestion {
        var network = TargetFactsTests.network("10.1.0.0/24")
        change(&network)
        var facts = TargetFacts(own: "n1", isShared: isShared)
        facts.views = nodes ?? ["n1", "n2", "n3"].map { TargetFactsTests.view($0) }
        var question = EndpointQuestion(
            network: network, table: facts.table(), own: IPv4Address("10.1.0.1")!, httpPort: 8080, key: key)
        question.isTraced = true
        return question
    }

    static func ranked(_ question: EndpointQuestion) -> [String] {
        question.table.verdict(in: question.network, environment: nil, key: key, own: question.own, use: .http)
            .ranked.map { "http://\($0.address):8080" }
    }

    @Test func oneMachineWithoutEndpointsNamesWhatTheClientReached() {
        var question = Self.question(isShared: false, nodes: [TargetFactsTests.view("n1")])
        question.own = IPv4Address("192.0.2.77")!
        question.web = EndpointQuestion.Web(localPort: 8081)
        let answer = EndpointResolver.resolve(question)
        #expect(answer.endpoint == BootEndpoint(address: question.own, httpPort: 8081))
        question.web?.hostBase = "http://boot.example"
        #expect(EndpointResolver.resolve(question).bases == ["http://boot.example"])
        question.web?.forwardedBase = "http://lb.example/x"
        #expect(EndpointResolver.resolve(question).bases == ["http://lb.example/x"])
    }

    /// Where nobody says which address that is there is none to name.
    @Test(arguments: [("0.0.0.0", "the address that the client reached"), ("10.1.0.1", "10.1.0.1")])
    func aMachineAloneSaysSo(own: String, named: String) {
        var question = Self.question(isShared: false, nodes: [TargetFactsTests.view("n1")])
        question.own = IPv4Address(own)!
        question.isTraced = true
        #expect(EndpointResolver.resolve(question).steps.map(\.answer) == ["\(named), there is no other"])
    }

    @Test func amongOthersTheRankedNodesAreNamed() {
        let question = Self.question()
        let answer = EndpointResolver.resolve(question)
        #expect(answer.bases == Self.ranked(question))
        #expect(Set(answer.bases) == ["http://10.1.0.1:8080", "http://10.1.0.2:8080", "http://10.1.0.3:8080"])
        #expect(answer.bases.first == "http://\(answer.tftp):8080")
        #expect(answer.steps.map(\.question).contains("base URLs"))
    }

    @Test func everyNodeAnswersAlike() {
        let answers = ["n1", "n2", "n3"].map { own in
            var question = Self.question()
            var facts = TargetFacts(own: own, isShared: true)
            facts.views = ["n1", "n2", "n3"].map { TargetFactsTests.view($0) }
            question.table = facts.table()
            question.own = IPv4Address("10.1.0.\(own.dropFirst())")!
            question.isTraced = false
            let answer = EndpointResolver.resolve(question)
            return answer.endpoint
        }
        #expect(Set(answers).count == 1)
    }

    @Test func operatorsEndpointsKeepTheirOrder() {
        var question = Self.question { $0.endpoints = [.url("http://lb.example"), .nodes, .url("http://far.example")] }
        #expect(
            EndpointResolver.resolve(question).bases
                == ["http://lb.example"] + Self.ranked(question) + ["http://far.example"])
        question.table.failing = ["http://lb.example": "connection refused"]
        let answer = EndpointResolver.resolve(question)
        #expect(answer.bases == Self.ranked(question) + ["http://far.example"])
        #expect(
            answer.steps.contains(
                EndpointAnswer.Step("endpoint http://lb.example", "passed over: connection refused")))
    }

    @Test func failingEndpointsAreBetterThanNone() {
        var question = Self.question { $0.endpoints = [.url("http://a.example"), .url("http://b.example")] }
        question.table.failing = ["http://a.example": "no answer", "http://b.example": "no answer"]
        #expect(EndpointResolver.resolve(question).bases == ["http://a.example", "http://b.example"])
        question.table.failing["http://b.example"] = nil
        #expect(EndpointResolver.resolve(question).bases == ["http://b.example"])
    }

    @Test func aLocationsEndpointsCountWhereTheNetworkHasNone() {
        var question = Self.question(isShared: false, nodes: [TargetFactsTests.view("n1")]) { $0.location = "berlin" }
        var location = Location(name: "berlin")
        location.endpoints = [.url("http://berlin.example")]
        question.table.locations = ["berlin": location]
        #expect(EndpointResolver.resolve(question).bases == ["http://berlin.example"])
        question.network.endpoints = [.nodes]
        #expect(EndpointResolver.resolve(question).bases == ["http://10.1.0.1:8080"])
    }

    @Test func theNetworksBootServerIsTheNextServer() {
        let server = IPv4Address("10.1.0.9")!
        let plain = EndpointResolver.resolve(Self.question { $0.bootServer = server })
        #expect(plain.tftp == server)
        #expect(plain.bases.first == "http://10.1.0.9:8080")
        let named = EndpointResolver.resolve(
            Self.question { ($0.bootServer, $0.endpoints) = (server, [.url("http://lb.example")]) })
        #expect(named.tftp == server)
        #expect(named.bases == ["http://lb.example"])
    }

    @Test func requestsThroughATrustedProxyGoOnThroughIt() {
        var question = Self.question()
        question.web = EndpointQuestion.Web(localPort: 8080, forwardedBase: "http://lb.example")
        let others = Self.ranked(question).filter { $0 != "http://10.1.0.1:8080" }
        #expect(EndpointResolver.resolve(question).bases == ["http://lb.example"] + others + ["http://10.1.0.1:8080"])
        // What the operator says comes before what a request says.
        question.network.endpoints = [.url("http://named.example")]
        #expect(EndpointResolver.resolve(question).bases == ["http://named.example"])
    }

    /// What it downloads through the balancer comes from here, too, as likely as not: when that stands still, it is of
    /// no use to come here. Nearness and content count for more.
    @Test func behindAnEndpointTheNodeThatIsAskedComesLastAmongEquals() {
        for own in ["n1", "n2", "n3"] {
            var question = Self.question { $0.endpoints = [.url("http://lb.example"), .nodes] }
            var facts = TargetFacts(own: own, isShared: true)
            facts.views = ["n1", "n2", "n3"].map { TargetFactsTests.view($0) }
            question.table = facts.table()
            question.own = .any
            let ownBase = "http://10.1.0.\(own.dropFirst()):8080"
            #expect(EndpointResolver.resolve(question).bases == ["http://lb.example"] + Self.ranked(question))
            question.web = EndpointQuestion.Web(localPort: 80)
            let others = Self.ranked(question).filter { $0 != ownBase }
            #expect(EndpointResolver.resolve(question).bases == ["http://lb.example"] + others + [ownBase])
            facts.locations["here"] = Location(name: "here")
            facts.locations["here"]?.nodes = [own]
            question.table = facts.table()
            question.network.location = "here"
            question.network.subnets = []
            #expect(EndpointResolver.resolve(question).bases == ["http://lb.example", ownBase] + others)
        }
    }

    @Test func theWayThatTheClientCameIsTheLastOfAll() {
        var question = Self.question()
        question.own = IPv4Address("203.0.113.5")!
        question.web = EndpointQuestion.Web(localPort: 80)
        #expect(EndpointResolver.resolve(question).bases == Self.ranked(question) + ["http://203.0.113.5"])
    }

    @Test func thereAreNoMoreBasesThanTheLimit() {
        let nodes = (1...12).map { TargetFactsTests.view("n\($0)") }
        #expect(EndpointResolver.resolve(Self.question(nodes: nodes)).bases.count == Limits.endpointsMax)
    }

    @Test func whereNobodyQualifiesItSaysSo() {
        let nodes = [TargetFactsTests.view("n1") { $0.intent = .draining }, TargetFactsTests.view("n2", life: .silent)]
        let answer = EndpointResolver.resolve(Self.question(nodes: nodes))
        #expect(answer.bases == ["http://10.1.0.1:8080"])
        #expect(answer.verdict?.isLastResort == true)
        #expect(answer.steps.contains { $0.answer == "nobody qualifies; this node as the last resort" })
    }
}
