// SPDX-License-Identifier: Apache-2.0

import Addresses
import Engine

/// What the boot listener asks of the engine. Composition fills it.
public struct BootPlaneCalls: Sendable {
    /// What to answer. It is not told GET from HEAD other than by `method`, and should answer both alike.
    public var get: @Sendable (BootRequest) async -> BootResponse
    /// The same answer, if it can be had without waiting; nil: `get` is to be asked, and nothing has happened yet.
    /// Called on an event loop, which does nothing else meanwhile.
    public var getNow: @Sendable (BootRequest) -> BootResponse?
    /// What became of an answer, once its last byte has left or its connection has broken.
    public var served: @Sendable (BootRequest, BootOutcome) -> Void

    public init(
        get: @escaping @Sendable (BootRequest) async -> BootResponse,
        getNow: @escaping @Sendable (BootRequest) -> BootResponse? = { _ in nil },
        served: @escaping @Sendable (BootRequest, BootOutcome) -> Void = { _, _ in }
    ) {
        self.get = get
        self.getNow = getNow
        self.served = served
    }
}

/// One request of a machine, decoded.
public struct BootRequest: Hashable, Sendable {
    public enum Method: String, Sendable { case get = "GET", head = "HEAD", post = "POST" }

    public var method: Method
    /// Percent-decoded UTF-8 without control characters, "." or ".."; segments joined by single slashes, without a
    /// leading one.
    public var path: String
    /// Decoded; of a name given twice, the first value.
    public var query: [String: String]
    /// Who asks: behind proxies that are trusted, whom they say it is.
    public var client: IPv4Address
    public var clientPort: UInt16
    /// Where the client, or its proxy, reached us.
    public var local: IPv4Address
    public var localPort: UInt16
    /// The Host header, if its name is on the allow-list: "boot.example:8080", in lower case.
    public var host: String?
    /// What a URL for this client begins with, as proxies that are trusted say: "https://boot.example/ondeck".
    public var forwardedBase: String?

    public init(
        method: Method, path: String, query: [String: String] = [:], client: IPv4Address, clientPort: UInt16,
        local: IPv4Address, localPort: UInt16, host: String? = nil, forwardedBase: String? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.client = client
        self.clientPort = clientPort
        self.local = local
        self.localPort = localPort
        self.host = host
        self.forwardedBase = forwardedBase
    }
}

/// The engine's answer. There is no "try again later": firmware takes 503 for "no such boot file" and moves on.
public enum BootResponse: Sendable {
    /// Ranges and conditions are the listener's business.
    case file(OpenFile, contentType: String)
    /// A file that is still coming in: it is sent as it comes, alike in all else.
    case arriving(ArrivingFile, contentType: String)
    case text(String, contentType: String)
    case noContent
    case notFound(String)
    /// Was there, and will not be again: a burnt token.
    case gone(String)
    case forbidden(String)
    /// Our fault.
    case failed(String)
}

/// What became of an answer.
public struct BootOutcome: Hashable, Sendable {
    public var status: Int
    /// Of the body, as far as the kernel took them.
    public var bytesSent: Int
    /// Whether all of the body was.
    public var isComplete: Bool
    public var milliseconds: Int64

    public init(status: Int, bytesSent: Int, isComplete: Bool, milliseconds: Int64) {
        self.status = status
        self.bytesSent = bytesSent
        self.isComplete = isComplete
        self.milliseconds = milliseconds
    }
}

/// The media type of a boot file. UEFI firmware goes by it, or by the name's end where the type is unknown to it
/// (UEFI 2.10 24.7.1).
public func bootMediaType(path: String) -> String {
    switch path.split(separator: ".").last.map({ $0.lowercased() }) {
    case "efi": "application/efi"
    case "iso": "application/vnd.efi-iso"
    case "img": "application/vnd.efi-img"
    case "ipxe", "cfg", "txt", "ks", "yaml", "yml", "json": "text/plain; charset=utf-8"
    default: "application/octet-stream"
    }
}
