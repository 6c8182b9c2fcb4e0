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
    /// Where the client reached us, for the URLs in scripts.
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
    case text(String, contentType: String)
    case noContent
    case missing(String)
    /// It is there, and this machine does not get it now.
    case refused(String)
    /// Our own fault, or the operator's.
    case failed(String)
}
