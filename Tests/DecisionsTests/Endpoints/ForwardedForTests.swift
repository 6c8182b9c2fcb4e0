// SPDX-License-Identifier: Apache-2.0

import Addresses
import Decisions
import Testing

/// 10.0.0.5 and .6 are the operator's proxies; 192.0.2.7 is a client.
@Suite struct ForwardedForTests {
    private static let balancer = IPv4Address(10, 0, 0, 5)
    private static let client = IPv4Address(192, 0, 2, 7)
    private static let trusted = [IPv4Subnet(containing: IPv4Address(10, 0, 0, 4), prefixLength: 30)]

    private func result(
        _ headers: ForwardedFor.Headers, peer: IPv4Address = Self.balancer, hosts: [String] = []
    ) -> ForwardedFor {
        ForwardedFor(peer: peer, headers, trusted: Self.trusted, hosts: HostAllowList(hosts))
    }

    private func client(xForwardedFor: String...) -> String {
        var headers = ForwardedFor.Headers()
        headers.xForwardedFor = xForwardedFor
        return "\(result(headers).client)"
    }

    private func of(forwarded: String...) -> ForwardedFor {
        var headers = ForwardedFor.Headers()
        headers.forwarded = forwarded
        return result(headers)
    }

    // MARK: The client

    @Test func `whoever is not trusted speaks for itself alone`() {
        var headers = ForwardedFor.Headers()
        headers.forwarded = ["for=10.1.1.1;host=evil.example"]
        headers.xForwardedFor = ["10.1.1.1"]
        headers.xForwardedHost = ["evil.example"]
        let found = result(headers, peer: Self.client)
        #expect(found.client == Self.client)
        #expect(found.base == nil)
    }

    @Test func `the list is walked from its end to the first who is not a proxy`() {
        #expect(client(xForwardedFor: "192.0.2.7") == "192.0.2.7")
        #expect(client(xForwardedFor: "192.0.2.7, 10.0.0.6") == "192.0.2.7")
        #expect(client(xForwardedFor: "1.1.1.1, 192.0.2.7") == "192.0.2.7")
        #expect(client(xForwardedFor: "1.1.1.1", "192.0.2.7, 10.0.0.6") == "192.0.2.7")
        // A proxy may stand in front of the client, and be one that we do not know.
        #expect(client(xForwardedFor: "192.0.2.7, 10.9.9.9") == "10.9.9.9")
    }

    @Test(arguments: ["", " ", "unknown", "2001:db8::1", "evil", "192.0.2.7:x", "999.0.2.7", "192.0.2.7 10.0.0.6"])
    func `where the list cannot be read on, the client is who wrote it`(text: String) {
        #expect(client(xForwardedFor: text) == "10.0.0.5")
        #expect(client(xForwardedFor: "192.0.2.7, \(text), 10.0.0.6") == "10.0.0.6")
    }

    @Test func `ports and IPv6 notation are taken`() {
        #expect(client(xForwardedFor: "192.0.2.7:4711") == "192.0.2.7")
        #expect(client(xForwardedFor: "::ffff:192.0.2.7") == "192.0.2.7")
        #expect(of(forwarded: "for=\"[::ffff:192.0.2.7]:4711\"").client == Self.client)
        #expect(of(forwarded: "for=\"192.0.2.7:4711\"").client == Self.client)
    }

    @Test func `a list of nothing but proxies ends somewhere`() {
        let list = Array(repeating: "10.0.0.6", count: 10_000).joined(separator: ", ")
        #expect(client(xForwardedFor: "192.0.2.7, " + list) == "10.0.0.6")
    }

    @Test func `Forwarded is read as RFC 7239 writes it`() {
        #expect(of(forwarded: "for=1.1.1.1, for=192.0.2.7;by=10.0.0.6 , for=10.0.0.6").client == Self.client)
        #expect(of(forwarded: "For=192.0.2.7; Proto=https ;;host=\"b.example:8443\"").base == "https://b.example:8443")
        #expect(of(forwarded: "for=1.1.1.1", "for=192.0.2.7").client == Self.client)
        #expect(of(forwarded: "for=_hidden").client == Self.balancer)
        #expect(of(forwarded: "by=10.0.0.6").client == Self.balancer)
    }

    @Test(arguments: ["for=\"192.0.2.7", "for", "for=\"x\", for=\"", "for=19\"2.0.2.7", "=;=", "for=\"192.0.2.7\\\""])
    func `a line that is malformed names nobody`(line: String) {
        let found = of(forwarded: line)
        #expect(found.client == Self.balancer)
        #expect(found.base == nil)
    }

    @Test func `quotes that a client leaves open hide nobody but itself`() {
        // The proxy has appended the truth to what it was sent.
        let found = of(forwarded: "for=\"10.1.1.1, for=192.0.2.7")
        #expect(found.client == Self.balancer)
    }

    @Test func `two headers that differ count for nothing`() {
        var headers = ForwardedFor.Headers()
        headers.forwarded = ["for=10.1.1.1;host=evil.example"]
        headers.xForwardedFor = ["192.0.2.7"]
        #expect(result(headers).client == Self.balancer)
        #expect(result(headers).base == nil)
        headers.forwarded = ["for=192.0.2.7;host=boot.example"]
        #expect(result(headers).client == Self.client)
        #expect(result(headers).base == "http://boot.example")
    }

    // MARK: The URL

    private func base(_ proto: String?, _ host: String?, port: String? = nil, prefix: String? = nil) -> String? {
        var headers = ForwardedFor.Headers()
        headers.xForwardedFor = ["192.0.2.7"]
        headers.xForwardedProto = proto.map { [$0] } ?? []
        headers.xForwardedHost = host.map { [$0] } ?? []
        headers.xForwardedPort = port.map { [$0] } ?? []
        headers.xForwardedPrefix = prefix.map { [$0] } ?? []
        headers.host = "boot.example:8080"
        return result(headers).base
    }

    @Test func `scheme, host, port and prefix make a URL`() {
        #expect(base("https", "Boot.Example") == "https://boot.example")
        #expect(base(nil, "boot.example", port: "8080") == "http://boot.example:8080")
        #expect(base("http", "boot.example:80", prefix: "/") == "http://boot.example")
        #expect(base("https", "boot.example:443", prefix: "/on/deck/") == "https://boot.example/on/deck")
        #expect(base("https", "evil.example, boot.example") == "https://boot.example")
        #expect(base(nil, nil) == nil)
    }

    @Test(
        arguments: [
            ("ftp", "boot.example", nil, nil), ("http", "boot.example/x", nil, nil), ("http", "a b", nil, nil),
            ("http", "boot.example:0", nil, nil), ("http", "boot.example:+80", nil, nil), ("http", "\"x", nil, nil),
            ("http", "user@boot.example", nil, nil), ("http", "[::1]", nil, nil), ("http", "..", nil, nil),
            ("http", "boot.example", "70000", nil), ("http", "boot.example", nil, "x"),
            ("http", "boot.example", nil, "/../x"), ("http", "boot.example", nil, "/a b"),
            ("http", "boot.example\nx", nil, nil), ("http", "boot.example", nil, "/${net0}"),
        ] as [(String?, String?, String?, String?)])
    func `what is no clean URL is none`(proto: String?, host: String?, port: String?, prefix: String?) {
        #expect(base(proto, host, port: port, prefix: prefix) == nil)
    }

    @Test func `a URL that would leave no room for a path is none`() {
        #expect(base("http", String(repeating: "a", count: 57)) != nil)
        #expect(base("http", String(repeating: "a", count: 58)) == nil)
    }

    @Test func `with a list of names no other is taken`() {
        var headers = ForwardedFor.Headers()
        headers.xForwardedHost = ["evil.example"]
        headers.xForwardedProto = ["https"]
        headers.host = "boot.example"
        #expect(result(headers).base == "https://evil.example")
        #expect(result(headers, hosts: ["boot.example"]).base == nil)
        headers.xForwardedHost = ["boot.example"]
        #expect(result(headers, hosts: ["boot.example"]).base == "https://boot.example")
        // The scheme alone: the name is that of the Host header, if it is known.
        headers.xForwardedHost = []
        #expect(result(headers, hosts: ["boot.example"]).base == "https://boot.example")
        #expect(result(headers).base == nil)
    }

    @Test func `a proxy that writes Forwarded lets no client's X-Forwarded-Host through`() {
        var headers = ForwardedFor.Headers()
        headers.forwarded = ["for=192.0.2.7"]
        headers.xForwardedHost = ["evil.example"]
        #expect(result(headers).client == Self.client)
        #expect(result(headers).base == nil)
    }

    @Test func `the outermost proxy knows what the client called it`() {
        let found = of(forwarded: "for=1.1.1.1;host=evil.example, for=192.0.2.7;host=out.example, for=10.0.0.6;host=in")
        #expect(found.client == Self.client)
        #expect(found.base == "http://out.example")
    }

    // MARK: Host

    @Test func `a name is on the list with its port or with any`() {
        let list = HostAllowList(["Boot.example", "10.0.0.1:8080"])
        #expect(list.accept("boot.EXAMPLE")?.description == "boot.example")
        #expect(list.accept("boot.example:81")?.description == "boot.example:81")
        #expect(list.accept("10.0.0.1:8080")?.description == "10.0.0.1:8080")
        for other in ["10.0.0.1", "10.0.0.1:80", "x.boot.example", "boot.example.", "boot.example:", "", ":80", "evil"]
        {
            #expect(list.accept(other) == nil, "\(other)")
        }
        #expect(HostAllowList().accept("boot.example") == nil)
    }

    @Test func `random bytes never trap`() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("for=host;,\"\\ []:.1209ax\t\u{e4}")
        for _ in 0..<5_000 {
            func text() -> String { String((0..<Int.random(in: 0..<24)).map { _ in alphabet.randomElement() ?? "x" }) }
            var headers = ForwardedFor.Headers()
            headers.forwarded = [text(), text()]
            if Bool.random(using: &generator) { headers.xForwardedFor = [text()] }
            headers.xForwardedHost = [text()]
            headers.xForwardedPrefix = ["/" + text()]
            _ = result(headers)
        }
    }
}
