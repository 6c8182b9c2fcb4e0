// SPDX-License-Identifier: Apache-2.0

import APITypes
import Decisions
import Model
import Ports

/// An operator's orders about next-boot targets.
public struct TargetOrders: Sendable {
    private let store: any StateStore
    private let node: ClusterNode
    private let index: ContentIndex
    private let timeline: Timeline

    public init(store: any StateStore, node: ClusterNode, index: ContentIndex, timeline: Timeline) {
        self.store = store
        self.node = node
        self.index = index
        self.timeline = timeline
    }

    /// Has no machine be sent to a node, or lets it be a target again. Refused for the last one that is left.
    public func drain(_ name: String, _ isDraining: Bool) async throws(Problem) -> TargetDrainReport {
        let views = node.nodeViews
        guard views.contains(where: { $0.beat.run.node == name }) else { throw .notFound("node \(name)") }
        let alive = views.filter { $0.life == .alive && $0.beat.intent == .serving }.map(\.beat.run.node)
        let left = Set(alive).subtracting(index.drainedTargets).subtracting([name])
        guard !isDraining || !left.isEmpty else {
            throw Problem(title: "the last target", status: 409, detail: "no other node would be a target")
        }
        let key = StoreKeys.target(name)
        let write: StoreWrite = isDraining ? .put(key: key, value: Array("1".utf8)) : .delete(key: key)
        do throws(StoreError) { _ = try await store.commit(StoreBatch(writes: [write])) } catch { throw Problem(error) }
        let text = isDraining ? "no machine is sent to \(name) from now on" : "\(name) is a target again"
        timeline.add(Event(.admin, .info, .text(text)))
        return TargetDrainReport(node: name, drain: isDraining)
    }
}
