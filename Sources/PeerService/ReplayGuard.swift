// SPDX-License-Identifier: Apache-2.0

import Model

/// Tells heartbeats that are new from copies of old ones, without a clock: within a run the sequence grows, and a run
/// that another one has followed is over.
///
/// Incarnations have no order, so a copy from a run that this process has never heard of looks like the node's next
/// start. It must not silence the node that lives: a run that counts as over is heard again once it has sent
/// `Limits.heartbeatsToReturn` more, which a finished one cannot. Two processes with one name are then heard in turns.
struct ReplayGuard {
    private struct Run {
        var incarnation: UInt64
        var sequence: UInt64
        /// New heartbeats since it was followed by another.
        var sinceFollowed = 0
    }

    private struct Node {
        /// The one that counts, then earlier ones, the latest first.
        var runs: [Run]
        /// The guard's count when it was last heard: who was heard longest ago is forgotten first.
        var lastHeard: UInt64

        mutating func admits(_ new: Run, count: UInt64) -> Bool {
            guard let index = runs.firstIndex(where: { $0.incarnation == new.incarnation }) else {
                runs.insert(new, at: 0)
                if runs.count > Limits.rememberedRunsPerNode { runs.removeLast() }
                lastHeard = count
                return true
            }
            guard new.sequence > runs[index].sequence else { return false }
            runs[index].sequence = new.sequence
            lastHeard = count
            guard index > 0 else { return true }
            runs[index].sinceFollowed += 1
            guard runs[index].sinceFollowed >= Limits.heartbeatsToReturn else { return false }
            runs[index].sinceFollowed = 0
            runs.insert(runs.remove(at: index), at: 0)
            return true
        }
    }

    private var nodes: [String: Node] = [:]
    private var count: UInt64 = 0

    /// Whether this is news.
    mutating func admits(_ run: NodeRun, sequence: UInt64) -> Bool {
        count += 1
        let new = Run(incarnation: run.incarnation, sequence: sequence)
        if nodes[run.node] == nil, nodes.count >= Limits.rememberedNodesMax { forgetOne() }
        return nodes[run.node, default: Node(runs: [], lastHeard: count)].admits(new, count: count)
    }

    var remembered: (nodes: Int, runs: Int) { (nodes.count, nodes.values.reduce(0) { $0 + $1.runs.count }) }

    private mutating func forgetOne() {
        if let oldest = nodes.min(by: { $0.value.lastHeard < $1.value.lastHeard })?.key { nodes[oldest] = nil }
    }
}
