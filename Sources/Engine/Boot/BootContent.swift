// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Model

/// What a machine asks for while it boots, by HTTP or TFTP.
public struct BootAsk: Sendable {
    /// Decoded, without a slash at its beginning.
    public var path: String
    public var query: [String: String]
    public var client: IPv4Address
    /// Where this client reaches us and the other nodes, for the URLs in scripts.
    public var endpoint: BootEndpoint
    /// Only the size is asked for (HEAD): nothing may change.
    public var isOnlyHead: Bool

    public init(
        path: String, query: [String: String] = [:], client: IPv4Address, endpoint: BootEndpoint,
        isOnlyHead: Bool = false
    ) {
        self.path = path
        self.query = query
        self.client = client
        self.endpoint = endpoint
        self.isOnlyHead = isOnlyHead
    }
}

/// The answer, whatever protocol carries it. Reasons are sentences for the timeline and the machine's screen.
public enum BootContent: Sendable {
    case file(OpenFile, contentType: String)
    /// A file that is still coming in, to be sent as it comes (HTTP).
    case arriving(ArrivingFile, contentType: String)
    case text(String, contentType: String)
    case noContent
    case missing(String)
    /// It is there, and this machine does not get it now.
    case refused(String)
    /// The machine has had it, and nobody gets it again (HTTP 410).
    case gone(String)
    /// Our own fault, or the operator's.
    case failed(String)
    /// It is on its way here. Who cannot wait (TFTP) stays silent: the client asks again.
    case later
}
