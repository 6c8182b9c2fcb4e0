// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLI
import Testing

/// `http` and `api`: where they listen, and which proxies they believe.
@Suite struct ServerConfigurationHTTPTests {
    private func lines(_ text: String) -> [String] {
        do {
            _ = try ServerConfiguration.parse(text, file: "ondeck.yaml")
            return []
        } catch {
            return error.lines
        }
    }

    @Test func `nobody is believed by default`() throws {
        let configuration = try ServerConfiguration.parse("http: { port: 80 }\n", file: "ondeck.yaml")
        #expect(configuration.http.proxies == ServerConfiguration.Proxies())
        #expect(configuration.api.proxies == ServerConfiguration.Proxies())
        #expect(configuration.http.hosts == [])
        #expect(configuration.http.address == nil)
    }

    @Test func `everything about proxies is read`() throws {
        let text = """
            http:
              trusted: [10.0.0.5, 10.1.0.0/16]
              proxy-protocol: true
              hosts: [boot.example.com, "boot:8080", 10.0.0.80]
              address: 10.64.0.1
            api: { trusted: 10.0.0.5, proxy-protocol: true }
            """
        let configuration = try ServerConfiguration.parse(text, file: "ondeck.yaml")
        let balancer = IPv4Subnet(containing: IPv4Address(10, 0, 0, 5), prefixLength: 32)
        let proxies = IPv4Subnet(containing: IPv4Address(10, 1, 0, 0), prefixLength: 16)
        #expect(configuration.http.proxies.trusted == [balancer, proxies])
        #expect(configuration.http.proxies.proxyProtocol)
        #expect(configuration.http.hosts == ["boot.example.com", "boot:8080", "10.0.0.80"])
        #expect(configuration.http.address == IPv4Address(10, 64, 0, 1))
        #expect(configuration.api.proxies.trusted == [balancer])
        #expect(configuration.api.proxies.proxyProtocol)
    }

    static let errors: [(String, String)] = [
        (
            "http: { proxy-protocol: true }",
            "ondeck.yaml:1:25: http.proxy-protocol: needs 'trusted', the balancers that send the header (whoever may "
                + "send it may be any client: trusted: [10.0.0.5]; other nodes and machines send none)"
        ),
        (
            "api: { trusted: [], proxy-protocol: true }",
            "ondeck.yaml:1:37: api.proxy-protocol: needs 'trusted', the balancers that send the header (whoever may "
                + "send it may be any client: trusted: [10.0.0.5]; other nodes and machines send none)"
        ),
        (
            "http: { trusted: [0.0.0.0/0] }",
            "ondeck.yaml:1:18: http.trusted: trusts everybody (name your balancers: anybody else could pass for any "
                + "client)"
        ),
        (
            "http: { hosts: [\"http://boot\"] }",
            "ondeck.yaml:1:17: http.hosts[0]: expected a name such as boot.example.com or boot.example.com:8080, found "
                + "\"http://boot\""
        ),
        (
            "http: { address: 127.0.0.1 }",
            "ondeck.yaml:1:18: http.address: no machine reaches 127.0.0.1 (the address of this node in the machines' "
                + "network)"
        ),
        (
            "http: { proxyProtocol: true }",
            "ondeck.yaml:1:9: http.proxyProtocol: unknown key (did you mean 'proxy-protocol'?)"
        ),
        (
            "api: { hosts: [x] }",
            "ondeck.yaml:1:8: api.hosts: unknown key (it belongs to 'http': the API makes no URLs of names)"
        ),
    ]

    @Test(arguments: errors)
    func `what is wrong is said at its place`(text: String, line: String) { #expect(lines(text) == [line]) }

    @Test(arguments: ["[10.0.0.5/33]", "[boot]", "{ a: b }"])
    func `a network is a network`(value: String) { #expect(!lines("http: { trusted: \(value) }").isEmpty) }

    @Test(arguments: ["a:0", "a:b", "-a", "a..b", ":80", "a/b", "a b", "a:99999"])
    func `a name is a name`(value: String) { #expect(!lines("http: { hosts: [\"\(value)\"] }").isEmpty) }
}
