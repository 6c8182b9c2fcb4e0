// SPDX-License-Identifier: Apache-2.0

import APITypes
import Addresses
import Model

extension ServerConfiguration.Store {
    /// "sqlite", or a map with one key: {etcd: {...}} or {consul: {...}}.
    init?(_ reader: FieldReader) {
        guard reader.value.asMap != nil else {
            guard reader.value.asString == "sqlite" else {
                reader.failExpected("sqlite, or a map such as { etcd: { endpoints: [http://10.0.0.1:2379] } }")
                return nil
            }
            self = .sqlite
            return
        }
        let advice = ["sqlite": "it has no settings: write store: sqlite"]
        guard reader.fields(["etcd", "consul"], advice: advice) != nil, let entries = reader.entries() else {
            return nil
        }
        guard entries.count == 1 else {
            reader.fail("names \(entries.isEmpty ? "no store" : "several stores")", hint: "etcd or consul, or sqlite")
            return nil
        }
        // A key without a value stands for all the defaults.
        switch entries[0].key {
        case "etcd":
            guard let options = ServerConfiguration.EtcdOptions(entries[0].reader) else { return nil }
            self = .etcd(options)
        case "consul":
            guard let options = ServerConfiguration.ConsulOptions(entries[0].reader) else { return nil }
            self = .consul(options)
        default: return nil
        }
    }
}

/// Words that are tried, and stand in a file of their own here.
private let secretAdvice = [
    "password": "secrets stand in files of their own: passwordFile: /etc/ondeck/etcd-password",
    "token": "secrets stand in files of their own: tokenFile: /etc/ondeck/consul-token",
]

extension ServerConfiguration.EtcdOptions {
    init?(_ reader: FieldReader) {
        let keys = ["endpoints", "prefix", "tls", "user", "passwordFile"]
        guard let fields = reader.fields(keys, advice: secretAdvice) else { return nil }
        let endpoints = fields.required("endpoints") { $0.endpoints(defaultPort: 2379) }
        self.init(endpoints: endpoints ?? [])
        fields.read("prefix", into: &prefix) { $0.keyPrefix(mayBeginWithSlash: true) }
        fields.read("tls", into: &tls) { ServerConfiguration.TLS($0) }
        fields.read("user", into: &user) { $0.text(bytesMax: Limits.nameBytesMax) }
        fields.read("passwordFile", into: &passwordFile) { $0.path() }
        if fields["user"] != nil, fields["passwordFile"] == nil {
            reader.fail("user without passwordFile", hint: "etcd wants both")
        } else if fields["user"] == nil, let password = fields["passwordFile"] {
            password.fail("passwordFile without user", hint: "etcd wants both")
        }
        guard endpoints != nil else { return nil }
        self.endpoints.checkTLS(fields["tls"])
    }
}

extension ServerConfiguration.ConsulOptions {
    init?(_ reader: FieldReader) {
        self.init()
        guard let fields = reader.fields(["address", "prefix", "tokenFile", "tls"], advice: secretAdvice) else {
            return nil
        }
        fields.read("address", into: &address) { $0.endpoint(defaultPort: 8500) }
        fields.read("prefix", into: &prefix) { $0.keyPrefix(mayBeginWithSlash: false) }
        fields.read("tokenFile", into: &tokenFile) { $0.path() }
        fields.read("tls", into: &tls) { ServerConfiguration.TLS($0) }
        [address].checkTLS(fields["tls"])
    }
}

extension ServerConfiguration.TLS {
    init?(_ reader: FieldReader) {
        self.init()
        guard let fields = reader.fields(["ca", "cert", "key"]) else { return nil }
        fields.read("ca", into: &ca) { $0.path() }
        fields.read("cert", into: &certificate) { $0.path() }
        fields.read("key", into: &key) { $0.path() }
        if (fields["cert"] == nil) != (fields["key"] == nil) {
            reader.fail("cert and key belong together", hint: "both, or none")
        }
    }
}

extension ServerConfiguration.Cluster {
    init?(_ reader: FieldReader) {
        self.init()
        guard let fields = reader.fields(["name", "silence", "peer"]) else { return nil }
        fields.read("name", into: &name) { $0.name() }
        fields.read("silence", into: &silenceMilliseconds) {
            $0.milliseconds(in: Limits.silenceMillisecondsMin...Limits.silenceMillisecondsMax)
        }
        fields.read("peer", into: &peer) { ServerConfiguration.Peer($0) }
    }
}

extension ServerConfiguration.Peer {
    init?(_ reader: FieldReader) {
        self.init()
        guard let fields = reader.fields(["listen", "port", "address"]) else { return nil }
        fields.read("listen", into: &listen) { $0.address() }
        fields.read("port", into: &port) { $0.port() }
        fields.read("address", into: &address) { $0.peerAddress() }
    }
}

extension [ServerConfiguration.Endpoint] {
    /// TLS where an endpoint has none would be silently without effect.
    fileprivate func checkTLS(_ reader: FieldReader?) {
        guard let reader, let plain = first(where: { !$0.isTLS }) else { return }
        reader.fail("has no effect on \(plain)", hint: "write https://")
    }
}

extension FieldReader {
    fileprivate func endpoint(defaultPort: UInt16) -> ServerConfiguration.Endpoint? {
        let hint = value.asString.flatMap { text in
            ServerConfiguration.Endpoint("http://" + text, defaultPort: defaultPort).map { "did you mean '\($0)'?" }
        }
        return parsed("an address such as https://10.0.0.1:\(defaultPort)", hint: hint) {
            ServerConfiguration.Endpoint($0, defaultPort: defaultPort)
        }
    }

    fileprivate func endpoints(defaultPort: UInt16) -> [ServerConfiguration.Endpoint]? {
        guard let readers = elements() else { return nil }
        guard (1...Limits.storeEndpointsMax).contains(readers.count) else {
            fail(readers.isEmpty ? "is empty" : "has more than \(Limits.storeEndpointsMax) elements")
            return nil
        }
        var endpoints: [ServerConfiguration.Endpoint] = []
        for reader in readers {
            guard let endpoint = reader.endpoint(defaultPort: defaultPort) else { continue }
            if endpoints.contains(endpoint) { reader.fail("\(endpoint) is there twice") }
            if let first = endpoints.first, first.isTLS != endpoint.isTLS {
                reader.fail("\(endpoint) and \(first) cannot be mixed", hint: "all https:// or all http://")
            }
            endpoints.append(endpoint)
        }
        return endpoints
    }

    fileprivate func peerAddress() -> IPv4Address? {
        guard let address = address() else { return nil }
        if !address.isAny { return address }
        fail("\(address) is not where other nodes can reach this one", hint: "leave it out to have it found")
        return nil
    }

    /// What the keys in the store begin with.
    fileprivate func keyPrefix(mayBeginWithSlash: Bool) -> String? {
        guard let text = text(bytesMax: Limits.storePrefixBytesMax) else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let names = parts.drop { mayBeginWithSlash && $0.isEmpty }.dropLast()
        let isDoubled = parts.prefix { $0.isEmpty }.count > 1
        if parts.last?.isEmpty == true, !isDoubled, !names.isEmpty,
            names.allSatisfy({ ObjectNames.isValid(String($0)) })
        {
            return text
        }
        let trimmed = parts.filter { !$0.isEmpty }.joined(separator: "/")
        let example = mayBeginWithSlash ? "/ondeck/" : "ondeck/"
        let isFine = !trimmed.isEmpty && trimmed.split(separator: "/").allSatisfy { ObjectNames.isValid(String($0)) }
        let meant = (mayBeginWithSlash && text.hasPrefix("/") ? "/" : "") + trimmed + "/"
        failExpected("names between slashes, such as \(example)", hint: isFine ? "did you mean '\(meant)'?" : nil)
        return nil
    }

    /// "500ms", or whatever is a number of seconds.
    fileprivate func milliseconds(in range: ClosedRange<Int64>) -> Int64? {
        var number: UInt64?
        if let text = value.asString, text.hasSuffix("ms") {
            number = UInt64(text.dropLast(2))
        } else if let seconds = value.asString.map({ TimeSpan.seconds($0) }) {
            number = seconds.flatMap { $0 <= UInt64(range.upperBound) ? $0 * 1000 : UInt64(range.upperBound) + 1 }
        } else if case .integer(let seconds) = value.content, seconds >= 0 {
            number = seconds <= range.upperBound ? UInt64(seconds) * 1000 : UInt64(range.upperBound) + 1
        }
        guard let number else {
            failExpected("a time such as 1s or 1500ms")
            return nil
        }
        guard let milliseconds = Int64(exactly: number), range.contains(milliseconds) else {
            failExpected("\(millisecondsText(range.lowerBound)) to \(millisecondsText(range.upperBound))")
            return nil
        }
        return milliseconds
    }
}

/// 1000 is "1s", 1500 is "1500ms".
func millisecondsText(_ milliseconds: Int64) -> String {
    guard milliseconds % 1000 == 0, let seconds = UInt32(exactly: milliseconds / 1000) else {
        return "\(milliseconds)ms"
    }
    return TimeSpan.text(seconds)
}
