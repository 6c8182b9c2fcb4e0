// SPDX-License-Identifier: Apache-2.0

import Addresses
import CLI
import Testing

@Suite struct ServerConfigurationTests {
    private func lines(_ text: String) -> [String] {
        do {
            _ = try ServerConfiguration.parse(text, file: "ondeck.yaml")
            return []
        } catch {
            return error.lines
        }
    }

    @Test(arguments: ["", "# nothing\n", "dhcp:\ntftp: {}\n"])
    func everyKeyIsOptional(text: String) throws {
        let configuration = try ServerConfiguration.parse(text, file: "ondeck.yaml")
        #expect(configuration == ServerConfiguration())
        #expect(configuration.node == nil)
        #expect(configuration.data == "/var/lib/ondeck")
        #expect(configuration.tokenFile == "/var/lib/ondeck/api-token")
        #expect(configuration.dhcp.interfaces == nil)
        #expect(configuration.tftp.enabled)
        #expect(configuration.tftp.port == 69)
        #expect(configuration.tftp.mode == .singlePort)
        #expect(configuration.http.listen == .any)
        #expect(configuration.http.port == 8080)
        #expect(configuration.api.listen == .loopback)
        #expect(configuration.api.port == 8081)
        #expect(configuration.content.keys.sorted() == ["debian-12", "ipxe", "local", "memtest"])
    }

    @Test func drillsAreAllowedByAWordOfTheirOwn() throws {
        #expect(ServerConfiguration().drill == .refused)
        #expect(try ServerConfiguration.parse("drill: allowed\n", file: "ondeck.yaml").drill == .allowed)
        #expect(try ServerConfiguration.parse("drill: refused\n", file: "ondeck.yaml").drill == .refused)
        #expect(lines("drill: yes\n").first?.hasPrefix("ondeck.yaml:1:8: drill: ") == true)
    }

    @Test func aConfigurationWithEverything() throws {
        let text = """
            node: rack1-a
            data: /srv/ondeck/
            store: sqlite
            log: debug
            dhcp:
              interfaces: [eth1, eth2]
            tftp: { listen: 10.64.0.1, port: 6969, mode: classic, enabled: false }
            http: { listen: 10.64.0.1, port: 80 }
            api:  { listen: 0.0.0.0, port: 443, tokenFile: /run/token }
            content:
              ipxe: [/usr/lib/ipxe, {path: /boot, only: [ipxe.efi]}]
              local: /srv/boot
            """
        var expected = ServerConfiguration()
        expected.node = "rack1-a"
        expected.data = "/srv/ondeck"
        expected.log = .debug
        expected.dhcp.interfaces = ["eth1", "eth2"]
        expected.tftp.listen = IPv4Address(10, 64, 0, 1)
        expected.tftp.port = 6969
        expected.tftp.mode = .classic
        expected.tftp.enabled = false
        expected.http.listen = IPv4Address(10, 64, 0, 1)
        expected.http.port = 80
        expected.api.listen = .any
        expected.api.port = 443
        expected.api.tokenFile = "/run/token"
        expected.content = [
            "ipxe": [.init(path: "/usr/lib/ipxe"), .init(path: "/boot", only: ["ipxe.efi"])],
            "local": [.init(path: "/srv/boot")],
        ]
        #expect(try ServerConfiguration.parse(text, file: "ondeck.yaml") == expected)
    }

    @Test func whatStandsInTheDataDirectoryFollowsIt() throws {
        let configuration = try ServerConfiguration.parse("data: /srv/x\n", file: "ondeck.yaml")
        #expect(configuration.tokenFile == "/srv/x/api-token")
        #expect(configuration.content["local"] == [.init(path: "/srv/x/content")])
    }

    static let errors: [(String, [String])] = [
        ("dchp: {}", ["ondeck.yaml:1:1: dchp: unknown key (did you mean 'dhcp'?)"]),
        (
            "networks: {}",
            ["ondeck.yaml:1:1: networks: unknown key (it belongs into a site file: ondeck apply -f site.yaml)"]
        ),
        ("dhcp:\n  interface: eth1", ["ondeck.yaml:2:3: dhcp.interface: unknown key (did you mean 'interfaces'?)"]),
        (
            "dhcp:\n  interfaces: []",
            [
                "ondeck.yaml:2:15: dhcp.interfaces: is empty (leave the key out to use every interface that the site "
                    + "needs)"
            ]
        ),
        ("http: { port: 70000 }", ["ondeck.yaml:1:15: http.port: expected 1 to 65535, found the number 70000"]),
        ("http: { port: web }", ["ondeck.yaml:1:15: http.port: expected a whole number, found \"web\""]),
        (
            "http: { listen: \"::\" }",
            ["ondeck.yaml:1:17: http.listen: expected an address such as 10.64.0.20, found \"::\""]
        ),
        ("data: var", ["ondeck.yaml:1:7: data: expected an absolute path, found \"var\""]),
        (
            "store: etcd",
            [
                "ondeck.yaml:1:8: store: expected sqlite, or a map such as "
                    + "{ etcd: { endpoints: [http://10.0.0.1:2379] } }, found \"etcd\""
            ]
        ),
        (
            "log: warn",
            ["ondeck.yaml:1:6: log: expected debug, info, warning or error, found \"warn\""]
        ),
        (
            "tftp: { mode: single_port }",
            [
                "ondeck.yaml:1:15: tftp.mode: expected single-port or classic, found \"single_port\" "
                    + "(did you mean 'single-port'?)"
            ]
        ),
        ("api: { token-file: /x }", ["ondeck.yaml:1:8: api.token-file: unknown key (did you mean 'tokenFile'?)"]),
        (
            "http: { port: 8081 }\napi: { listen: 10.0.0.1 }\n",
            ["ondeck.yaml:2:6: api: port 8081 is that of 'http' too (boot files and the API are served apart)"]
        ),
        (
            "content: { b: /x }",
            ["ondeck.yaml:1:15: content.b: a content set cannot be called b (OnDeck serves something else there)"]
        ),
        ("content: { x: [{ only: [a] }] }", ["ondeck.yaml:1:16: content.x[0].path: is missing"]),
        (
            "content: { x: { path: /x, only: [../y] } }",
            ["ondeck.yaml:1:34: content.x.only[0]: expected a name within the directory, found \"../y\""]
        ),
        ("content: { x: [] }", ["ondeck.yaml:1:15: content.x: is empty"]),
        (
            "- a\n",
            [
                "ondeck.yaml:1:1: expected a map, found a list (with the keys node, data, store, cluster, drill, log, dhcp, "
                    + "tftp, http, api, content and content-store)"
            ]
        ),
    ]

    @Test(arguments: errors)
    func error(text: String, expected: [String]) {
        #expect(lines(text) == expected)
    }
}
