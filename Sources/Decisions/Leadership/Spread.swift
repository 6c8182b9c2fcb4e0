// SPDX-License-Identifier: Apache-2.0

import Model

/// Who should have which network. A function of what all nodes see alike - who is there, who hears what, the
/// operator's wishes and who has what now - so that all come to the same without asking each other.
struct Spread: Sendable {
    /// Nodes that take terms, in the order of their names.
    var nodes: [String]
    /// Operators' orders that were followed: those networks stay where they are.
    var pins: [String: String] = [:]

    /// The node for each network; none where nobody hears it. First the operator's orders, then his preferences, then
    /// evenly: a network stays with its holder unless another node has at least two fewer, so that after one pass no
    /// two nodes differ by more than one, nothing has moved without need, and a second pass moves nothing.
    /// `candidates` are in the order of their names.
    func plan(
        _ candidates: [Leadership.Candidate], holder: (String) -> String?,
        hears: (_ node: String, _ network: String) -> Bool
    ) -> [String: String] {
        var plan: [String: String] = [:]
        plan.reserveCapacity(candidates.count)
        var loads = Dictionary(uniqueKeysWithValues: nodes.map { ($0, 0) })
        var held: [(network: String, holder: String)] = []
        var free: [String] = []
        for candidate in candidates {
            let network = candidate.network
            if let wished = wished(candidate, hears: hears) {
                plan[network] = wished
            } else if let holder = holder(network), let load = loads[holder], hears(holder, network) {
                held.append((network, holder))
                loads[holder] = load + 1
            } else {
                free.append(network)
            }
        }
        for network in free {
            guard let node = lightest(loads, for: network, hears: hears) else { continue }
            plan[network] = node
            loads[node, default: 0] += 1
        }
        for (network, holder) in held {
            plan[network] = holder
            // A lighter node than the lightest of all need not be looked for.
            guard let load = loads[holder], let least = loads.values.min(), load > least + 1,
                let node = lightest(loads, for: network, hears: hears), let other = loads[node], load > other + 1
            else { continue }
            plan[network] = node
            loads[holder] = load - 1
            loads[node] = other + 1
        }
        return plan
    }

    private func wished(_ candidate: Leadership.Candidate, hears: (String, String) -> Bool) -> String? {
        let network = candidate.network
        if let pin = pins[network], nodes.contains(pin), hears(pin, network) { return pin }
        return candidate.preferred.first { nodes.contains($0) && hears($0, network) }
    }

    private func lightest(_ loads: [String: Int], for network: String, hears: (String, String) -> Bool) -> String? {
        var best: (node: String, load: Int, score: UInt64)?
        let seed = Self.hash(network)
        for node in nodes {
            guard let load = loads[node], load <= best?.load ?? .max, hears(node, network) else { continue }
            let score = Self.score(seed, node)
            if let best, load == best.load, score <= best.score { continue }
            best = (node, load, score)
        }
        return best?.node
    }

    /// How well a node suits a network where nothing else decides (rendezvous hashing).
    static func score(network: String, node: String) -> UInt64 { score(hash(network), node) }

    private static func score(_ seed: UInt64, _ node: String) -> UInt64 {
        var hash = seed ^ hash(node) &* 0x9e37_79b9_7f4a_7c15
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return hash ^ hash >> 31
    }

    /// FNV-1a.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }
}
