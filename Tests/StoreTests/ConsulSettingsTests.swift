// SPDX-License-Identifier: Apache-2.0

import Foundation
import Model
import Ports
import StoreConsul
import Testing

/// What an operator sets, who is let in, and what Consul tells of itself.
@Suite struct ConsulSettingsTests {
    private static let secret = "3f1c0d9e-secret-of-the-test"

    // MARK: Settings

    @Test(arguments: [
        "", "127.0.0.1:8500", "ftp://127.0.0.1:8500", "http://", "http://me:3f1c0d9e-secret-of-the-test@127.0.0.1:8500",
        "http://127.0.0.1:8500/v1?token=3f1c0d9e-secret-of-the-test", "http://127.0.0.1:8500/ui",
    ])
    func anAddressIsAURL(_ address: String) throws {
        try refuses(ConsulSettings(address: address, node: "n1"), saying: "consul address: is not a URL such as")
    }

    @Test(arguments: ["/ondeck/", "ondeck", "a//b/", "../", "on deck/", "\u{e9}/", "a:b/", "/"])
    func aPrefixIsPlain(_ prefix: String) throws {
        let settings = ConsulSettings(address: "http://127.0.0.1:1", prefix: prefix, node: "n1")
        try refuses(settings, saying: "consul prefix: \"\(prefix)\" is not a name")
    }

    @Test func filesMustHoldWhatTheyAreFor() async throws {
        try await withTemporaryFolder { folder in
            var settings = ConsulSettings(address: "https://127.0.0.1:1", node: "n1")
            settings.tokenFile = folder + "/none"
            try refuses(settings, saying: "consul token file: \(folder)/none cannot be read")
            try Data("two words\n".utf8).write(to: URL(filePath: folder + "/words"))
            settings.tokenFile = folder + "/words"
            try refuses(settings, saying: "consul token file: \(folder)/words does not hold a token")
            settings.token = Self.secret
            try refuses(settings, saying: "set the token or the token file, not both")
            settings.tokenFile = nil
            settings.caFile = folder + "/words"
            try refuses(settings, saying: "consul tls ca: \(folder)/words does not hold a certificate")
            settings.caFile = nil
            settings.certificateFile = folder + "/words"
            try refuses(settings, saying: "consul tls: certificate and key go together")
            settings.keyFile = folder + "/words"
            try refuses(settings, saying: "consul tls certificate: \(folder)/words does not hold a certificate")
            settings.address = "http://127.0.0.1:1"
            try refuses(settings, saying: "consul address: begins with http://, and the TLS files want https://")
        }
    }

    /// openssl makes an authority; the fake speaks no TLS, which must be said without a token in it.
    @Test func tlsIsSpokenWhereItIsSet() async throws {
        try await withTemporaryFolder { folder in
            let made = try await ChildProcess.run(
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder + "/key.pem", "-out",
                folder + "/cert.pem", "-subj", "/CN=consul", "-days", "2")
            #expect(made.status == 0, "\(made.errors)")
            try await FakeConsul.with { consul in
                var settings = ConsulSettings(
                    address: "https" + consul.address.dropFirst("http".utf8.count), node: "n1")
                settings.token = Self.secret
                settings.caFile = folder + "/cert.pem"
                settings.certificateFile = folder + "/cert.pem"
                settings.keyFile = folder + "/key.pem"
                let store = try ConsulStore(settings)
                let text = await outcome { _ = try await store.read(prefix: "") }
                #expect(text.contains("consul at https://127.0.0.1"))
                #expect(!text.contains("secret"))
                await store.close()
            }
        }
    }

    private func refuses(
        _ settings: ConsulSettings, saying text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(sourceLocation: sourceLocation) {
            _ = try ConsulStore(settings)
        } throws: { error in
            guard case .unavailable(let why)? = error as? StoreError else { return false }
            return why.contains(text) && !why.contains("secret")
        }
    }

    // MARK: Tokens

    /// Consul hides what a token may not see. That must not look like an empty store.
    @Test func whoMayNotSeeIsToldSo() async throws {
        try await FakeConsul.with("one", Self.secret) { consul, stores in
            consul.order { $0.tokens = ["one"] }
            try await stores[0].put(["a": "1"])
            for text in [
                await outcome { _ = try await stores[1].read(prefix: "") },
                await outcome { _ = try await stores[1].changes(prefix: "", after: .none) },
                await outcome { try await stores[1].put(["a": "2"]) },
            ] {
                #expect(text.contains("its ACL does not allow this token"), "\(text)")
                #expect(!text.contains("secret"))
            }
            #expect(try await stores[0].text("a") == "1")
        }
    }

    /// A token that is taken away ends nothing; a new one in the file is used.
    @Test func aNewTokenIsPickedUp() async throws {
        try await withTemporaryFolder { folder in
            try await FakeConsul.with("other") { consul, stores in
                consul.order { $0.tokens = ["other", "first"] }
                let file = folder + "/token"
                try Data("first\n".utf8).write(to: URL(filePath: file))
                var settings = ConsulSettings(address: consul.address, node: "n1")
                settings.tokenFile = file
                let store = try ConsulStore(settings)
                let changes = try await store.changesFromNow()
                consul.order { $0.tokens = ["other", "second"] }
                try await stores[0].put(["a": "1"])
                #expect(await outcome { try await store.put(["a": "2"]) }.contains("ACL"))
                try Data("second".utf8).write(to: URL(filePath: file))
                #expect(await outcome { try await store.put(["a": "2"]) }.contains("ACL"))
                try await store.put(["a": "3"])
                #expect(await changes.first(2).map(\.text) == ["a=1", "a=3"])
                await store.close()
            }
        }
    }

    // MARK: Status

    @Test func theServersAreShown() async throws {
        try await FakeConsul.with("one") { consul, stores in
            consul.setServers([
                .init(name: "c1", address: "10.0.0.1"), .init(name: "c2", address: "10.0.0.2"),
                .init(name: "c3", address: "fd00::3"),
            ])
            try await stores[0].put(["a": "1"])
            _ = try await stores[0].read(prefix: "")
            var status = await stores[0].status()
            #expect(status.engine == "consul 1.15.2")
            #expect(status.members.map(\.name) == ["c1", "c2", "c3"])
            #expect(status.members.map(\.endpoint) == ["10.0.0.1:8300", "10.0.0.2:8300", "[fd00::3]:8300"])
            #expect(status.members.map(\.isLeader) == [true, false, false])
            #expect(status.members.map { $0.latencyMilliseconds != nil } == [true, false, false])
            #expect(status.hasQuorum && status.survivesOneLoss && status.alarms.isEmpty)
            #expect(status.identity.utf8.count > 20)
            let identity = status.identity

            consul.setServers([
                .init(name: "c1", address: "10.0.0.1"), .init(name: "c2", address: "10.0.0.2", isAlive: false),
                .init(name: "c3", address: "fd00::3"),
            ])
            status = await stores[0].status()
            #expect(status.members.map(\.isReachable) == [true, false, true])
            #expect(status.hasQuorum && !status.survivesOneLoss)
            #expect(status.identity == identity)

            consul.order { $0.tokens = [] }
            status = await stores[0].status()
            #expect(status.engine == "consul")
            #expect(!status.hasQuorum)
            #expect(status.alarms.contains { $0.contains("its ACL does not allow this token") })
            #expect(status.alarms.contains { $0.contains("the token needs agent_prefix") })
        }
    }

    @Test func oneServerSurvivesNoLoss() async throws {
        try await FakeConsul.with("one") { _, stores in
            _ = try await stores[0].read(prefix: "")
            let status = await stores[0].status()
            #expect(status.hasQuorum && !status.survivesOneLoss && status.members.count == 1)
        }
    }
}
