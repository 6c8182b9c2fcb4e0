// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import Model
import NIOSSL
import Ports

/// How to reach Consul, and where in it OnDeck's keys are.
public struct ConsulSettings: Sendable {
    /// An agent's HTTP API: "http://127.0.0.1:8500". A server's or, better, this machine's own agent.
    public var address: String
    /// The ACL token's secret; it needs `key_prefix "<prefix>" { policy = "write" }`, and for a full status
    /// `agent_prefix "" { policy = "read" }` and `node_prefix "" { policy = "read" }`.
    public var token: String?
    /// The file that holds it instead. It is read again when Consul refuses the token.
    public var tokenFile: String?
    /// PEM: who may have signed Consul's certificate. Without it the system's authorities count.
    public var caFile: String?
    /// PEM: this node's own certificate and key, where Consul asks for one.
    public var certificateFile: String?
    public var keyFile: String?
    /// Before each key: two clusters in one Consul have two prefixes.
    public var prefix: String
    /// This node's name, for people who look into Consul.
    public var node: String

    public init(address: String, prefix: String = "ondeck/", node: String) {
        self.address = address
        self.prefix = prefix
        self.node = node
    }

    /// The address without a slash at its end.
    func base() throws(StoreError) -> String {
        var text = address
        while text.hasSuffix("/") { text.removeLast() }
        // What is refused may hold a password: it is not repeated.
        guard let url = URL(string: text), let scheme = url.scheme, ["http", "https"].contains(scheme),
            let host = url.host, !host.isEmpty, url.user == nil, url.password == nil, url.query == nil, url.path.isEmpty
        else {
            throw .unavailable(
                "consul address: is not a URL such as http://127.0.0.1:8500; a token belongs into the token file")
        }
        return text
    }

    /// Consul 1.21.5 and later take nothing else in the path of a request.
    func keys() throws(StoreError) -> ConsulKeys {
        let isPlain = prefix.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
        guard isPlain, !prefix.hasPrefix("/"), !prefix.contains(".."), !prefix.contains("//"),
            prefix.isEmpty || prefix.hasSuffix("/")
        else {
            throw .unavailable(
                "consul prefix: \"\(prefix)\" is not a name such as \"ondeck/\" (letters, digits, - _ . and /; "
                    + "no / at its start, one at its end)")
        }
        return ConsulKeys(prefix: prefix)
    }

    /// Nil without TLS.
    func tls() throws(StoreError) -> TLSConfiguration? {
        guard try base().hasPrefix("https:") else {
            guard caFile == nil, certificateFile == nil, keyFile == nil else {
                throw .unavailable("consul address: begins with http://, and the TLS files want https://")
            }
            return nil
        }
        guard (certificateFile == nil) == (keyFile == nil) else {
            throw .unavailable("consul tls: certificate and key go together; one of them is missing")
        }
        var tls = TLSConfiguration.makeClientConfiguration()
        if let caFile {
            tls.trustRoots = .certificates(try Self.certificates(caFile, field: "ca"))
        }
        if let certificateFile, let keyFile {
            tls.certificateChain = try Self.certificates(certificateFile, field: "certificate")
                .map { .certificate($0) }
            do {
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))
            } catch { throw .unavailable("consul tls key: \(keyFile) does not hold a key in PEM that can be read") }
        }
        do { _ = try NIOSSLContext(configuration: tls) } catch {
            throw .unavailable("consul tls: certificate and key do not fit together, or cannot be used")
        }
        return tls
    }

    private static func certificates(_ path: String, field: String) throws(StoreError) -> [NIOSSLCertificate] {
        do {
            let found = try NIOSSLCertificate.fromPEMFile(path)
            if !found.isEmpty { return found }
        } catch {}
        throw .unavailable("consul tls \(field): \(path) does not hold a certificate in PEM that can be read")
    }
}

/// What tests set otherwise.
package struct ConsulTuning: Sendable {
    package var feedSlots = Limits.consulFeedSlots
    package var headIdleMilliseconds = Limits.consulHeadIdleMilliseconds
    package var commitMilliseconds = Limits.consulCommitMilliseconds
    package init() {}
}
