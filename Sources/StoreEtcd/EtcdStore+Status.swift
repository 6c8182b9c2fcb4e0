// SPDX-License-Identifier: Apache-2.0

import Model
import NIOCore
import Ports

extension EtcdStore {
    /// What one endpoint said of itself.
    private struct Account: Sendable {
        var status: EtcdMemberStatus?
        var failure: EtcdFailure?
        var milliseconds: Double
    }

    /// Asks every endpoint at once. Those who give no account of themselves are among the alarms, with the reason.
    public func status() async -> StoreStatus {
        guard !isClosed else { return StoreStatus(engine: "etcd", hasQuorum: false) }
        let deadline = NIODeadline.now() + .milliseconds(Limits.etcdStatusMilliseconds)
        let quorum = client.probeAll().map { _ in true }.recover { _ in false }
        let members = askAll(.members, EtcdRequests.nothing, deadline) { (scanner) throws(JSONScanner.Fault) in
            try scanner.members()
        }
        let alarms = askAll(.alarms, EtcdRequests.alarms, deadline) { (scanner) throws(JSONScanner.Fault) in
            try scanner.alarms()
        }
        let accounts = EventLoopFuture.whenAllSucceed(
            client.endpoints.indices.map { account($0, deadline) }, on: client.home)
        return summary(
            (try? await accounts.get()) ?? [], hasQuorum: (try? await quorum.get()) ?? false,
            members: (try? await members.get()) ?? [], alarms: try? await alarms.get())
    }

    private func account(_ index: Int, _ deadline: NIODeadline) -> EventLoopFuture<Account> {
        let start = NIODeadline.now()
        return client.send(.status, EtcdRequests.nothing, to: index, by: deadline, isOnHome: true)
            .flatMapThrowing { body in
                var scanner = JSONScanner(body)
                do { return try scanner.memberStatus() } catch { throw EtcdFailure(error, isSent: true) }
            }
            .map { Account(status: $0, milliseconds: Double((.now() - start).nanoseconds) / 1e6) }
            .flatMapErrorThrowing { error in Account(failure: error as? EtcdFailure, milliseconds: 0) }
    }

    /// The first endpoint's answer that came, in the order of the settings; nil when none did.
    private func askAll<Value: Sendable>(
        _ call: EtcdCall, _ body: ByteBuffer, _ deadline: NIODeadline,
        _ read: @escaping @Sendable (inout JSONScanner) throws(JSONScanner.Fault) -> Value
    ) -> EventLoopFuture<Value?> {
        let answers = client.endpoints.indices.map { index in
            client.send(call, body, to: index, by: deadline, isOnHome: true)
                .map { body -> Value? in
                    var scanner = JSONScanner(body)
                    return try? read(&scanner)
                }
                .recover { _ in nil }
        }
        return EventLoopFuture.whenAllSucceed(answers, on: client.home).map { $0.compactMap(\.self).first }
    }

    private func summary(
        _ accounts: [Account], hasQuorum: Bool, members: [EtcdMember]?, alarms: [EtcdAlarm]??
    ) -> StoreStatus {
        let answers = accounts.compactMap(\.status)
        let members = members ?? []
        let versions = Set(answers.map(\.version)).sorted().joined(separator: ", ")
        let clusters = Set(answers.map(\.header.cluster)).sorted()
        let cluster = clusters.first ?? lastCluster
        var status = StoreStatus(
            engine: versions.isEmpty ? "etcd" : "etcd \(versions)",
            identity: cluster == 0 ? "" : String(cluster, radix: 16), hasQuorum: hasQuorum)
        status.members = zip(client.endpoints, accounts).map { endpoint, account in
            Self.member(endpoint, account, members)
        }
        let votes = Set(members.filter { !$0.isLearner }.map(\.id))
        let healthy = Set(answers.filter { $0.leader != 0 }.map(\.header.member)).intersection(votes)
        status.survivesOneLoss = hasQuorum && !votes.isEmpty && healthy.count - 1 > votes.count / 2
        if clusters.count > 1 { status.alarms.append("etcd: the endpoints belong to different clusters") }
        status.alarms += complaints(accounts, members, alarms ?? nil) + unnamed(members, accounts)
        return status
    }

    private static func member(
        _ endpoint: String, _ account: Account, _ members: [EtcdMember]
    ) -> StoreStatus.Member {
        guard let status = account.status else {
            let name = members.first { $0.clientURLs.contains(endpoint) }?.name ?? endpoint
            return StoreStatus.Member(name: name, endpoint: endpoint, isReachable: false, isLeader: false)
        }
        let name = members.first { $0.id == status.header.member }?.name ?? endpoint
        var member = StoreStatus.Member(
            name: name, endpoint: endpoint, isReachable: true, isLeader: status.leader == status.header.member)
        member.latencyMilliseconds = account.milliseconds
        member.sizeBytes = status.sizeBytes
        return member
    }

    private func complaints(_ accounts: [Account], _ members: [EtcdMember], _ alarms: [EtcdAlarm]?) -> [String] {
        func name(_ id: UInt64) -> String { members.first { $0.id == id }?.name ?? String(id, radix: 16) }
        var sentences = (alarms ?? []).map { "etcd: \($0.kind) on \(name($0.member))" }
        for (endpoint, account) in zip(client.endpoints, accounts) {
            if let failure = account.failure,
                case .unavailable(let why) = failure.storeError(at: endpoint, isCommit: false)
            {
                sentences.append(why)
            }
            guard let status = account.status else { continue }
            // Each member repeats the alarms here; they count where the list of alarms may not be read.
            let errors = status.errors.filter { alarms == nil || !$0.contains("alarm:") }
            sentences += errors.map { "etcd: \(name(status.header.member)): \($0)" }
        }
        return sentences
    }

    /// Members that nobody asks: a node that knows one endpoint only loses the store with it.
    private func unnamed(_ members: [EtcdMember], _ accounts: [Account]) -> [String] {
        guard accounts.allSatisfy({ $0.status != nil }) else { return [] }
        let known = Set(accounts.compactMap { $0.status?.header.member })
        return members.filter { !known.contains($0.id) }.map { member in
            "etcd: the member \(member.name) (\(member.clientURLs.joined(separator: ", "))) is not among the endpoints"
        }
    }
}
