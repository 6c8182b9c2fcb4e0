// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// What a client wants of a node.
public enum TargetUse: String, Hashable, Sendable, CaseIterable {
    case tftp, http
}

/// Why a node is not named.
public enum TargetObstacle: Hashable, Sendable, CustomStringConvertible {
    /// As `TargetNode.absence` says.
    case absent(String)
    case fails(TargetUse)
    case off(TargetUse)
    /// As `TargetNode.Content.cannot` says.
    case content(String)

    public var description: String {
        switch self {
        case .absent(let reason), .content(let reason): reason
        case .fails(let use): "its \(use.rawValue) fails"
        case .off(let use): "its \(use.rawValue) is switched off"
        }
    }
}

/// The nodes in the order in which one client should try them, and those that it should not.
public struct TargetVerdict: Hashable, Sendable {
    public struct PassedOver: Hashable, Sendable {
        public var node: TargetNode
        public var obstacle: TargetObstacle
        /// A sentence.
        public var reason: String { "\(obstacle)" }
    }

    /// Empty only when nobody qualifies and this node is not among those that were asked about.
    public var ranked: [TargetNode] = []
    public var passedOver: [PassedOver] = []
    /// Nobody qualified: `ranked` is this node alone, so that the client has somewhere to ask, and `passedOver` says
    /// what is wrong with it, too.
    public var isLastResort = false

    public init() {}
}

/// Which node a client should boot from: nearest first, then those that hold its files, then spread by rendezvous
/// hashing, so that the loss of a node moves only its own clients. The same facts give the same order on every node.
public enum TargetRanking {
    /// `key`: what tells clients apart, the bits of the MAC address. `location`: the client's, nil: nowhere in
    /// particular.
    public static func rank(
        _ nodes: [TargetNode], key: UInt64, location: String?, use: TargetUse = .http
    ) -> TargetVerdict {
        var verdict = TargetVerdict()
        var places: [Place] = []
        places.reserveCapacity(nodes.count)
        for (index, node) in nodes.enumerated() {
            if let obstacle = obstacle(node, use) {
                verdict.passedOver.append(TargetVerdict.PassedOver(node: node, obstacle: obstacle))
            } else {
                places.append(Place(node, index: index, key: key, location: location))
            }
        }
        places.sort { $0 < $1 }
        verdict.ranked = places.map { nodes[$0.index] }
        guard places.isEmpty, let own = nodes.first(where: \.isSelf) else { return verdict }
        verdict.ranked = [own]
        verdict.isLastResort = true
        return verdict
    }

    private static func obstacle(_ node: TargetNode, _ use: TargetUse) -> TargetObstacle? {
        if let absence = node.absence { return .absent(absence) }
        switch use == .tftp ? node.tftp : node.http {
        case .works, .unknown: break
        case .fails: return .fails(use)
        case .off: return .off(use)
        }
        guard case .cannot(let reason) = node.content else { return nil }
        return .content(reason)
    }

    /// What nodes are sorted by; less is better.
    private struct Place: Comparable {
        var distance: UInt8
        var effort: UInt8
        var weight: UInt64
        var name: String
        var index: Int

        init(_ node: TargetNode, index: Int, key: UInt64, location: String?) {
            distance = node.distance(from: location)
            effort = node.effort
            weight = Rendezvous.weight(key, node: node.name)
            name = node.name
            self.index = index
        }

        static func < (a: Self, b: Self) -> Bool {
            if a.distance != b.distance { return a.distance < b.distance }
            if a.effort != b.effort { return a.effort < b.effort }
            if a.weight != b.weight { return a.weight > b.weight }
            return a.name < b.name
        }
    }
}

extension TargetVerdict {
    /// This node behind those that are as near and have to do as little.
    mutating func putOwnLastAmongEquals(location: String?) {
        guard let index = ranked.firstIndex(where: \.isSelf) else { return }
        let own = ranked.remove(at: index)
        let end = ranked.lastIndex {
            $0.distance(from: location) == own.distance(from: location) && $0.effort == own.effort
        }
        ranked.insert(own, at: max(index, end.map { $0 + 1 } ?? index))
    }
}

extension TargetNode {
    /// Less is nearer.
    fileprivate func distance(from wanted: String?) -> UInt8 {
        isOnLink ? 0 : wanted != nil && location == wanted ? 1 : 2
    }

    fileprivate var effort: UInt8 { content == .holds ? 0 : 1 }

    /// Why it was named: "on link, holds its files".
    public func standing(location wanted: String?) -> String {
        let place =
            isOnLink
            ? "on link" : wanted != nil && location == wanted ? "in \(wanted ?? "")" : location.map { "in \($0)" }
        let ability =
            switch content {
            case .holds: "holds its files"
            case .fetches: "can fetch its files"
            case .unknown: "has not said what it holds"
            case .cannot(let reason): reason
            }
        return [place, ability].compactMap { $0 }.joined(separator: ", ")
    }
}
