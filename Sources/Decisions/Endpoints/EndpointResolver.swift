// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Which base URLs, and which TFTP server, should this client use?
public struct EndpointQuestion: Sendable {
    /// How an HTTP request reached us, beside what the site says.
    public struct Web: Hashable, Sendable {
        /// What a trusted proxy says that its client asked for: "http://boot.example/ondeck", checked.
        public var forwardedBase: String?
        /// Of the request's own `Host`, where that is on the list of those allowed: "http://boot.example:8080".
        public var hostBase: String?
        /// The port that it came in on.
        public var localPort: UInt16
        public init(localPort: UInt16, forwardedBase: String? = nil, hostBase: String? = nil) {
            self.localPort = localPort
            self.forwardedBase = forwardedBase
            self.hostBase = hostBase
        }
    }

    /// Of a client that is in no network: one without a name.
    public var network: Network
    public var table: TargetTable
    /// The bits of the MAC address; 0: unknown.
    public var key: UInt64
    /// What the client boots; nil: unknown.
    public var environment: String?
    /// The address that the client reached this node at, or would; any: not known, because a proxy came in its stead.
    public var own: IPv4Address
    /// This node's.
    public var httpPort: UInt16
    /// Nil: the question comes from DHCP or TFTP.
    public var web: Web?
    /// How many bases are wanted: a DHCP answer has room for one.
    public var basesMax = Limits.endpointsMax
    /// Whether somebody reads the steps.
    public var isTraced = false

    public init(network: Network, table: TargetTable, own: IPv4Address, httpPort: UInt16, key: UInt64 = 0) {
        self.network = network
        self.table = table
        self.own = own
        self.httpPort = httpPort
        self.key = key
    }
}

public struct EndpointAnswer: Hashable, Sendable {
    public struct Step: Hashable, Sendable {
        public var question: String
        public var answer: String
        public init(_ question: String, _ answer: String) {
            self.question = question
            self.answer = answer
        }
    }

    /// Base URLs without slashes at their ends, in order. Empty: that of `tftp` alone, as one machine has it.
    public var bases: [String] = []
    public var tftp: IPv4Address
    /// Of the base that `tftp` alone stands for.
    public var httpPort: UInt16
    public var steps: [Step] = []
    /// Where nodes were asked about, for HTTP.
    public var verdict: TargetVerdict?

    public init(tftp: IPv4Address, httpPort: UInt16) {
        self.tftp = tftp
        self.httpPort = httpPort
    }

    public var endpoint: BootEndpoint { BootEndpoint(address: tftp, httpPort: httpPort, bases: bases) }
}

/// The one place that decides where clients are sent: for DHCP, scripts and templates alike. Pure.
public enum EndpointResolver {
    public static func resolve(_ question: EndpointQuestion) -> EndpointAnswer {
        var work = Work(question)
        question.table.isConsulted(for: question.network) ? work.choose() : work.stay()
        return work.answer
    }

    private struct Work {
        let question: EndpointQuestion
        var answer: EndpointAnswer
        var network: Network { question.network }
        var table: TargetTable { question.table }

        init(_ question: EndpointQuestion) {
            self.question = question
            answer = EndpointAnswer(
                tftp: question.network.bootServer ?? question.own,
                httpPort: question.web?.localPort ?? question.httpPort)
        }

        /// One machine, no endpoints: the address that the client reached it at, or what it called it.
        mutating func stay() {
            guard let web = question.web else {
                return note("next server") { work in
                    let address = work.answer.tftp
                    return "\(address.isAny ? "the address that the client reached" : "\(address)"), there is no other"
                }
            }
            // By whatever way the client has come it will come again.
            answer.tftp = question.own
            answer.bases = [web.forwardedBase ?? web.hostBase].compactMap { $0 }
            note("base URLs") { "\($0.answer.endpoint.base), as the client asked" }
        }

        mutating func choose() {
            let (choices, origin) = choices()
            note("endpoints") { origin + choices.map($0.word).joined(separator: ", ") }
            var bases: [String] = []
            if choices.isEmpty, let web = question.web {
                bases += [web.forwardedBase, web.hostBase].compactMap { $0 }
            }
            for choice in choices.isEmpty ? [.nodes] : choices {
                switch choice {
                case .url(let url): if !isFailing(url) { bases.append(url) }
                case .nodes: bases += nodes(isBehindOthers: !bases.isEmpty)
                }
            }
            // Better one that seems to fail than none: it may fail for us alone.
            if bases.isEmpty { bases = choices.compactMap(url) }
            // Whoever has come this way can come again, unless it was a proxy.
            if let web = question.web, web.forwardedBase == nil, !question.own.isAny {
                bases.append(BootEndpoint.base(question.own, web.localPort))
            }
            answer.bases = distinct(bases)
            note("base URLs") { $0.answer.bases.joined(separator: ", ") }
            chooseTFTP()
        }

        private mutating func choices() -> ([EndpointChoice], origin: String) {
            if !network.endpoints.isEmpty { return (network.endpoints, "of network \(network.name): ") }
            if let location = table.location(of: network), !location.endpoints.isEmpty {
                return (location.endpoints, "of location \(location.name): ")
            }
            return ([], "none are named: the nodes' own addresses")
        }

        private func word(_ choice: EndpointChoice) -> String { url(choice) ?? "nodes" }

        private func url(_ choice: EndpointChoice) -> String? {
            if case .url(let url) = choice { url } else { nil }
        }

        private mutating func isFailing(_ url: String) -> Bool {
            guard let fault = table.failing[url] else { return false }
            note("endpoint \(url)") { _ in "passed over: \(fault)" }
            return true
        }

        /// The base URLs of the nodes; first the network's own boot server, where it names one. Whoever asks by way of
        /// an endpoint before them has come to this node, and its downloads likely do: when the endpoint fails because
        /// of this node, another one is the better next choice.
        private mutating func nodes(isBehindOthers: Bool) -> [String] {
            var verdict = verdict(.http)
            answer.verdict = verdict
            if isBehindOthers, question.web != nil { verdict.putOwnLastAmongEquals(location: network.location) }
            note(verdict, use: .http)
            let bases = verdict.ranked.prefix(question.basesMax).map { node in
                BootEndpoint.base(node.address, node.httpPort == 0 ? question.httpPort : node.httpPort)
            }
            let named = network.endpoints.isEmpty ? network.bootServer : nil
            return (named.map { [BootEndpoint.base($0, question.httpPort)] } ?? []) + bases
        }

        private mutating func chooseTFTP() {
            if let named = network.bootServer {
                note("next server") { "\(named), of network \($0.network.name)" }
                answer.tftp = named
                return
            }
            let verdict = answer.verdict.flatMap { serves(both: $0) ? $0 : nil } ?? verdict(.tftp)
            answer.tftp = verdict.ranked.first?.address ?? question.own
            guard question.isTraced else { return }
            note(verdict, use: .tftp)
            note("next server") { "\($0.answer.tftp)" }
        }

        private func verdict(_ use: TargetUse) -> TargetVerdict {
            table.verdict(
                in: network, environment: question.environment, key: question.key, own: question.own, use: use)
        }

        /// Whether the order for HTTP is that for TFTP, too, as it is where all is well.
        private func serves(both verdict: TargetVerdict) -> Bool {
            let isAlike =
                verdict.passedOver.isEmpty && verdict.ranked.allSatisfy { $0.tftp != .fails && $0.tftp != .off }
            return isAlike
                && table.images(question.environment, use: .http) == table.images(question.environment, use: .tftp)
        }

        private func distinct(_ bases: [String]) -> [String] {
            var list: [String] = []
            for base in bases where !list.contains(base) && list.count < question.basesMax { list.append(base) }
            return list
        }

        private mutating func note(_ verdict: TargetVerdict, use: TargetUse) {
            guard question.isTraced else { return }
            for one in verdict.passedOver {
                note("\(use.rawValue) target \(one.node.name)") { _ in "passed over: \(one.reason)" }
            }
            if verdict.isLastResort {
                note("\(use.rawValue) targets") { _ in "nobody qualifies; this node as the last resort" }
                return
            }
            let list = verdict.ranked.map { "\($0.name) at \($0.address) (\($0.standing(location: network.location)))" }
            note("\(use.rawValue) targets") { _ in list.isEmpty ? "none" : list.joined(separator: ", ") }
        }

        /// Texts are made only where somebody reads them.
        private mutating func note(_ question: @autoclosure () -> String, _ answer: (Self) -> String) {
            guard self.question.isTraced else { return }
            let text = answer(self)
            self.answer.steps.append(EndpointAnswer.Step(question(), text))
        }
    }
}
