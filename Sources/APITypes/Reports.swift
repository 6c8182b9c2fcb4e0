// SPDX-License-Identifier: Apache-2.0

import Model

/// One object, as the API shows it.
public struct ObjectReport: Codable, Hashable, Sendable {
    /// "network", "reservation", ...
    public var kind: String
    public var name: String
    /// The commit that wrote it last, which is also its ETag; nil for an object that OnDeck brings along.
    public var revision: Int64?
    public var fields: FieldValue

    public init(kind: String, name: String, revision: Int64?, fields: FieldValue) {
        self.kind = kind
        self.name = name
        self.revision = revision
        self.fields = fields
    }

    public init(_ object: SiteObject, revision: Int64?) {
        self.init(kind: object.kind.rawValue, name: object.name, revision: revision, fields: object.fields)
    }
}

/// One address's record.
public struct LeaseReport: Codable, Hashable, Sendable {
    public var network: String
    public var address: String
    /// "bound", "released", "declined", or "expired" for a bound or declined one whose time is over.
    public var state: String
    /// The client's identity: "mac 52:54:00:12:34:56".
    public var client: String
    public var mac: String?
    public var hostname: String?
    /// ISO 8601, UTC.
    public var since: String
    /// ISO 8601, UTC; nil for a lease without end.
    public var until: String?

    public init(
        network: String, address: String, state: String, client: String, mac: String?, hostname: String?,
        since: String, until: String?
    ) {
        self.network = network
        self.address = address
        self.state = state
        self.client = client
        self.mac = mac
        self.hostname = hostname
        self.since = since
        self.until = until
    }
}

/// One entry of the timeline.
public struct EventReport: Codable, Hashable, Sendable {
    /// Counts up; `watch --since` and `/api/v1/events?since=` take it.
    public var sequence: UInt64
    /// ISO 8601, UTC, with milliseconds.
    public var time: String
    /// "debug", "info", "warning", "error".
    public var level: String
    /// What happened, as one stable word: "dhcp.offer", "tftp.sent", ...
    public var kind: String
    public var mac: String?
    public var address: String?
    public var machine: String?
    public var network: String?
    /// A sentence for the operator.
    public var text: String

    public init(
        sequence: UInt64, time: String, level: String, kind: String, mac: String? = nil, address: String? = nil,
        machine: String? = nil, network: String? = nil, text: String
    ) {
        self.sequence = sequence
        self.time = time
        self.level = level
        self.kind = kind
        self.mac = mac
        self.address = address
        self.machine = machine
        self.network = network
        self.text = text
    }
}

/// `PUT /api/v1/machines/{name}/boot`
public struct BootIntentRequest: Codable, Hashable, Sendable {
    /// "install ENVIRONMENT", "always ENVIRONMENT", "local", "hold".
    public var intent: String
    public init(intent: String) { self.intent = intent }
}

/// `/readyz`
public struct ReadinessReport: Codable, Hashable, Sendable {
    public struct Check: Codable, Hashable, Sendable {
        /// "store", "dhcp", "tftp", "http", ...
        public var name: String
        public var ready: Bool
        /// Why not; or what is being served.
        public var text: String
        public init(name: String, ready: Bool, text: String) {
            self.name = name
            self.ready = ready
            self.text = text
        }
    }
    public var ready: Bool
    public var checks: [Check]
    public init(ready: Bool, checks: [Check]) {
        self.ready = ready
        self.checks = checks
    }
}
