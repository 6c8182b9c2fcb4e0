// SPDX-License-Identifier: Apache-2.0

import Addresses
import Foundation
import NIOSSL

/// How this node reaches the web servers that images come from. Other nodes are always asked directly.
public struct WebSettings: Hashable, Sendable {
    /// Authorities in PEM whose certificates count, besides the system's; read whenever it is needed.
    public var caFile: String?
    /// The same instead of the system's: SSL_CERT_FILE.
    public var systemFile: String?
    public var proxies: WebProxies

    /// `environment`: of the process, for SSL_CERT_FILE and the proxies.
    public init(caFile: String? = nil, environment: [String: String] = [:]) {
        self.caFile = caFile
        systemFile = environment["SSL_CERT_FILE"].flatMap { $0.isEmpty ? nil : $0 }
        proxies = WebProxies(environment: environment)
    }

    /// Whose certificates count; throws `.refused`, which names the file that cannot be used.
    func tls() throws(FetchFault) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let systemFile {
            configuration.trustRoots = .certificates(try Self.certificates(systemFile, "SSL_CERT_FILE"))
        }
        if let caFile {
            configuration.additionalTrustRoots = [.certificates(try Self.certificates(caFile, "content-store.ca"))]
        }
        return configuration
    }

    private static func certificates(_ path: String, _ name: String) throws(FetchFault) -> [NIOSSLCertificate] {
        let found = (try? NIOSSLCertificate.fromPEMFile(path)) ?? []
        guard !found.isEmpty else {
            throw .refused("\(name): the file \(path) cannot be read or holds no certificate in PEM")
        }
        return found
    }
}

/// The proxies that the environment names, as curl and others read it: https_proxy, http_proxy, all_proxy and no_proxy,
/// in small letters first.
public struct WebProxies: Hashable, Sendable {
    struct Proxy: Hashable, Sendable {
        var host: String
        var port: Int
        /// "user:password", and a secret.
        var login: String?
        /// For sentences.
        var name: String { "\(host):\(port)" }
    }

    enum Way: Hashable, Sendable {
        case direct
        case proxy(Proxy)
        /// The variable that holds what is no proxy.
        case unusable(String)
    }

    private var http = Way.direct
    private var https = Way.direct
    private var exempt: [Substring] = []

    init(environment: [String: String]) {
        func variable(_ name: String) -> (name: String, value: String)? {
            for name in [name, name.uppercased()] {
                if let value = environment[name], !value.isEmpty { return (name, value) }
            }
            return nil
        }
        func way(_ name: String) -> Way {
            guard let (name, value) = variable(name) ?? variable("all_proxy") else { return .direct }
            return Self.proxy(value).map { .proxy($0) } ?? .unusable(name)
        }
        (http, https) = (way("http_proxy"), way("https_proxy"))
        exempt = (variable("no_proxy")?.value.lowercased() ?? "").split { $0 == "," || $0 == " " }
    }

    /// "http://user:password@host:3128", with or without scheme, login and port.
    private static func proxy(_ text: String) -> Proxy? {
        let url = text.contains("://") ? text : "http://" + text
        guard let parts = URLComponents(string: url), parts.scheme?.lowercased() == "http", let host = parts.host,
            !host.isEmpty
        else { return nil }
        let login = parts.user.map { "\($0):\(parts.password ?? "")" }
        return Proxy(host: bare(host), port: parts.port ?? 80, login: login)
    }

    /// "[::1]" is "::1" for those who connect.
    private static func bare(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// How a web server is reached; this machine itself is never asked through a proxy.
    func way(to url: URL) -> Way {
        let host = Self.bare(url.host?.lowercased() ?? "")
        let isTLS = url.scheme?.lowercased() == "https"
        let port = url.port ?? (isTLS ? 443 : 80)
        let isExempt = exempt.contains { Self.covers($0, host, port) }
        return isExempt || Self.isHere(host) ? .direct : isTLS ? https : http
    }

    private static func isHere(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || IPv4Address(host).map { $0.bits >> 24 == 127 } ?? false
    }

    /// An entry of no_proxy: "*", a name that stands for all below it, an address, either with a port; or a network.
    private static func covers(_ entry: Substring, _ host: String, _ port: Int) -> Bool {
        if entry == "*" { return true }
        if let subnet = IPv4Subnet(entry) { return IPv4Address(host).map(subnet.contains) ?? false }
        var entry = entry
        if entry.filter({ $0 == ":" }).count == 1, let colon = entry.firstIndex(of: ":") {
            guard Int(entry[entry.index(after: colon)...]) == port else { return false }
            entry = entry[..<colon]
        }
        if entry.hasPrefix("*") { entry = entry.dropFirst() }
        if entry.hasPrefix(".") { entry = entry.dropFirst() }
        return !entry.isEmpty && (host == entry || host.hasSuffix("." + entry))
    }
}
