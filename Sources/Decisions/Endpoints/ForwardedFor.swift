// SPDX-License-Identifier: Apache-2.0

import Addresses
import Model

/// Who asks, and under which URL it reached us, when proxies stand between.
///
/// Whoever connects may write these headers, so they count only as far as they were written by proxies that the
/// operator trusts: the chain is walked from its end, and the first address that is not a trusted proxy is the client.
/// What stands before it is the client's own invention (RFC 7239 8.1).
public struct ForwardedFor: Hashable, Sendable {
    /// The header fields as received: a value for each line, in order.
    public struct Headers: Hashable, Sendable {
        public var forwarded: [String] = []
        public var xForwardedFor: [String] = []
        public var xForwardedProto: [String] = []
        public var xForwardedHost: [String] = []
        public var xForwardedPort: [String] = []
        public var xForwardedPrefix: [String] = []
        public var host: String?
        public init() {}
    }

    public var client: IPv4Address
    /// What a URL for this client begins with, as its proxies say: "https://boot.example.com/ondeck", without a slash
    /// at its end. Nil: they say nothing, nothing usable, or nobody trusted says it.
    public var base: String?

    /// `peer` is who speaks to us, by the connection or by the PROXY protocol.
    public init(peer: IPv4Address, _ headers: Headers, trusted: [IPv4Subnet], hosts: HostAllowList) {
        client = peer
        guard trusted.contains(where: { $0.contains(peer) }) else { return }
        let standard = headers.forwarded.isEmpty ? nil : Chain(forwarded: headers.forwarded, peer, trusted)
        let common = headers.xForwardedFor.isEmpty ? nil : Chain(xForwardedFor: headers.xForwardedFor, peer, trusted)
        // A proxy that writes one kind lets the other pass, as the client made it: of two that differ, neither counts.
        if let standard, let common, standard.client != common.client { return }
        guard let chain = standard ?? common else {
            base = Self.base(Element(headers), headers, hosts)
            return
        }
        client = chain.client
        // A proxy that writes the one header may let the others pass, as the client made them up.
        let origin = standard == nil ? Element(headers) : standard?.origin ?? Element()
        base = Self.base(origin, headers, hosts)
    }

    // MARK: URL

    private static func base(_ origin: Element, _ headers: Headers, _ hosts: HostAllowList) -> String? {
        guard !origin.isSilent else { return nil }
        // With a list of names, a proxy that passes on what its client calls itself does no harm.
        let named = origin.host.flatMap { HostName($0) }.flatMap { hosts.isEmpty || hosts.allows($0) ? $0 : nil }
        // Proxies often change the scheme alone and let the Host header pass.
        let fallback = origin.host == nil ? headers.host.flatMap { hosts.accept($0) } : nil
        guard var host = named ?? fallback else { return nil }
        let scheme = origin.scheme?.lowercased() ?? "http"
        guard scheme == "http" || scheme == "https" else { return nil }
        if let port = origin.port {
            guard let port = HostName.port(port) else { return nil }
            host.port = host.port ?? port
        }
        if host.port == (scheme == "http" ? 80 : 443) { host.port = nil }
        guard let prefix = prefix(origin.prefix ?? "") else { return nil }
        let base = "\(scheme)://\(host)\(prefix)"
        return base.utf8.count <= Limits.endpointBytesMax ? base : nil
    }

    /// "" or "/ondeck"; nil for what is no clean path.
    private static func prefix(_ text: String) -> String? {
        guard text.isEmpty || text.hasPrefix("/") else { return nil }
        let parts = text.split(separator: "/")
        let isClean = parts.allSatisfy { part in
            part != "." && part != ".."
                && part.utf8.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                    default: [UInt8]("-._~".utf8).contains(byte)
                    }
                }
        }
        return isClean ? parts.map { "/" + $0 }.joined() : nil
    }
}

extension ForwardedFor {
    /// What one proxy says about who came to it, and under which name.
    fileprivate struct Element {
        var address: String?
        var scheme: String?
        var host: String?
        var port: String?
        var prefix: String?

        var isSilent: Bool { scheme == nil && host == nil && port == nil && prefix == nil }
    }

    /// The walk along a list of proxies, from its end.
    private struct Chain {
        var client: IPv4Address
        /// The outermost trusted proxy's word on scheme and host.
        var origin: Element?

        init(forwarded lines: [String], _ peer: IPv4Address, _ trusted: [IPv4Subnet]) {
            self.init(peer, lines.reversed().lazy.flatMap { Element.list($0).reversed() }, trusted)
        }

        init(xForwardedFor lines: [String], _ peer: IPv4Address, _ trusted: [IPv4Subnet]) {
            let elements = lines.reversed().lazy.flatMap { line in
                line.split(separator: ",", omittingEmptySubsequences: false).reversed()
                    .map { Element(address: String(Text.trimmed($0))) }
            }
            self.init(peer, elements, trusted)
            origin = nil
        }

        private init(_ peer: IPv4Address, _ elements: some Sequence<Element>, _ trusted: [IPv4Subnet]) {
            client = peer
            for element in elements.prefix(Limits.forwardedHopsMax) {
                // Only a trusted proxy's element is read: `client` wrote it.
                guard trusted.contains(where: { $0.contains(client) }) else { return }
                if element.host != nil || element.scheme != nil { origin = element }
                guard let address = element.address.flatMap(Text.address) else { return }
                client = address
            }
        }
    }
}

extension ForwardedFor.Element {
    /// X-Forwarded-Proto and so on. Of several values the last is the nearest proxy's; what stands before may be
    /// anybody's.
    fileprivate init(_ headers: ForwardedFor.Headers) {
        func last(_ lines: [String]) -> String? {
            let value = lines.last?.split(separator: ",", omittingEmptySubsequences: false).last.map(Text.trimmed)
            return value.flatMap { $0.isEmpty ? nil : String($0) }
        }
        scheme = last(headers.xForwardedProto)
        host = last(headers.xForwardedHost)
        port = last(headers.xForwardedPort)
        prefix = last(headers.xForwardedPrefix)
    }

    /// The elements of a Forwarded header (RFC 7239 4); one that is malformed makes the whole line count for nothing,
    /// as a single element that names nobody.
    fileprivate static func list(_ line: String) -> [Self] {
        guard let parts = Text.split(line, at: ",") else { return [Self()] }
        var elements: [Self] = []
        for part in parts {
            guard let element = Self(pairs: part) else { return [Self()] }
            elements.append(element)
        }
        return elements
    }

    private init?(pairs: String) {
        self.init()
        guard let parts = Text.split(pairs, at: ";") else { return nil }
        for part in parts where !Text.trimmed(part[...]).isEmpty {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, let value = Text.unquoted(Text.trimmed(halves[1])) else { return nil }
            switch Text.trimmed(halves[0]).lowercased() {
            case "for": address = value
            case "proto": scheme = value
            case "host": host = value
            default: break
            }
        }
    }
}

/// The small grammar of both headers.
private enum Text {
    static func trimmed(_ text: Substring) -> Substring {
        let head = text.drop { $0 == " " || $0 == "\t" }
        return head.lastIndex { $0 != " " && $0 != "\t" }.map { head[...$0] } ?? ""
    }

    /// Splits where no quotes are open. Nil: they are never closed.
    static func split(_ text: String, at separator: Character) -> [String]? {
        var parts = [""]
        var (isQuoted, isEscaped) = (false, false)
        for character in text {
            if isEscaped {
                isEscaped = false
            } else if character == "\\" && isQuoted {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
            } else if character == separator && !isQuoted {
                parts.append("")
                continue
            }
            parts[parts.count - 1].append(character)
        }
        return isQuoted ? nil : parts
    }

    /// A token as it is, a quoted string without its quotes. Nil: neither.
    static func unquoted(_ text: Substring) -> String? {
        guard text.first == "\"" else { return text.contains("\"") ? nil : String(text) }
        guard text.count >= 2, text.last == "\"" else { return nil }
        var value = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if !isEscaped && character == "\\" {
                isEscaped = true
            } else {
                value.append(character)
                isEscaped = false
            }
        }
        return value
    }

    /// "10.0.0.9", "10.0.0.9:4711", or the same written as IPv6. Nil: another protocol's, hidden or unknown.
    static func address(_ text: String) -> IPv4Address? {
        var rest = text[...]
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            rest = rest[rest.index(after: rest.startIndex)..<end]
        }
        if rest.lowercased().hasPrefix("::ffff:") { return IPv4Address(rest.dropFirst(7)) }
        let halves = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = halves.first, halves.count == 1 || HostName.port(halves[1]) != nil else { return nil }
        return IPv4Address(first)
    }
}
