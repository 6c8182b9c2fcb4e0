// SPDX-License-Identifier: Apache-2.0

import APITypes

/// What the API asks about the cluster. Composition fills it.
public struct ClusterCalls: Sendable {
    /// The cluster as this node sees it. Its `ready` is judged by the API.
    public var show: @Sendable () async -> ClusterReport
    /// Has a network handed over, and answers when the new holder's term is in the store. 404: no such network or node;
    /// 409: not now (the node is not alive, drains, does not hear the network; the hand-over did not happen in time);
    /// 422: never (the network is not dynamic); 503: the store takes no order.
    public var handOver: @Sendable (_ network: String, _ node: String) async -> Result<HandoverReport, Problem>
    /// Rehearses a fault of the node up to bat, and answers when it has been handed over, or when the node says that it
    /// is about to happen. 403: the node's configuration does not allow it; 404: no such network; 409: not now; 422:
    /// never (one machine's store, a network that is not dynamic).
    public var drill: @Sendable (_ network: String, DrillRequest) async -> Result<DrillOrderReport, Problem>
    /// Puts what has come of a drill onto the timeline. 404: no such network.
    public var drillEnded: @Sendable (_ network: String, DrillOutcome) async -> Result<Void, Problem>
    /// Has a node hand over what it has, or lets it take its share again. Answers when the order is in the store.
    /// 404: no such node; 409: no other node could take its networks.
    public var drain: @Sendable (_ node: String, _ drain: Bool) async -> Result<DrainReport, Problem>
    /// Has a store that went back in time (restored from a backup) served again. 409: it did not.
    public var acceptRestored: @Sendable () async -> Result<AcceptRestoredReport, Problem>
    public var window: @Sendable (_ outageSeconds: UInt32) async -> WindowReport

    public init(
        show: @escaping @Sendable () async -> ClusterReport,
        handOver: @escaping @Sendable (_ network: String, _ node: String) async -> Result<HandoverReport, Problem>,
        drill: @escaping @Sendable (_ network: String, DrillRequest) async -> Result<DrillOrderReport, Problem>,
        drillEnded: @escaping @Sendable (_ network: String, DrillOutcome) async -> Result<Void, Problem>,
        drain: @escaping @Sendable (_ node: String, _ drain: Bool) async -> Result<DrainReport, Problem>,
        acceptRestored: @escaping @Sendable () async -> Result<AcceptRestoredReport, Problem>,
        window: @escaping @Sendable (_ outageSeconds: UInt32) async -> WindowReport
    ) {
        self.show = show
        self.handOver = handOver
        self.drill = drill
        self.drillEnded = drillEnded
        self.drain = drain
        self.acceptRestored = acceptRestored
        self.window = window
    }
}
