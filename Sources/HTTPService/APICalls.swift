// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model

/// What the API asks of the engine. Composition fills it. A write has been committed when its call returns.
public struct APICalls: Sendable {
    public typealias Change = Result<ChangeReport, Problem>

    public struct LeaseFilter: Hashable, Sendable {
        public var network: String?
        public var mac: MACAddress?
        public init(network: String? = nil, mac: MACAddress? = nil) {
            self.network = network
            self.mac = mac
        }
    }

    public struct EventFilter: Hashable, Sendable {
        /// Only later ones than this sequence number; nil: what comes from now on, or with `follow` false all.
        public var since: UInt64?
        public var mac: MACAddress?
        /// The stream goes on with what happens next; otherwise it ends with what is known.
        public var follow: Bool
        public init(since: UInt64? = nil, mac: MACAddress? = nil, follow: Bool = true) {
            self.since = since
            self.mac = mac
            self.follow = follow
        }
    }

    /// The whole site as a document, and the store's revision that it was taken at.
    public var export: @Sendable () async -> (document: FieldValue, revision: Int64)
    public var apply: @Sendable (_ document: FieldValue, _ prune: Bool, _ dryRun: Bool) async -> Change
    public var list: @Sendable (ObjectKind) async -> [ObjectReport]
    public var get: @Sendable (ObjectKind, _ name: String) async -> ObjectReport?
    /// Creates or replaces an object. `ifMatch`: only if this is its revision (0: only if there is none), else 412.
    public var put: @Sendable (ObjectKind, _ name: String, _ fields: FieldValue, _ ifMatch: Int64?) async -> Change
    /// 404 when there is none.
    public var delete: @Sendable (ObjectKind, _ name: String, _ ifMatch: Int64?) async -> Change
    public var leases: @Sendable (LeaseFilter) async -> [LeaseReport]
    /// Forgets an address's record; 404 when there is none.
    public var deleteLease: @Sendable (_ network: String, IPv4Address) async -> Result<Void, Problem>
    /// Sets what a machine does at its next boot, and arms it again even if it has been done.
    public var setIntent: @Sendable (_ machine: String, BootIntent) async -> Change
    public var explain: @Sendable (ExplainRequest) async -> Result<ExplainReport, Problem>
    /// Ends when the reader is too slow to follow; it then asks again from what it saw last.
    public var events: @Sendable (EventFilter) async -> AsyncStream<EventReport>
    /// Prometheus text.
    public var metrics: @Sendable () async -> String
    /// `scope` is one check's name; nil: all. Nil for an unknown scope.
    public var readiness: @Sendable (_ scope: String?) async -> ReadinessReport?
    public var cluster: ClusterCalls
    public var content: ContentCalls
    public var targets: TargetCalls

    public init(
        export: @escaping @Sendable () async -> (document: FieldValue, revision: Int64),
        apply: @escaping @Sendable (FieldValue, _ prune: Bool, _ dryRun: Bool) async -> Change,
        list: @escaping @Sendable (ObjectKind) async -> [ObjectReport],
        get: @escaping @Sendable (ObjectKind, String) async -> ObjectReport?,
        put: @escaping @Sendable (ObjectKind, String, FieldValue, _ ifMatch: Int64?) async -> Change,
        delete: @escaping @Sendable (ObjectKind, String, _ ifMatch: Int64?) async -> Change,
        leases: @escaping @Sendable (LeaseFilter) async -> [LeaseReport],
        deleteLease: @escaping @Sendable (String, IPv4Address) async -> Result<Void, Problem>,
        setIntent: @escaping @Sendable (String, BootIntent) async -> Change,
        explain: @escaping @Sendable (ExplainRequest) async -> Result<ExplainReport, Problem>,
        events: @escaping @Sendable (EventFilter) async -> AsyncStream<EventReport>,
        metrics: @escaping @Sendable () async -> String,
        readiness: @escaping @Sendable (String?) async -> ReadinessReport?,
        cluster: ClusterCalls, content: ContentCalls, targets: TargetCalls
    ) {
        self.export = export
        self.apply = apply
        self.list = list
        self.get = get
        self.put = put
        self.delete = delete
        self.leases = leases
        self.deleteLease = deleteLease
        self.setIntent = setIntent
        self.explain = explain
        self.events = events
        self.metrics = metrics
        self.readiness = readiness
        self.cluster = cluster
        self.content = content
        self.targets = targets
    }
}
