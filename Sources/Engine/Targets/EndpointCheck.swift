// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model
import Synchronization

/// Whether endpoints that an operator is about to name answer now.
extension TargetService {
    /// Those of `urls` that do not answer, and why. What is watched already is known; others are asked once, which
    /// takes no longer than `endpointCheckMilliseconds`. Of a URL that nobody here can ask (https) nothing is said.
    public func endpointFaults(_ urls: Set<String>) async -> [String: String] {
        let (failing, health) = state.withLock { ($0.facts.failing, $0.endpointHealth) }
        let unknown = urls.filter { (health[$0] ?? .unknown) == .unknown }
        let known = failing.filter { urls.contains($0.key) }
        guard !unknown.isEmpty else { return known }
        let (answers, answer) = AsyncStream<[String: String]>.makeStream()
        let isStarted = TargetThread.start(name: "endpoints") { [clock] in
            answer.yield(EndpointCheck.faults(unknown.sorted(), clock: clock))
            answer.finish()
        }
        guard isStarted else { return known }
        for await found in answers { return known.merging(found) { a, _ in a } }
        return known
    }
}

extension Site {
    /// The base URLs that networks and locations name.
    var endpointURLs: Set<String> {
        let choices = networks.values.flatMap(\.endpoints) + locations.values.flatMap(\.endpoints)
        return Set(choices.compactMap { if case .url(let url) = $0 { url } else { nil } })
    }
}

/// Asks each of some endpoints for the probe file, all at once.
enum EndpointCheck {
    /// Blocks until all have answered or their time is over.
    static func faults(_ urls: [String], clock: Clock) -> [String: String] {
        var waiting = urls.compactMap { url in EndpointParts(url).map { (url: url, parts: $0) } }
        let names = EndpointNames()
        var sockets = ProbeSockets<String>()
        defer { sockets.closeAll() }
        var outcomes: [String: ProbeOutcome] = [:]
        let deadline = clock.uptime().adding(milliseconds: Limits.endpointCheckMilliseconds)
        while clock.uptime() < deadline, !(waiting.isEmpty && sockets.keys.isEmpty) {
            waiting = waiting.filter { one in
                guard let answer = names.answer(one.parts.host, now: clock.uptime()) else { return true }
                switch answer {
                case .failed(let reason): outcomes[one.url] = .wrong(reason)
                case .addresses(let addresses):
                    guard let address = addresses.first else { return false }
                    let question = ProbeQuestion.http(ProbeQuestion.HTTP(address, one.parts))
                    if let outcome = sockets.ask(question, key: one.url, deadline: deadline) {
                        outcomes[one.url] = outcome
                    }
                }
                return false
            }
            let left = min(deadline.millisecondsSince(clock.uptime()), Limits.targetLookMilliseconds)
            for (url, outcome) in sockets.wait(milliseconds: left, now: { clock.uptime() }) { outcomes[url] = outcome }
        }
        for (url, parts) in waiting { outcomes[url] = .wrong("\(parts.host) is not found in time") }
        for url in sockets.keys { outcomes[url] = .lost }
        return outcomes.compactMapValues(\.fault)
    }
}

extension ProbeOutcome {
    /// For people; nil: there is none.
    var fault: String? {
        switch self {
        case .answered: nil
        case .refused: "connection refused"
        case .lost: "no answer"
        case .wrong(let what): what
        }
    }
}

extension ProbeQuestion.HTTP {
    /// The probe file below an endpoint's base URL.
    init(_ address: IPv4Address, _ parts: EndpointParts) {
        self.init(
            address: address, port: parts.port,
            host: parts.port == 80 ? parts.host : "\(parts.host):\(parts.port)",
            path: "\(parts.path)/\(ProbeQuestion.name)")
    }
}
