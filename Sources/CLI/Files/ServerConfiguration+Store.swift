// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

extension ServerConfiguration {
    /// Where an etcd or Consul server listens.
    public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
        public var isTLS: Bool
        /// A name, an IPv4 address, or an IPv6 address without brackets.
        public var host: String
        public var port: UInt16
        public init(isTLS: Bool = false, host: String, port: UInt16) {
            self.isTLS = isTLS
            self.host = host
            self.port = port
        }

        /// "https://10.0.0.1:2379"
        public var description: String {
            "\(isTLS ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        }

        /// On this machine, whichever that is.
        public var isLoopback: Bool {
            host == "localhost" || host == "::1" || IPv4Address(host).map { $0.bytes.first == 127 } ?? false
        }
    }

    /// Paths of PEM files.
    public struct TLS: Hashable, Sendable {
        /// Who may have signed the server's certificate; nil: the roots that the system trusts.
        public var ca: String?
        /// This node's own certificate and its key, where the server wants one; both or none.
        public var certificate: String?
        public var key: String?
        public init() {}
    }

    public struct EtcdOptions: Hashable, Sendable {
        /// At least one; all with TLS or all without.
        public var endpoints: [Endpoint]
        /// What every key begins with; ends with a slash.
        public var prefix = "/ondeck/"
        public var tls = TLS()
        /// nil: no user; then there is no password file either.
        public var user: String?
        public var passwordFile: String?
        public init(endpoints: [Endpoint]) { self.endpoints = endpoints }
    }

    public struct ConsulOptions: Hashable, Sendable {
        public var address = Endpoint(host: "127.0.0.1", port: 8500)
        /// What every key begins with; ends with a slash and does not begin with one.
        public var prefix = "ondeck/"
        /// nil: no token.
        public var tokenFile: String?
        public var tls = TLS()
        public init() {}
    }

    /// What the nodes that share a store have in common, and how they speak to each other.
    public struct Cluster: Hashable, Sendable {
        /// Tells two clusters on one prefix of one store apart.
        public var name = "ondeck"
        /// D: a node that is silent for so long loses its terms.
        public var silenceMilliseconds = Limits.silenceMillisecondsDefault
        public var peer = Peer()
        public init() {}
    }

    public struct Peer: Hashable, Sendable {
        public var listen: IPv4Address = .any
        public var port: UInt16 = 6700
        /// Where the others reach this node; nil: the address that it reaches the store from.
        public var address: IPv4Address?
        public init() {}
    }

    /// Whether other machines use the same store.
    public var isClustered: Bool { store != .sqlite }
}

extension ServerConfiguration.Store {
    /// "etcd at http://10.0.0.1:2379, http://10.0.0.2:2379"
    public var spoken: String {
        switch self {
        case .sqlite: "sqlite"
        case .etcd(let etcd): "etcd at \(etcd.endpoints.map(\.description).joined(separator: ", "))"
        case .consul(let consul): "consul at \(consul.address)"
        }
    }

    var endpoints: [ServerConfiguration.Endpoint] {
        switch self {
        case .sqlite: []
        case .etcd(let etcd): etcd.endpoints
        case .consul(let consul): [consul.address]
        }
    }
}

extension ServerConfiguration.Endpoint {
    /// Reads "http://10.0.0.1:2379", "https://etcd1" or "http://[2001:db8::1]:2379"; nil for anything else, such as
    /// an URL with a path or a user.
    init?(_ text: String, defaultPort: UInt16) {
        guard let colon = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<colon.lowerBound]
        guard scheme == "http" || scheme == "https" else { return nil }
        var rest = text[colon.upperBound...]
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        var host = rest
        var after: Substring = ""
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            host = rest[..<end].dropFirst()
            after = rest[rest.index(after: end)...]
            guard host.contains(":"), host.utf8.allSatisfy({ Self.isHexDigit($0) || $0 == 0x3a || $0 == 0x2e }) else {
                return nil
            }
        } else {
            let end = rest.firstIndex(of: ":") ?? rest.endIndex
            host = rest[..<end]
            after = rest[end...]
            guard Self.isHostName(host) else { return nil }
        }
        var port: UInt16? = defaultPort
        if !after.isEmpty {
            let digits = after.dropFirst()
            guard after.first == ":", digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            port = UInt16(digits)
        }
        guard let port, port > 0 else { return nil }
        self.init(isTLS: scheme == "https", host: String(host), port: port)
    }

    private static func isHostName(_ text: Substring) -> Bool {
        let isName = !text.isEmpty && text.utf8.count <= 253 && text.first != "-" && text.first != "."
        // What looks like an address must be one: "10.0.0.300" is nobody's name.
        let isNumeric = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2e }
        return isName && (!isNumeric || IPv4Address(String(text)) != nil)
            && text.utf8.allSatisfy {
                Self.isHexDigit($0) || (0x67...0x7a).contains($0) || (0x47...0x5a).contains($0) || $0 == 0x2d
                    || $0 == 0x2e || $0 == 0x5f
            }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
    }
}
