// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model

/// Asks this node, the others and the operators' endpoints for the probe file, again and again, and keeps what came of
/// it. One thread uses it.
struct TargetProber {
    /// What is asked about.
    enum Subject: Hashable {
        case node(String, TargetUse)
        case endpoint(String)
    }

    private struct State {
        var record: ProbeRecord
        /// The process that the record is about.
        var run: NodeRun?
        /// Where it may be found; the first that answers is kept to.
        var questions: [ProbeQuestion] = []
        var chosen = 0
        var hasChosenAnswered = false
        var nextAt: Uptime
        var isOff = false
    }

    private let settings: TargetService.Settings
    private var states: [Subject: State] = [:]
    private var sockets = ProbeSockets<Subject>()
    private let names = EndpointNames()

    init(_ settings: TargetService.Settings) { self.settings = settings }

    // MARK: What to ask

    /// Whom to ask from now on. What is known of those that stay is kept.
    mutating func aim(at table: TargetTable, views: [Leadership.NodeView], endpoints: Set<String>, now: Uptime) {
        var wanted: Set<Subject> = []
        let byName = Dictionary(table.nodes.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
        for view in views {
            let run = view.beat.run
            for use in TargetUse.allCases {
                guard let node = byName[run.node] else { continue }
                let questions = run.node == settings.node ? own(use) : questions(node, view.beat, use)
                guard !questions.isEmpty else { continue }
                let subject = Subject.node(run.node, use)
                wanted.insert(subject)
                set(subject, questions, run: run, now: now)
            }
        }
        for url in endpoints where EndpointParts(url) != nil {
            wanted.insert(.endpoint(url))
            set(.endpoint(url), endpointQuestions(url, now: now), run: nil, now: now)
        }
        states = states.filter { wanted.contains($0.key) }
    }

    private mutating func set(_ subject: Subject, _ questions: [ProbeQuestion], run: NodeRun?, now: Uptime) {
        if var state = states[subject], state.run == run {
            if state.questions != questions {
                (state.questions, state.chosen, state.hasChosenAnswered) = (questions, 0, false)
            }
            states[subject] = state
            return
        }
        let isOwn = run?.node == settings.node
        let record = ProbeRecord(
            isCertain: isOwn || run == nil, lostMax: isOwn ? Limits.ownProbesLostMax : Limits.targetProbesLostMax)
        states[subject] = State(record: record, run: run, questions: questions, nextAt: now)
    }

    private func own(_ use: TargetUse) -> [ProbeQuestion] {
        switch use {
        case .tftp:
            guard settings.isTFTPOn else { return [] }
            let address = settings.tftpListen.isAny ? .loopback : settings.tftpListen
            return [.tftp(address, port: settings.tftpPort)]
        case .http:
            return http(settings.httpListen.isAny ? .loopback : settings.httpListen, port: settings.httpPort)
        }
    }

    /// Wherever the node may be reached from here; nothing about what it has switched off.
    private func questions(_ node: TargetTable.Node, _ beat: Beat, _ use: TargetUse) -> [ProbeQuestion] {
        var addresses: [IPv4Address] = []
        let known = [node.nearAddress, node.peerAddress, node.bootAddress].compactMap { $0 } + node.identifiers
        for address in known where !address.isAny && !addresses.contains(address) { addresses.append(address) }
        switch use {
        case .tftp: return beat.tftp == .off ? [] : addresses.map { .tftp($0, port: settings.tftpPort) }
        case .http: return beat.httpPort == 0 ? [] : addresses.flatMap { http($0, port: beat.httpPort) }
        }
    }

    /// Where the PROXY protocol is on it is up to the listener whether it takes us for a proxy.
    private func http(_ address: IPv4Address, port: UInt16) -> [ProbeQuestion] {
        (settings.isProxied ? [false, true] : [false]).map { isProxied in
            .http(
                ProbeQuestion.HTTP(
                    address: address, port: port, host: "\(address):\(port)", path: "/\(ProbeQuestion.name)",
                    isProxied: isProxied))
        }
    }

    private mutating func endpointQuestions(_ url: String, now: Uptime) -> [ProbeQuestion] {
        guard let parts = EndpointParts(url), let answer = names.answer(parts.host, now: now) else { return [] }
        switch answer {
        case .failed(let reason):
            states[.endpoint(url)]?.record.fail(reason)
            return []
        case .addresses(let addresses):
            return addresses.map { .http(ProbeQuestion.HTTP($0, parts)) }
        }
    }

    // MARK: Asking

    /// Asks whom it is time to ask. True when something became known by that.
    mutating func askDue(now: Uptime) -> Bool {
        let asked = sockets.keys
        var isNews = false
        for (subject, state) in states where state.nextAt <= now && !asked.contains(subject) {
            guard !state.questions.isEmpty else { continue }
            let interval = interval(subject)
            // In step with the clock, not with our delays.
            let next = max(state.nextAt.adding(milliseconds: interval), now.adding(milliseconds: interval / 2))
            states[subject]?.nextAt = next
            let question = state.questions[state.chosen % state.questions.count]
            let deadline = now.adding(milliseconds: interval)
            if let outcome = sockets.ask(question, key: subject, deadline: deadline) {
                isNews = take(outcome, subject, now: now) || isNews
            }
        }
        return isNews
    }

    private func interval(_ subject: Subject) -> Int64 {
        if case .endpoint = subject { return Limits.endpointProbeMilliseconds }
        let share = Int64(states.count / TargetUse.allCases.count / Limits.targetsProbedAtOnce)
        return Limits.targetProbeMilliseconds * (1 + share)
    }

    /// Waits for answers, or until it is time for something. True when something became known.
    mutating func wait(milliseconds: Int64, now: () -> Uptime) -> Bool {
        var isNews = false
        for (subject, outcome) in sockets.wait(milliseconds: milliseconds, now: now) {
            isNews = take(outcome, subject, now: now()) || isNews
        }
        return isNews
    }

    private mutating func take(_ outcome: ProbeOutcome, _ subject: Subject, now: Uptime) -> Bool {
        guard var state = states[subject] else { return false }
        let before = (state.record.health, state.record.fault)
        state.record.take(outcome, now: now)
        if outcome == .answered { state.hasChosenAnswered = true }
        // Another address may be the one that leads there. One lost answer is no reason to leave one that did; and
        // where a node was reached as machines reach it, and is not any longer, another way to it is none for them.
        let isAnyWayGood = if case .endpoint = subject { true } else { !state.hasChosenAnswered }
        if outcome != .answered, isAnyWayGood, state.record.health != .works { state.chosen += 1 }
        states[subject] = state
        return (state.record.health, state.record.fault) != before
    }

    mutating func stop() { sockets.closeAll() }

    // MARK: What is known

    func sights(now: Uptime) -> [String: TargetFacts.Sight] {
        var sights: [String: TargetFacts.Sight] = [:]
        for (subject, state) in states {
            guard case .node(let name, let use) = subject else { continue }
            switch use {
            case .tftp: sights[name, default: TargetFacts.Sight()].tftp = state.record.health
            case .http: sights[name, default: TargetFacts.Sight()].http = state.record.health
            }
            guard let answeredAt = state.record.answeredAt else { continue }
            let age = now.millisecondsSince(answeredAt)
            let known = sights[name]?.millisecondsSinceAnswer ?? .max
            sights[name]?.millisecondsSinceAnswer = min(known, age)
        }
        if !settings.isTFTPOn { sights[settings.node, default: TargetFacts.Sight()].tftp = .off }
        return sights
    }

    /// Endpoints that fail, and why.
    var failing: [String: String] {
        var failing: [String: String] = [:]
        for case (.endpoint(let url), let state) in states where state.record.health == .fails {
            failing[url] = state.record.fault ?? "it fails"
        }
        return failing
    }

    var endpointHealth: [String: ServiceHealth] {
        var health: [String: ServiceHealth] = [:]
        for case (.endpoint(let url), let state) in states { health[url] = state.record.health }
        return health
    }

    /// What is wrong with nodes, for people: "http: connection refused".
    var faults: [String: [String]] {
        var faults: [String: [String]] = [:]
        for case (.node(let name, let use), let state) in states {
            if let fault = state.record.fault { faults[name, default: []].append("\(use.rawValue): \(fault)") }
        }
        return faults.mapValues { $0.sorted() }
    }
}
