// SPDX-License-Identifier: Apache-2.0

/// `POST /api/v1/explain`: what would be answered to such a client, and why. Nothing is sent or stored.
public struct ExplainRequest: Codable, Hashable, Sendable {
    public var mac: String
    /// "bios", "x64-uefi", "x64-http", "arm64-uefi", "arm64-http", "ipxe", ...; nil: no boot client.
    public var architecture: String?
    /// The relay's address (giaddr).
    public var relay: String?
    /// The network to answer in; nil: found from the relay or the interface.
    public var network: String?
    /// The interface the request came in on.
    public var interface: String?
    /// Option 61 as hex.
    public var clientID: String?
    public var uuid: String?
    /// Option 82's circuit: text, or "hex:...".
    public var circuit: String?
    /// "discover" (the default), "request" or "inform".
    public var message: String?
    /// The address that the client asks for.
    public var requested: String?

    public init(mac: String) { self.mac = mac }
}

public struct ExplainReport: Codable, Hashable, Sendable {
    public struct Step: Codable, Hashable, Sendable {
        public var question: String
        public var answer: String
        public init(question: String, answer: String) {
            self.question = question
            self.answer = answer
        }
    }

    /// The reply as text and as bytes.
    public struct Reply: Codable, Hashable, Sendable {
        /// One line a fixed field: "yiaddr 10.64.0.20".
        public var fields: [String]
        /// One line an option: "3 routers 10.64.0.254".
        public var options: [String]
        public var bytesHex: String
        public init(fields: [String], options: [String], bytesHex: String) {
            self.fields = fields
            self.options = options
            self.bytesHex = bytesHex
        }
    }

    /// A parameter as templates would see it, and who gave it.
    public struct Parameter: Codable, Hashable, Sendable {
        public var name: String
        public var value: FieldValue
        /// "machine web1", "profile web", "network rack1", "environment debian-12", "parameters".
        public var from: String
        public init(name: String, value: FieldValue, from: String) {
            self.name = name
            self.value = value
            self.from = from
        }
    }

    public var steps: [Step]
    /// One sentence: what is sent, or why nothing is.
    public var verdict: String
    /// Where the reply goes: "broadcast on eth1", "unicast to relay 10.9.0.1:67"; nil without a reply.
    public var route: String?
    public var reply: Reply?
    public var parameters: [Parameter]

    public init(steps: [Step], verdict: String, route: String?, reply: Reply?, parameters: [Parameter] = []) {
        self.steps = steps
        self.verdict = verdict
        self.route = route
        self.reply = reply
        self.parameters = parameters
    }
}
