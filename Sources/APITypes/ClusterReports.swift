// SPDX-License-Identifier: Apache-2.0

import Model

/// `GET /api/v1/cluster`: the cluster as the node that answers sees it.
public struct ClusterReport: Codable, Hashable, Sendable {
    /// The node that answers.
    public var node: String
    /// The store takes no beat of this node: what it says of the others is old.
    public var isCutOff: Bool
    public var store: Store
    public var nodes: [Node]
    public var networks: [Network]
    /// The newest of the store's revisions that this node knows of.
    public var revision: Int64
    /// ISO 8601, UTC, with milliseconds.
    public var clusterTime: String
    /// Filled in by the API from all the rest.
    public var ready = Readiness(safe: false, reasons: ["not judged"])

    public init(
        node: String, isCutOff: Bool, store: Store, nodes: [Node], networks: [Network], revision: Int64,
        clusterTime: String
    ) {
        self.node = node
        self.isCutOff = isCutOff
        self.store = store
        self.nodes = nodes
        self.networks = networks
        self.revision = revision
        self.clusterTime = clusterTime
    }

    /// Whether the failure of any one node or store member, right now, would be survived without a gap beyond the
    /// promises.
    public struct Readiness: Codable, Hashable, Sendable {
        public var safe: Bool
        /// Sentences: what is missing.
        public var reasons: [String]
        public init(safe: Bool, reasons: [String]) {
            self.safe = safe
            self.reasons = reasons
        }
    }

    public struct Store: Codable, Hashable, Sendable {
        public struct Member: Codable, Hashable, Sendable {
            public var name: String
            public var endpoint: String
            public var reachable: Bool
            public var leader: Bool
            /// Of one small question; nil when it was not answered.
            public var latencyMilliseconds: Double?
            /// Of its database; nil when it does not say.
            public var sizeBytes: Int64?
            public init(
                name: String, endpoint: String, reachable: Bool, leader: Bool, latencyMilliseconds: Double? = nil,
                sizeBytes: Int64? = nil
            ) {
                self.name = name
                self.endpoint = endpoint
                self.reachable = reachable
                self.leader = leader
                self.latencyMilliseconds = latencyMilliseconds
                self.sizeBytes = sizeBytes
            }
        }

        /// "sqlite", "etcd 3.5.13", "consul 1.15.2"
        public var engine: String
        /// Another value means another store, whatever its address; empty when it has none.
        public var identity: String
        public var members: [Member]
        public var hasQuorum: Bool
        /// The loss of any one member would leave it working.
        public var survivesOneLoss: Bool
        /// Sentences: "NOSPACE on n2".
        public var alarms: [String]

        public init(
            engine: String, identity: String = "", members: [Member] = [], hasQuorum: Bool, survivesOneLoss: Bool,
            alarms: [String] = []
        ) {
            self.engine = engine
            self.identity = identity
            self.members = members
            self.hasQuorum = hasQuorum
            self.survivesOneLoss = survivesOneLoss
            self.alarms = alarms
        }
    }

    public struct Node: Codable, Hashable, Sendable {
        public var name: String
        /// "alive", "silent", "process-gone", "stopped"
        public var life: String
        /// "serving", "draining", "stopped"
        public var intent: String
        /// ISO 8601, UTC: when its process began.
        public var startedAt: String
        /// Since its last sign of life, as the node that answers saw it.
        public var lastSeenMilliseconds: Int64
        /// The store's revision that it has taken in, and how far that is behind the newest.
        public var appliedRevision: Int64
        public var lagRevisions: Int64
        /// How far its machine's clock is away from the cluster's time; positive: ahead.
        public var clockOffsetMilliseconds: Int64
        /// "10.0.0.1:8067"
        public var peerAddress: String
        public var version: String
        /// Networks that it is up to bat for.
        public var networksHeld: [String]
        /// Networks that it cannot hear.
        public var deafNetworks: [String]

        public init(name: String, life: String, intent: String, startedAt: String, peerAddress: String, version: String)
        {
            self.name = name
            self.life = life
            self.intent = intent
            self.startedAt = startedAt
            lastSeenMilliseconds = 0
            appliedRevision = 0
            lagRevisions = 0
            clockOffsetMilliseconds = 0
            self.peerAddress = peerAddress
            self.version = version
            networksHeld = []
            deafNetworks = []
        }
    }

    public struct Network: Codable, Hashable, Sendable {
        public var name: String
        /// "static", "dynamic", "proxy"
        public var mode: String
        /// The node up to bat; nil: nobody, which is as it should be for static and proxy networks.
        public var holder: String?
        /// ISO 8601, UTC: when its turn began.
        public var since: String?
        /// A sentence: why it began.
        public var cause: String?
        public var epoch: UInt64?
        /// Whether the node that answers serves its dynamic clients.
        public var servingHere: Bool
        /// Who would have it if all were well.
        public var desired: String?
        /// Nodes in the operator's order of preference.
        public var preferred: [String]
        /// The virtual address that the node up to bat has; nil: the network has none.
        public var vip: String?
        /// Why the node up to bat does not have it, as a sentence; nil when it has, or nobody is.
        public var vipFault: String?

        public init(name: String, mode: String) {
            self.name = name
            self.mode = mode
            servingHere = false
            preferred = []
        }
    }
}

extension TermCause {
    /// Why a term began, for an operator.
    public var sentence: String {
        switch self {
        case .start: "nobody had it"
        case .handedOver: "handed over by the node before"
        case .processGone: "the process before was gone"
        case .silent: "the node before was silent"
        case .deaf: "the node before heard no clients"
        }
    }
}

/// `PUT /api/v1/cluster/networks/{network}/holder`
public struct HolderRequest: Codable, Hashable, Sendable {
    /// The node that is to be up to bat.
    public var node: String
    public init(node: String) { self.node = node }
}

/// A hand-over that is done.
public struct HandoverReport: Codable, Hashable, Sendable {
    public var network: String
    /// Nil: nobody had it.
    public var from: String?
    public var to: String
    public var epoch: UInt64
    /// From the order to the new holder's record, as the node that answers saw it. 0: it had it already.
    public var milliseconds: Int64
    public init(network: String, from: String?, to: String, epoch: UInt64, milliseconds: Int64) {
        self.network = network
        self.from = from
        self.to = to
        self.epoch = epoch
        self.milliseconds = milliseconds
    }
}

/// `PUT /api/v1/cluster/nodes/{node}/drain`
public struct DrainRequest: Codable, Hashable, Sendable {
    /// False: the node takes its share again.
    public var drain: Bool
    public init(drain: Bool) { self.drain = drain }
}

/// The order is given; the hand-overs may be under way.
public struct DrainReport: Codable, Hashable, Sendable {
    public var node: String
    public var drain: Bool
    /// Networks that the node is up to bat for now.
    public var networksHeld: [String]
    public init(node: String, drain: Bool, networksHeld: [String]) {
        self.node = node
        self.drain = drain
        self.networksHeld = networksHeld
    }
}

/// `POST /api/v1/cluster/accept-restored`
public struct AcceptRestoredReport: Codable, Hashable, Sendable {
    /// Dynamic networks that were held back, and are served again.
    public var networks: [String]
    public init(networks: [String]) { self.networks = networks }
}
