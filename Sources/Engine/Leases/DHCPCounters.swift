// SPDX-License-Identifier: Apache-2.0

import Decisions
import Synchronization
import Wire

/// A number that only grows.
public final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    public init() {}
    public func add(_ count: Int = 1) { value.add(count, ordering: .relaxed) }
    public var current: Int { value.load(ordering: .relaxed) }
}

/// One value to publish.
public struct Metric: Sendable {
    public var name: String
    public var help: String
    public var isCounter: Bool
    public var labels: [(String, String)]
    public var value: Double
    public init(_ name: String, help: String, isCounter: Bool = true, labels: [(String, String)] = [], _ value: Double)
    {
        self.name = name
        self.help = help
        self.isCounter = isCounter
        self.labels = labels
        self.value = value
    }
}

/// How many of what the DHCP engine has done. Labels are ours, never a client's words.
public struct DHCPCounters: Sendable {
    public let committed = Counter()
    public let refusedCommits = Counter()
    private let drops = DropReason.allCases.map { _ in Counter() }
    private let replies = (0...DHCPMessageType.allCases.count).map { _ in Counter() }

    func drop(_ reason: DropReason) {
        if let i = DropReason.allCases.firstIndex(of: reason) { drops[i].add() }
    }

    func reply(_ type: DHCPMessageType?) { replies[Int(type?.rawValue ?? 0)].add() }

    public var metrics: [Metric] {
        var list = [
            Metric("ondeck_lease_commits_total", help: "Lease changes made durable.", Double(committed.current)),
            Metric(
                "ondeck_lease_commits_refused_total", help: "Lease changes that the store did not take.",
                Double(refusedCommits.current)),
        ]
        for (reason, counter) in zip(DropReason.allCases, drops) {
            list.append(
                Metric(
                    "ondeck_dhcp_unanswered_total", help: "Requests not answered, by reason.",
                    labels: [("reason", reason.rawValue)], Double(counter.current)))
        }
        let names = ["bootp"] + DHCPMessageType.allCases.map { "\($0)" }
        for (name, counter) in zip(names, replies) {
            list.append(
                Metric(
                    "ondeck_dhcp_replies_total", help: "Replies, by message type.", labels: [("type", name)],
                    Double(counter.current)))
        }
        return list
    }
}
