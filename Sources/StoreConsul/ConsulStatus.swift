// SPDX-License-Identifier: Apache-2.0

import Model
import Ports

/// Asks Consul how it is, with several small questions at once.
struct ConsulStatus: Sendable {
    let connection: ConsulConnection
    let reading: ConsulReading

    private struct Agent: Decodable, Sendable {
        struct Config: Decodable, Sendable {
            var version: String?
            enum CodingKeys: String, CodingKey { case version = "Version" }
        }
        var config: Config?
        enum CodingKeys: String, CodingKey { case config = "Config" }
    }

    private struct Member: Decodable, Sendable {
        var name: String
        var address: String
        var tags: [String: String]?
        var status: Int

        enum CodingKeys: String, CodingKey {
            case name = "Name"
            case address = "Addr"
            case tags = "Tags"
            case status = "Status"
        }

        /// As Raft names it; nil for an agent that is no server.
        var endpoint: String? {
            guard tags?["role"] == "consul", let port = tags?["port"] else { return nil }
            return address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        }
        /// Serf's word for it.
        var isAlive: Bool { status == 1 }
    }

    func ask() async -> StoreStatus {
        async let leaderAnswer = answer("/v1/status/leader", String.self)
        async let peersAnswer = answer("/v1/status/peers", [String].self)
        async let agentAnswer = answer("/v1/agent/self", Agent.self)
        async let membersAnswer = answer("/v1/agent/members", [Member].self)
        async let readAnswer = readOnce()
        let (leader, peers, agent) = await (leaderAnswer, peersAnswer, agentAnswer)
        let (members, read) = await (membersAnswer, readAnswer)

        let version = (try? agent.get())?.config?.version
        var status = StoreStatus(engine: version.map { "consul \($0)" } ?? "consul", hasQuorum: false)
        if let version, Self.isOld(version) {
            status.alarms.append("consul: version \(version) is older than 1.10, which OnDeck needs")
        }
        switch read {
        case .success(let read):
            status.identity = read.identity
            status.hasQuorum = true
        case .failure(let error): status.alarms.append(Self.sentence(error))
        }
        let leaderEndpoint = (try? leader.get()) ?? ""
        if leaderEndpoint.isEmpty, case .success = leader { status.alarms.append("consul: there is no leader") }
        let endpoints = ((try? peers.get()) ?? []).sorted()
        let known = Dictionary(
            ((try? members.get()) ?? []).compactMap { member in member.endpoint.map { ($0, member) } },
            uniquingKeysWith: { first, _ in first })
        status.members = endpoints.map { endpoint in
            var member = StoreStatus.Member(
                name: known[endpoint]?.name ?? endpoint, endpoint: endpoint,
                isReachable: known[endpoint]?.isAlive ?? (endpoint == leaderEndpoint),
                isLeader: endpoint == leaderEndpoint)
            if member.isLeader, case .success(let read) = read { member.latencyMilliseconds = read.milliseconds }
            return member
        }
        if !endpoints.isEmpty, !endpoints.allSatisfy({ known[$0] != nil }) {
            status.alarms.append(
                "consul: how its servers are is not known; the token needs agent_prefix \"\" and node_prefix \"\" read")
        }
        let reachable = status.members.count { $0.isReachable }
        status.survivesOneLoss = status.hasQuorum && reachable - 1 >= status.members.count / 2 + 1
        return status
    }

    private func answer<Value: Decodable & Sendable>(
        _ path: String, _ type: Value.Type
    ) async -> Result<Value, ConsulFailure> {
        do throws(ConsulFailure) { return .success(try await connection.ask(path, type)) } catch {
            return .failure(error)
        }
    }

    /// A read that a majority has confirmed, and how long it took.
    private func readOnce() async -> Result<(identity: String, milliseconds: Double), StoreError> {
        let start = ContinuousClock.now
        do throws(StoreError) {
            let identity = try await reading.identity(milliseconds: Limits.consulStatusMilliseconds) ?? ""
            let time = (ContinuousClock.now - start).components
            return .success((identity, Double(time.seconds) * 1e3 + Double(time.attoseconds) / 1e15))
        } catch { return .failure(error) }
    }

    private static func sentence(_ error: StoreError) -> String {
        switch error {
        case .unavailable(let why), .corrupt(let why), .full(let why): why
        case .conflict(let key): "consul: a conflict at \(key)"
        }
    }

    private static func isOld(_ version: String) -> Bool {
        let numbers = version.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return numbers.count == 2 && (numbers[0], numbers[1]) < (1, 10)
    }
}
