// SPDX-License-Identifier: Apache-2.0

/// `GET /api/v1/targets`: for every network where a client would be sent now, and why the other nodes were passed over,
/// as the node that answers sees it.
public struct TargetsReport: Codable, Hashable, Sendable {
    /// A node as a next-boot target.
    public struct Node: Codable, Hashable, Sendable {
        public var name: String
        /// Nil: in no location.
        public var location: String?
        /// A sentence, why no client is sent there: "silent for 2 s", "drained as a target"; nil: it may be sent there.
        public var absence: String?
        /// "works", "fails", "off", "unknown"
        public var tftp: String
        public var http: String
        /// Sentences about what does not work: "http: connection refused".
        public var faults: [String]
        public init(
            name: String, location: String? = nil, absence: String? = nil, tftp: String, http: String,
            faults: [String] = []
        ) {
            self.name = name
            self.location = location
            self.absence = absence
            self.tftp = tftp
            self.http = http
            self.faults = faults
        }
    }

    /// An operator's base URL, and what this node found when it asked there for the probe file.
    public struct Endpoint: Codable, Hashable, Sendable {
        public var url: String
        /// "works", "fails", "unknown"
        public var health: String
        /// A sentence; nil when it works or nobody has asked yet.
        public var fault: String?
        public init(url: String, health: String, fault: String? = nil) {
            self.url = url
            self.health = health
            self.fault = fault
        }
    }

    /// A node that the client is sent to, or goes on to.
    public struct Target: Codable, Hashable, Sendable {
        public var node: String
        public var address: String
        /// A sentence: "on link, holds debian-12".
        public var reason: String
        public init(node: String, address: String, reason: String) {
            self.node = node
            self.address = address
            self.reason = reason
        }
    }

    public struct PassedOver: Codable, Hashable, Sendable {
        public var node: String
        /// A sentence.
        public var reason: String
        public init(node: String, reason: String) {
            self.node = node
            self.reason = reason
        }
    }

    public struct Network: Codable, Hashable, Sendable {
        public var name: String
        public var location: String?
        /// The images that this client's environment takes its files from; empty: none, or none is known.
        public var images: [String]
        /// siaddr: where loaders come from.
        public var tftp: String
        /// The base URLs of its scripts and files, in order.
        public var bases: [String]
        /// Nodes in order, by HTTP.
        public var targets: [Target]
        public var passedOver: [PassedOver]
        /// Nobody qualified: the node that answers names itself.
        public var isLastResort: Bool
        /// How it was found, as `ondeck explain` says it.
        public var steps: [ExplainReport.Step]

        public init(
            name: String, location: String? = nil, images: [String] = [], tftp: String, bases: [String],
            targets: [Target] = [], passedOver: [PassedOver] = [], isLastResort: Bool = false,
            steps: [ExplainReport.Step] = []
        ) {
            self.name = name
            self.location = location
            self.images = images
            self.tftp = tftp
            self.bases = bases
            self.targets = targets
            self.passedOver = passedOver
            self.isLastResort = isLastResort
            self.steps = steps
        }
    }

    /// The node that answers.
    public var node: String
    /// The client that was asked about; nil: any.
    public var mac: String?
    /// By name.
    public var nodes: [Node]
    public var endpoints: [Endpoint]
    /// By name.
    public var networks: [Network]

    public init(node: String, mac: String?, nodes: [Node], endpoints: [Endpoint], networks: [Network]) {
        self.node = node
        self.mac = mac
        self.nodes = nodes
        self.endpoints = endpoints
        self.networks = networks
    }
}

/// `PUT /api/v1/targets/{node}/drain`
public struct TargetDrainRequest: Codable, Hashable, Sendable {
    /// False: clients are sent there again.
    public var drain: Bool
    public init(drain: Bool) { self.drain = drain }
}

/// The order is in the store.
public struct TargetDrainReport: Codable, Hashable, Sendable {
    public var node: String
    public var drain: Bool
    public init(node: String, drain: Bool) {
        self.node = node
        self.drain = drain
    }
}
