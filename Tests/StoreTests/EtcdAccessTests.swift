// SPDX-License-Identifier: Apache-2.0

import Foundation
import Ports
import StoreEtcd
import Testing

/// Users and certificates.
@Suite struct EtcdAccessTests {
    private static let password = "s3cret\"\\\u{e9}"

    private static func authenticated(_ members: [EtcdServer], as user: String = "ondeck", _ password: String)
        -> EtcdSettings
    {
        EtcdStoreTests.settings(members) { ($0.user, $0.password) = (user, password) }
    }

    private static func enableUsers(_ etcd: EtcdServer) async throws {
        try await etcd.etcdctl("user", "add", "root:rootpw")
        try await etcd.etcdctl("user", "grant-role", "root", "root")
        try await etcd.etcdctl("role", "add", "ondeck")
        try await etcd.etcdctl("role", "grant-permission", "ondeck", "readwrite", "--prefix=true", "/ondeck/")
        try await etcd.etcdctl("user", "add", "ondeck:" + password)
        try await etcd.etcdctl("user", "grant-role", "ondeck", "ondeck")
        try await etcd.etcdctl("user", "add", "stranger:pw")
        try await etcd.etcdctl("auth", "enable")
    }

    @Test func userAndPassword() async throws {
        try await EtcdServer.with { members in
            let early = try EtcdStore(settings: Self.authenticated(members, Self.password))
            // A user is named already, and etcd has none yet.
            try await early.put(["a": "1"])
            let following = try await early.changesFromNow()
            try await Self.enableUsers(members[0])
            try await early.put(["a": "2"])
            #expect(await following.first(1).map(\.text) == ["a=2"])

            try await EtcdStoreTests.withStore(EtcdStoreTests.settings(members)) { store in
                let why = await EtcdStoreTests.refusal { try await store.put(["a": "3"]) }
                #expect(why.contains("wants a user and a password"), "\(why)")
            }
            try await EtcdStoreTests.withStore(Self.authenticated(members, "wrong\"pw")) { store in
                for why in [
                    await EtcdStoreTests.refusal { try await store.put(["a": "3"]) },
                    await EtcdStoreTests.refusal { _ = try await store.changes(prefix: "", after: .none) },
                ] {
                    #expect(why.contains("check the user and the password") && !why.contains("wrong\"pw"), "\(why)")
                }
                #expect(!(await store.status().alarms.joined().contains("wrong\"pw")))
            }
            try await EtcdStoreTests.withStore(Self.authenticated(members, as: "stranger", "pw")) { store in
                let why = await EtcdStoreTests.refusal { try await store.put(["a": "3"]) }
                #expect(why.contains("readwrite on OnDeck's prefix"), "\(why)")
            }

            // etcd forgets its tokens when it starts; a new one is asked for.
            members[0].end()
            try members[0].start(among: members)
            try await Self.eventually { try await early.put(["a": "4"]) }
            #expect(try await early.text("a") == "4")
            let status = await early.status()
            #expect(status.hasQuorum && status.members.map(\.isReachable) == [true])
            let again = try await early.changesFromNow()
            try await early.put(["a": "5"])
            #expect(await again.first(1).map(\.text) == ["a=5"])
            await early.close()
        }
    }

    @Test func certificates() async throws {
        try await withTemporaryFolder { folder in
            try await Self.makeCertificates(folder)
            let arguments = [
                "--cert-file", "\(folder)/server.pem", "--key-file", "\(folder)/server.key",
                "--trusted-ca-file", "\(folder)/ca.pem", "--client-cert-auth",
            ]
            try await EtcdServer.with(scheme: "https", arguments: arguments) { members in
                let good = EtcdSettings.TLS(
                    ca: "\(folder)/ca.pem", certificate: "\(folder)/client.pem", key: "\(folder)/client.key")
                try await EtcdStoreTests.withStore(EtcdStoreTests.settings(members) { $0.tls = good }) { store in
                    try await Self.eventually { try await store.put(["a": "1"]) }
                    let changes = try await store.changesFromNow()
                    try await store.put(["a": "2"])
                    #expect(await changes.first(1).map(\.text) == ["a=2"])
                    #expect(await store.status().hasQuorum)
                }
                var tls = good
                (tls.certificate, tls.key) = (nil, nil)
                try await Self.expect("wants a client's certificate", members, tls)
                tls = good
                tls.ca = "\(folder)/other.pem"
                try await Self.expect("not signed by whom the ca file names", members, tls)
                tls = good
                tls.key = "\(folder)/ca.pem"
                let why = await EtcdStoreTests.refusal {
                    _ = try EtcdStore(settings: EtcdStoreTests.settings(members) { $0.tls = tls })
                }
                #expect(why.contains("the key file \(folder)/ca.pem"), "\(why)")
                let plain = EtcdSettings(endpoints: ["http://127.0.0.1:\(members[0].clientPort)"])
                try await EtcdStoreTests.withStore(plain) { store in
                    let why = await EtcdStoreTests.refusal { try await store.put(["a": "3"]) }
                    #expect(why.contains(plain.endpoints[0]), "\(why)")
                }
            }
        }
    }

    private static func expect(_ sentence: String, _ members: [EtcdServer], _ tls: EtcdSettings.TLS) async throws {
        try await EtcdStoreTests.withStore(EtcdStoreTests.settings(members) { $0.tls = tls }) { store in
            let why = await EtcdStoreTests.refusal { try await store.put(["a": "3"]) }
            #expect(why.contains(sentence) && why.contains(members[0].endpoint), "\(why)")
        }
    }

    /// Within half a minute: etcd may just have started.
    private static func eventually(_ body: () async throws -> Void) async throws {
        for _ in 1...60 {
            if (try? await body()) != nil { return }
            try await Task.sleep(for: .milliseconds(500))
        }
        try await body()
    }

    /// A CA, a server on 127.0.0.1 and a client of it, and another CA.
    private static func makeCertificates(_ folder: String) async throws {
        func openssl(_ arguments: String...) async throws {
            let output = try await ChildProcess.run("openssl", arguments: arguments)
            guard output.status == 0 else { throw EtcdServer.Failure(description: "openssl: \(output.errors)") }
        }
        for ca in ["ca", "other"] {
            try await openssl(
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=\(ca)", "-keyout", "\(folder)/\(ca).key", "-out", "\(folder)/\(ca).pem")
        }
        try "subjectAltName=IP:127.0.0.1\n".write(toFile: "\(folder)/names", atomically: true, encoding: .utf8)
        for name in ["server", "client"] {
            try await openssl(
                "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=\(name)",
                "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).csr")
            try await openssl(
                "x509", "-req", "-in", "\(folder)/\(name).csr", "-CA", "\(folder)/ca.pem", "-CAkey", "\(folder)/ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "\(folder)/names", "-out", "\(folder)/\(name).pem")
        }
    }
}
