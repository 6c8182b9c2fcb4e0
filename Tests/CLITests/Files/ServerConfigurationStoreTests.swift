// SPDX-License-Identifier: Apache-2.0

import Addresses
import ArgumentParser
import Foundation
import Testing

@testable import CLI

/// Naming a shared store: what is read, what is refused and where, what is only warned of.
@Suite struct ServerConfigurationStoreTests {
    private func parse(_ text: String) throws(FileErrors) -> ServerConfiguration {
        try ServerConfiguration.parse(text, file: "o")
    }

    private func lines(_ text: String) -> [String] {
        do {
            _ = try parse(text)
            return []
        } catch { return error.lines }
    }

    @Test func etcdWithEverything() throws {
        let configuration = try parse(
            """
            node: rack1-a
            store:
              etcd:
                endpoints: [https://10.0.0.1:2379, "https://etcd2.example/", "https://[2001:db8::3]:12379"]
                prefix: /site/ondeck/
                tls: { ca: /etc/ca.pem, cert: /etc/a.pem, key: /etc/a.key }
                user: ondeck
                passwordFile: /etc/ondeck/etcd-password
            cluster:
              name: rack1
              silence: 1500ms
              peer: { listen: 10.0.0.1, port: 6701, address: 10.0.0.1 }
            """)
        var etcd = ServerConfiguration.EtcdOptions(endpoints: [
            .init(isTLS: true, host: "10.0.0.1", port: 2379), .init(isTLS: true, host: "etcd2.example", port: 2379),
            .init(isTLS: true, host: "2001:db8::3", port: 12379),
        ])
        etcd.prefix = "/site/ondeck/"
        etcd.tls.ca = "/etc/ca.pem"
        etcd.tls.certificate = "/etc/a.pem"
        etcd.tls.key = "/etc/a.key"
        etcd.user = "ondeck"
        etcd.passwordFile = "/etc/ondeck/etcd-password"
        #expect(configuration.store == .etcd(etcd))
        #expect(etcd.endpoints[2].description == "https://[2001:db8::3]:12379")
        #expect(configuration.isClustered)
        #expect(configuration.cluster.name == "rack1")
        #expect(configuration.cluster.silenceMilliseconds == 1500)
        #expect(configuration.cluster.peer.listen == IPv4Address(10, 0, 0, 1))
        #expect(configuration.cluster.peer.port == 6701)
        #expect(configuration.cluster.peer.address == IPv4Address(10, 0, 0, 1))
        // What is printed for others reads as the same.
        let again = try parse(configuration.clusterLines(node: "rack1-a"))
        #expect(again == configuration)
    }

    @Test func consulWithEverythingAndWithNothing() throws {
        let configuration = try parse(
            """
            node: a
            store:
              consul:
                address: https://consul.example:8501
                prefix: x/ondeck/
                tokenFile: /etc/token
                tls: { ca: /etc/ca.pem }
            """)
        var consul = ServerConfiguration.ConsulOptions()
        consul.address = .init(isTLS: true, host: "consul.example", port: 8501)
        consul.prefix = "x/ondeck/"
        consul.tokenFile = "/etc/token"
        consul.tls.ca = "/etc/ca.pem"
        #expect(configuration.store == .consul(consul))
        #expect(try parse(configuration.clusterLines(node: "a")) == configuration)
        let plain = try parse("node: a\nstore:\n  consul:\n")
        #expect(plain.store == .consul(ServerConfiguration.ConsulOptions()))
        #expect(plain.store.spoken == "consul at http://127.0.0.1:8500")
    }

    @Test func defaults() throws {
        let configuration = try parse("node: a\nstore: { etcd: { endpoints: http://10.0.0.1 } }\n")
        let etcd = ServerConfiguration.EtcdOptions(endpoints: [.init(host: "10.0.0.1", port: 2379)])
        #expect(configuration.store == .etcd(etcd))
        #expect(etcd.prefix == "/ondeck/" && etcd.tls.ca == nil)
        #expect(configuration.cluster.name == "ondeck")
        #expect(configuration.cluster.silenceMilliseconds == 1000)
        #expect(configuration.cluster.peer.port == 6700 && configuration.cluster.peer.address == nil)
        #expect(!ServerConfiguration().isClustered)
        #expect(try parse("store: sqlite\ndata: /x").databaseFile == "/x/ondeck.sqlite")
    }

    @Test(
        arguments: [("1s", 1000), ("1", 1000), ("500ms", 500), ("60000ms", 60_000), ("1m", 60_000)] as [(String, Int64)]
    )
    func silence(text: String, milliseconds: Int64) throws {
        #expect(try parse("cluster: { silence: \(text) }").cluster.silenceMilliseconds == milliseconds)
    }

    static let etcd = "node: a\nstore: { etcd: { endpoints: [http://10.0.0.1:2379]"
    static let errors: [(String, [String])] = [
        ("store: {}", ["o:1:8: store: names no store (etcd or consul, or sqlite)"]),
        (
            "node: a\nstore:\n  etcd: { endpoints: [http://a] }\n  consul: {}\n",
            ["o:3:3: store: names several stores (etcd or consul, or sqlite)"]
        ),
        ("store: { sqlite: {} }", ["o:1:10: store.sqlite: unknown key (it has no settings: write store: sqlite)"]),
        ("node: a\nstore: { etcd: {} }", ["o:2:16: store.etcd.endpoints: is missing"]),
        ("node: a\nstore:\n  etcd:\n", ["o:3:8: store.etcd.endpoints: is missing"]),
        ("node: a\nstore: { etcd: { endpoints: [] } }", ["o:2:29: store.etcd.endpoints: is empty"]),
        (
            "node: a\nstore: { etcd: { endpoints: [10.0.0.1] } }",
            [
                "o:2:30: store.etcd.endpoints[0]: expected an address such as https://10.0.0.1:2379, found "
                    + "\"10.0.0.1\" (did you mean 'http://10.0.0.1:2379'?)"
            ]
        ),
        (
            "node: a\nstore: { etcd: { endpoints: [http://a, http://a:2379] } }",
            ["o:2:40: store.etcd.endpoints[1]: http://a:2379 is there twice"]
        ),
        (
            "node: a\nstore: { etcd: { endpoints: [http://a, https://b] } }",
            [
                "o:2:40: store.etcd.endpoints[1]: https://b:2379 and http://a:2379 cannot be mixed "
                    + "(all https:// or all http://)"
            ]
        ),
        (
            etcd + ", tls: { ca: /x } } }",
            [
                "o:2:58: store.etcd.tls: has no effect on http://10.0.0.1:2379 (write https://)"
            ]
        ),
        (
            "node: a\nstore: { etcd: { endpoints: [https://a], tls: { cert: /x } } }",
            ["o:2:47: store.etcd.tls: cert and key belong together (both, or none)"]
        ),
        (etcd + ", user: u } }", ["o:2:16: store.etcd: user without passwordFile (etcd wants both)"]),
        (
            etcd + ", passwordFile: /p } }",
            ["o:2:67: store.etcd.passwordFile: passwordFile without user (etcd wants both)"]
        ),
        (
            etcd + ", password: p } }",
            [
                "o:2:53: store.etcd.password: unknown key (secrets stand in files of their own: "
                    + "passwordFile: /etc/ondeck/etcd-password)"
            ]
        ),
        (
            etcd + ", prefix: /ondeck } }",
            [
                "o:2:61: store.etcd.prefix: expected names between slashes, such as /ondeck/, found \"/ondeck\" "
                    + "(did you mean '/ondeck/'?)"
            ]
        ),
        (
            etcd + ", prefix: / } }",
            ["o:2:61: store.etcd.prefix: expected names between slashes, such as /ondeck/, found \"/\""]
        ),
        (
            "node: a\nstore: { consul: { prefix: /ondeck/ } }",
            [
                "o:2:28: store.consul.prefix: expected names between slashes, such as ondeck/, found \"/ondeck/\" "
                    + "(did you mean 'ondeck/'?)"
            ]
        ),
        (
            "store: { consul: {} }",
            [
                "o:1:8: node: is missing (nodes that share a store are told apart by it, and two hosts may have one "
                    + "name: node: rack1-a)"
            ]
        ),
        (
            "node: -a\nstore: { consul: {} }",
            [
                "o:1:7: node: \"-a\" is not a name (a name begins with a letter or digit, has letters, digits, '.', "
                    + "'_' and '-', and at most 63 of them)"
            ]
        ),
        ("cluster: { silence: 100ms }", ["o:1:21: cluster.silence: expected 500ms to 1m, found \"100ms\""]),
        ("cluster: { silence: 2m }", ["o:1:21: cluster.silence: expected 500ms to 1m, found \"2m\""]),
        (
            "cluster: { silence: 99999999999999999999h }",
            [
                "o:1:21: cluster.silence: expected a time such as 1s or 1500ms, found \"99999999999999999999h\""
            ]
        ),
        (
            "cluster: { silence: soon }",
            ["o:1:21: cluster.silence: expected a time such as 1s or 1500ms, found \"soon\""]
        ),
        (
            "cluster: { peer: { address: 0.0.0.0 } }",
            [
                "o:1:29: cluster.peer.address: 0.0.0.0 is not where other nodes can reach this one "
                    + "(leave it out to have it found)"
            ]
        ),
        (
            "node: a\nstore: { consul: {} }\ncluster: { peer: { port: 69 } }",
            ["o:3:10: cluster: peer.port 69 is that of 'tftp' too (nodes speak to each other on a port of its own)"]
        ),
        (
            "node: a\nstore: { consul: {} }\ntftp: { port: 6700 }",
            ["o:3:7: tftp: peer.port 6700 is that of 'tftp' too (nodes speak to each other on a port of its own)"]
        ),
        (
            "node: a\nstore: { consul: {} }\ncluster: { peer: { port: 4011 } }",
            ["o:3:10: cluster: peer.port 4011 is that of DHCP too (nodes speak to each other on a port of its own)"]
        ),
    ]

    @Test(arguments: errors)
    func error(text: String, expected: [String]) { #expect(lines(text) == expected) }

    @Test(arguments: [
        "", "http://", "ftp://a", "http://a/b", "http://u@a", "http://a:0", "http://a:65536", "http://a:x", "http://a:",
        "http://10.0.0.300", "http://[::1", "http://[abc]", "http://[::1]2379", "http://a?b", "http://-a", "HTTP://a",
    ])
    func notAnEndpoint(text: String) { #expect(ServerConfiguration.Endpoint(text, defaultPort: 1) == nil) }

    // MARK: Warnings and files

    private func warnings(_ text: String) throws -> [String] {
        var configuration = try parse(text)
        configuration.content = [:]
        return configuration.warnings
    }

    @Test func warningsNameTheirField() throws {
        let one = try warnings(Self.etcd + " } }")
        #expect(one.count == 1 && one[0].hasPrefix("store.etcd.endpoints: one endpoint"))
        let two = try warnings("node: a\nstore: { etcd: { endpoints: [http://a, http://b] } }")
        #expect(two.count == 1 && two[0].contains("2 endpoints: a cluster of 2 survives no more losses than one of 1"))
        #expect(try warnings("node: a\nstore: { etcd: { endpoints: [http://a, http://b, http://c] } }") == [])
        let plain = try warnings("node: a\nstore: { consul: { address: http://c, tokenFile: /nonexistent } }")
        #expect(plain.count == 1 && plain[0].hasPrefix("store.consul.tokenFile: without TLS"))
        #expect(try warnings("node: a\nstore: { consul: { tokenFile: /nonexistent } }").count == 1)
        #expect(try warnings("cluster: { name: x }").first?.hasPrefix("cluster: has no effect") == true)
        #expect(try warnings("") == [])
    }

    @Test func thePeerAddressIsFoundByTheRouteToTheStore() throws {
        let local = "node: a\nstore: { consul: {} }\n"
        #expect(try parse(local).peerAddress() == .loopback)
        #expect(try warnings(local).first?.hasPrefix("cluster.peer.address: is missing") == true)
        let named = local + "cluster: { peer: { address: 10.0.0.1 } }"
        #expect(try parse(named).peerAddress() == IPv4Address(10, 0, 0, 1))
        #expect(try warnings(named) == [])
        let unknown = try parse("node: a\nstore: { consul: { address: \"http://[::1]:8500\" } }")
        #expect(unknown.peerAddress() == nil)
    }

    @Test func theSecretIsOneWord() throws {
        let file = try TemporaryFile("token", "\n s3cret \n")
        let text = "node: a\nstore: { consul: { tokenFile: \(file.path) } }"
        #expect(try parse(text).storeSecret() == "s3cret")
        #expect(try parse("node: a\nstore: { consul: {} }").storeSecret() == nil)
        for wrong in ["", " \n", "two words"] {
            let file = try TemporaryFile("token", wrong)
            let configuration = try parse("node: a\nstore: { consul: { tokenFile: \(file.path) } }")
            let expected = "store.consul.tokenFile: \(file.path) must hold one word of at most 512 bytes and no more"
            #expect(throws: FileErrors([expected])) { try configuration.storeSecret() }
        }
        let missing = try parse("node: a\nstore: { consul: { tokenFile: /nonexistent } }")
        #expect(throws: FileErrors(["store.consul.tokenFile: /nonexistent: cannot be read: No such file or directory"]))
        {
            try missing.storeSecret()
        }
    }

    @Test func aFileThatIsMissingIsNamedWithItsLine() throws {
        let secret = try TemporaryFile("password", "x\n")
        let good = try TemporaryFile(
            "o.yaml",
            """
            node: a
            store:
              etcd: { endpoints: [https://a, https://b, https://c], user: u, passwordFile: \(secret.path) }
            content: {}
            """)
        let screen = Screen()
        try CheckConfigCommand.parse(["--config", good.path]).run(screen.terminal())
        #expect(screen.out == "\(good.path): valid\n")
        // It was made with the usual mask.
        #expect(screen.error.contains("warning: store.etcd.passwordFile: everybody on this machine can read"))
        let bad = try TemporaryFile(
            "o.yaml",
            """
            node: a
            store:
              etcd:
                endpoints: [https://a, https://b, https://c]
                tls: { ca: /nonexistent.pem }
            """)
        let errors = Screen()
        #expect(throws: ExitCode.failure) {
            try CheckConfigCommand.parse(["--config", bad.path]).run(errors.terminal())
        }
        #expect(
            errors.error.contains(
                "\(bad.path):5:16: store.etcd.tls.ca: cannot read /nonexistent.pem: No such file or directory\n"))
        #expect(errors.out == "")
    }
}
