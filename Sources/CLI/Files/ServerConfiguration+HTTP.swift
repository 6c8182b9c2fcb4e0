// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model

extension ServerConfiguration {
    /// Which proxies a listener believes.
    public struct Proxies: Hashable, Sendable {
        /// Balancers and proxies that are believed when they say for whom they ask. Empty: nobody is.
        public var trusted: [IPv4Subnet] = []
        /// Each connection from one of them begins with a PROXY header.
        public var proxyProtocol = false
        public init() {}
    }

    /// Boot files and scripts.
    public struct HTTP: Hashable, Sendable {
        public var listen: IPv4Address = .any
        public var port: UInt16 = 8080
        public var proxies = Proxies()
        /// Names under which machines reach it, with a port or without: no URL is made of another that a request has.
        public var hosts: [String] = []
        /// Where machines reach this node; nil: where they do, or by what network they are on.
        public var address: IPv4Address?
        public init() {}
    }

    public struct API: Hashable, Sendable {
        public var listen: IPv4Address = .loopback
        public var port: UInt16 = 8081
        /// nil: "api-token" in the data directory.
        public var tokenFile: String?
        public var proxies = Proxies()
        public init() {}
    }
}

extension ServerConfiguration.HTTP {
    private static let keys = ["listen", "port", "trusted", "proxy-protocol", "hosts", "address"]
    private static let advice = [
        "host": "did you mean 'hosts'?", "proxies": "did you mean 'trusted'?",
        "proxyProtocol": "did you mean 'proxy-protocol'?",
    ]

    init?(_ reader: FieldReader) {
        self.init()
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return nil }
        fields.read("listen", into: &listen) { $0.address() }
        fields.read("port", into: &port) { $0.port() }
        proxies.read(fields)
        fields.read("hosts", into: &hosts) { $0.hosts() }
        fields.read("address", into: &address) { $0.machineAddress() }
    }
}

extension ServerConfiguration.API {
    private static let keys = ["listen", "port", "tokenFile", "trusted", "proxy-protocol"]
    private static let advice = [
        "proxies": "did you mean 'trusted'?", "proxyProtocol": "did you mean 'proxy-protocol'?",
        "hosts": "it belongs to 'http': the API makes no URLs of names",
    ]

    init?(_ reader: FieldReader) {
        self.init()
        guard let fields = reader.fields(Self.keys, advice: Self.advice) else { return nil }
        fields.read("listen", into: &listen) { $0.address() }
        fields.read("port", into: &port) { $0.port() }
        fields.read("tokenFile", into: &tokenFile) { $0.path() }
        proxies.read(fields)
    }
}

extension ServerConfiguration.Proxies {
    fileprivate mutating func read(_ fields: FieldReader.Fields) {
        fields.read("trusted", into: &trusted) { $0.trustedNetworks() }
        fields.read("proxy-protocol", into: &proxyProtocol) { $0.boolean() }
        if proxyProtocol, trusted.isEmpty, fields["trusted"] == nil || fields["trusted"]?.value.asList?.isEmpty == true
        {
            fields["proxy-protocol"]?.fail(
                "needs 'trusted', the balancers that send the header",
                hint: "whoever may send it may be any client: trusted: [10.0.0.5]; other nodes and machines send none")
        }
    }
}

extension FieldReader {
    /// Networks, or single addresses, each once.
    fileprivate func trustedNetworks() -> [IPv4Subnet]? {
        guard let networks = list({ $0.networkOrAddress() }) else { return nil }
        guard networks.count <= Limits.trustedNetworksMax else {
            fail("has \(networks.count) networks; at most \(Limits.trustedNetworksMax) are allowed")
            return nil
        }
        if networks.contains(where: { $0.prefixLength == 0 }) {
            fail("trusts everybody", hint: "name your balancers: anybody else could pass for any client")
            return nil
        }
        return networks
    }

    private func networkOrAddress() -> IPv4Subnet? {
        if let text = text(), let address = IPv4Address(text) {
            return IPv4Subnet(containing: address, prefixLength: 32)
        }
        return subnet()
    }

    /// Host names or addresses, each with a port or without.
    fileprivate func hosts() -> [String]? {
        guard let hosts = list({ $0.hostAndPort() }) else { return nil }
        guard hosts.count <= Limits.allowedHostsMax else {
            fail("has \(hosts.count) names; at most \(Limits.allowedHostsMax) are allowed")
            return nil
        }
        return hosts
    }

    private func hostAndPort() -> String? {
        guard let text = text(bytesMax: Limits.hostnameBytesMax) else { return nil }
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let isPort = halves.count == 1 || UInt16(halves[1]).map { $0 > 0 } ?? false
        let labels = halves[0].split(separator: ".", omittingEmptySubsequences: false)
        let isName = labels.allSatisfy { label in
            !label.isEmpty && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                    default: false
                    }
                }
        }
        if isPort, isName { return text }
        failExpected("a name such as boot.example.com or boot.example.com:8080")
        return nil
    }

    fileprivate func machineAddress() -> IPv4Address? {
        guard let address = address() else { return nil }
        if address.isAny || address.isLoopback {
            fail("no machine reaches \(address)", hint: "the address of this node in the machines' network")
            return nil
        }
        return address
    }
}
