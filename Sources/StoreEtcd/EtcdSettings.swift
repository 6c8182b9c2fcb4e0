// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import Ports

/// Where etcd is, and how to be let in.
public struct EtcdSettings: Sendable {
    /// Files in PEM; each may be left out.
    public struct TLS: Sendable {
        /// Who signed etcd's certificate; nil: whom the system trusts.
        public var ca: String?
        /// This node's own certificate and key, where etcd wants them (`--client-cert-auth`).
        public var certificate: String?
        public var key: String?

        public init(ca: String? = nil, certificate: String? = nil, key: String? = nil) {
            self.ca = ca
            self.certificate = certificate
            self.key = key
        }
    }

    /// URLs of members, each `http://host:port` or `https://host:port`: all of them, so that one may fail.
    public var endpoints: [String]
    /// What the key of each record begins with in etcd. Two clusters of OnDeck in one etcd need two.
    public var prefix: String
    public var tls: TLS
    public var user: String?
    public var password: String?

    public init(
        endpoints: [String], prefix: String = "/ondeck/", tls: TLS = TLS(), user: String? = nil, password: String? = nil
    ) {
        self.endpoints = endpoints
        self.prefix = prefix
        self.tls = tls
        self.user = user
        self.password = password
    }
}

extension EtcdSettings: CustomStringConvertible, CustomDebugStringConvertible {
    /// Without the password.
    public var description: String { "etcd at \(endpoints.joined(separator: ", ")), prefix \(prefix)" }
    public var debugDescription: String { description }
}

extension EtcdSettings {
    /// Throws `.unavailable` with a sentence that names the setting.
    func validate() throws(StoreError) {
        guard !endpoints.isEmpty else {
            throw .unavailable("etcd: no endpoints; name at least one, as https://etcd1.example:2379")
        }
        for endpoint in endpoints { try Self.validate(endpoint) }
        guard Set(endpoints).count == endpoints.count else {
            throw .unavailable("etcd: an endpoint is named twice; name each member once")
        }
        guard !prefix.isEmpty else { throw .unavailable("etcd: the prefix is empty; use one such as /ondeck/") }
        guard (tls.certificate == nil) == (tls.key == nil) else {
            throw .unavailable("etcd: a client's certificate needs its key, and a key its certificate; name both files")
        }
        guard (user == nil) == (password == nil) else {
            throw .unavailable("etcd: a user needs a password, and a password a user; name both")
        }
        if user != nil, password?.isEmpty != false { throw .unavailable("etcd: the password is empty") }
    }

    private static func validate(_ endpoint: String) throws(StoreError) {
        let schemes = ["http://", "https://"]
        guard let scheme = schemes.first(where: endpoint.hasPrefix), !endpoint.contains("@") else {
            // Not repeated: what stands before an @ may be a password.
            let shown = endpoint.split(separator: "@").last ?? ""
            throw .unavailable("etcd: the endpoint \(shown) is not a URL as http://host:2379 (or https)")
        }
        let address = endpoint.dropFirst(scheme.count)
        guard !address.isEmpty, !address.contains(where: { "/?# ".contains($0) }) else {
            throw .unavailable("etcd: the endpoint \(endpoint) must be only a host and a port, as \(scheme)host:2379")
        }
    }

    /// Reads the files; throws `.unavailable` with a sentence that names the one that cannot be used.
    func tlsConfiguration() throws(StoreError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let ca = tls.ca {
            configuration.trustRoots = .certificates(try Self.certificates(ca, "ca"))
        }
        if let certificate = tls.certificate, let key = tls.key {
            configuration.certificateChain = try Self.certificates(certificate, "certificate").map { .certificate($0) }
            do {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            } catch {
                throw .unavailable("etcd: the key file \(key) cannot be read or is not a private key in PEM")
            }
        }
        return configuration
    }

    private static func certificates(_ path: String, _ name: String) throws(StoreError) -> [NIOSSLCertificate] {
        let found = (try? NIOSSLCertificate.fromPEMFile(path)) ?? []
        guard !found.isEmpty else {
            throw .unavailable("etcd: the \(name) file \(path) cannot be read or holds no certificate in PEM")
        }
        return found
    }
}
