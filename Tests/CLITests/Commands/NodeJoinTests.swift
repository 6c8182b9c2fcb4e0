// SPDX-License-Identifier: Apache-2.0

import Addresses
import ArgumentParser
import Model
import Ports
import Simulation
import Synchronization
import Testing

@testable import CLI

/// A world for commands that open stores: every configuration gets the one that is named for its kind.
struct FakeStores: Sendable {
    var cluster: any StateStore
    var isClusterDown = false
    var sqlite: (any StateStore)?
    var loaders: Set<String> = ["ipxe/undionly.kpxe"]
    var now: @Sendable () -> Instant = { Instant(seconds: 1_000_000) }
    var copied: StoreAccess.CopyCounts = .init(siteObjects: 1, bootStates: 2, leases: 3, terms: 4, written: 5)
    var copyFailure: StoreError?

    var access: StoreAccess {
        let fakes = self
        return StoreAccess(
            open: { configuration in
                if configuration.isClustered {
                    guard !fakes.isClusterDown else { throw StoreError.unavailable("connection refused") }
                    return fakes.cluster
                }
                guard let sqlite = fakes.sqlite else { throw StoreError.unavailable("in use by another ondeck") }
                return sqlite
            },
            beat: { record in
                // "sequence intent address sent", which is all that the command looks at.
                let words = String(decoding: record.value, as: UTF8.self).split(separator: " ").map(String.init)
                let node = String(record.key.dropFirst(StoreKeys.beatPrefix.count))
                guard words.count == 4, let sequence = UInt64(words[0]), let intent = NodeIntent(rawValue: words[1]),
                    let address = IPv4Address(words[2]), let sent = Int64(words[3])
                else { return nil }
                var beat = Beat(run: NodeRun(node: node, incarnation: 1))
                beat.sequence = sequence
                beat.intent = intent
                beat.peerAddress = address
                beat.sentAt = Instant(milliseconds: sent)
                return beat
            },
            clusterName: { String(decoding: $0.value, as: UTF8.self) },
            loaders: { _ in fakes.loaders },
            now: fakes.now,
            copy: { source, target, order in
                if let failure = fakes.copyFailure { throw failure }
                order.progress(5, 5)
                return fakes.copied
            })
    }
}

extension StateStore {
    func put(_ key: String, _ text: String) async throws {
        _ = try await commit(StoreBatch(writes: [.put(key: key, value: Array(text.utf8))]))
    }
}

@Suite struct NodeJoinTests {
    private static let etcd = """
        node: rack1-a
        store:
          etcd:
            endpoints: [https://10.0.0.1:2379, https://10.0.0.2:2379, https://10.0.0.3:2379]
            tls: { ca: /nonexistent/ca.pem }
        cluster:
          name: rack1
          silence: 500ms
          peer: { address: 10.0.0.1 }
        http: { port: 80 }
        """

    private func join(_ arguments: [String], _ stores: FakeStores? = nil) async -> Ran {
        let screen = Screen()
        var exitCode: Int32 = 0
        do {
            let command = try NodeJoinCommand.parse(arguments)
            try await StoreAccess.$current.withValue(stores?.access) { try await command.run(screen.terminal()) }
        } catch { exitCode = NodeJoinCommand.exitCode(for: error).rawValue }
        return Ran(out: screen.out, error: screen.error, exitCode: exitCode)
    }

    // MARK: The lines

    @Test func `the lines for the next machine`() async throws {
        let file = try TemporaryFile("o.yaml", Self.etcd)
        let ran = await join(["--config", file.path, "--node", "rack1-b"])
        #expect(ran.exitCode == 0)
        #expect(
            ran.out == """
                # /etc/ondeck/ondeck.yaml of rack1-b
                node: rack1-b

                store:
                  etcd:
                    endpoints: [https://10.0.0.1:2379, https://10.0.0.2:2379, https://10.0.0.3:2379]
                    tls:
                      ca: /nonexistent/ca.pem

                cluster:
                  name: rack1
                  silence: 500ms
                  peer:
                    address: ADDRESS-OF-rack1-b

                # ADDRESS-OF-rack1-b: write the address at which the other nodes reach it (here it is 10.0.0.1).
                # Copy to it, readable for the user ondeck: /nonexistent/ca.pem
                # This node's file also has: http. What suits both belongs there too.
                # Then, on rack1-b: ondeck node join --check && systemctl enable --now ondeck

                """)
        // With the address filled in it is valid, and the same cluster.
        let filled = ran.out.replacing("ADDRESS-OF-rack1-b", with: "10.0.0.2")
        let (old, new) = try (ServerConfiguration.load(path: file.path), ServerConfiguration.parse(filled, file: "n"))
        #expect(new.node == "rack1-b" && new.store == old.store)
        #expect(new.cluster.peer.address == IPv4Address(10, 0, 0, 2))
    }

    @Test func `a node's own name and a store of its own are refused`() async throws {
        let file = try TemporaryFile("o.yaml", Self.etcd)
        let same = await join(["--config", file.path, "--node", "rack1-a"])
        #expect(same.exitCode == 1 && same.error.contains("rack1-a is this node's own name"))
        let single = try TemporaryFile("o.yaml", "node: a\n")
        let alone = await join(["--config", single.path, "--node", "b"])
        #expect(alone.exitCode == 1 && alone.error.contains("ondeck store copy --from sqlite --to etcd"))
        #expect(await join(["--config", file.path]).exitCode == 64)
        #expect(await join(["--config", file.path, "--node", "no/name"]).exitCode == 64)
        #expect(await join(["--config", "/nonexistent", "--node", "b"]).error.contains("/nonexistent: cannot be read"))
    }

    // MARK: The check

    private static let new = """
        node: rack1-b
        store: { etcd: { endpoints: [http://10.0.0.1, http://10.0.0.2, http://10.0.0.3] } }
        cluster: { name: rack1, silence: 500ms }
        content: {}
        """

    /// A node that runs, in the cluster's time 1000000 s, for as long as a check takes.
    private static func beat(_ store: SimStore, node: String, at address: String) async {
        for sequence in 0..<40 {
            try? await store.put("beat/\(node)", "\(sequence) serving \(address) 1000000000")
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test func `a machine that can join`() async throws {
        let file = try TemporaryFile("o.yaml", Self.new)
        let store = try SimStore()
        try await store.put("cluster", "rack1")
        try await store.put("beat/rack1-c", "7 stopped 10.0.0.3 999")
        async let beats: Void = Self.beat(store, node: "rack1-a", at: "10.0.0.1")
        let ran = await join(
            ["--config", file.path, "--check"],
            FakeStores(cluster: store, now: { Instant(milliseconds: 1_000_000_120) }))
        await beats
        let expected = """
            ok       configuration  \(file.path): node rack1-b of the cluster rack1
            ok       boot loaders   ipxe/undionly.kpxe
            warning  store          simulation, 0 of 0 members answer: the loss of one would stop it
                                    -> three members survive one loss
            ok       cluster        rack1, as the store says
            ok       nodes          rack1-a at 10.0.0.1 (serving), rack1-c at 10.0.0.3 (stopped)
            ok       node name      rack1-b is free
            ok       clock          this machine's is 120 ms ahead of the cluster's
            It can join: systemctl enable --now ondeck

            """
        #expect(ran.out == expected)
        #expect(ran.exitCode == 0)
    }

    @Test func `every reason that keeps it out`() async throws {
        let file = try TemporaryFile("o.yaml", Self.new)
        let store = try SimStore()
        try await store.put("cluster", "rack2")
        async let beats: Void = Self.beat(store, node: "rack1-b", at: "192.0.2.7")
        let stores = FakeStores(cluster: store, loaders: [], now: { Instant(seconds: 1_003_600) })
        let ran = await join(["--config", file.path, "--check"], stores)
        await beats
        let failed = ran.out.split(separator: "\n").filter { $0.hasPrefix("FAILED") }
        #expect(
            failed == [
                "FAILED   boot loaders   none is here: machines that this node answers would not boot",
                "FAILED   cluster        the store has the cluster rack2 there, and cluster.name is rack1",
                "FAILED   node name      rack1-b is running at 192.0.2.7 already",
                "FAILED   clock          this machine's is 3600000 ms ahead of the cluster's",
            ])
        #expect(ran.out.hasSuffix("It cannot join yet: 4 of 7 checks FAILED.\n"))
        #expect(ran.exitCode == 1)
    }

    @Test func `a name that is this machine's own is no obstacle`() async throws {
        let file = try TemporaryFile("o.yaml", Self.new)
        let store = try SimStore()
        try await store.put("cluster", "rack1")
        async let beats: Void = Self.beat(store, node: "rack1-b", at: "127.0.0.1")
        let ran = await join(["--config", file.path, "--check"], FakeStores(cluster: store))
        await beats
        #expect(ran.out.contains("ok       node name      rack1-b is this machine's already, and running"))
        #expect(ran.exitCode == 0)
    }

    @Test func `a store that cannot be reached, or not be written`() async throws {
        let file = try TemporaryFile("o.yaml", Self.new)
        let store = try SimStore()
        let down = await join(["--config", file.path, "--check"], FakeStores(cluster: store, isClusterDown: true))
        #expect(down.out.contains("FAILED   store          etcd at http://10.0.0.1:2379, "))
        #expect(down.out.contains("cannot be opened: connection refused"))
        #expect(down.exitCode == 1)
        store.inject(.fail(.unavailable("permission denied")))
        let denied = await join(["--config", file.path, "--check"], FakeStores(cluster: store))
        #expect(denied.out.contains("FAILED   store          it does not do what OnDeck needs: permission denied"))
        #expect(denied.exitCode == 1)
    }

    @Test func `a file that is wrong, another name, an address that is not here`() async throws {
        let store = FakeStores(cluster: try SimStore())
        let wrong = try TemporaryFile("o.yaml", "nod: x\nstore: { consul: {} }\n")
        let ran = await join(["--config", wrong.path, "--check"], store)
        #expect(ran.out.contains("o.yaml:1:1: nod: unknown key"))
        #expect(ran.out.contains("o.yaml:2:8: node: is missing"))
        #expect(ran.exitCode == 1)
        let file = try TemporaryFile("o.yaml", Self.new)
        let other = await join(["--config", file.path, "--check", "--node", "rack1-x"], store)
        #expect(other.out.contains("node is rack1-b, and --node says rack1-x") && other.exitCode == 1)
        let away = try TemporaryFile(
            "o.yaml", Self.new.replacing("silence: 500ms", with: "silence: 500ms, peer: { address: 192.0.2.9 }"))
        let elsewhere = await join(["--config", away.path, "--check"], store)
        #expect(elsewhere.out.contains("cluster.peer.address: 192.0.2.9 is not an address of this machine"))
        #expect(elsewhere.exitCode == 1)
    }

    @Test(arguments: [NodeJoinCommand.self, StoreCopyCommand.self] as [any ParsableCommand.Type])
    func `the help has an example`(command: any ParsableCommand.Type) throws {
        let name = try #require(command.configuration.commandName)
        let examples = command.configuration.discussion.split(separator: "\n").filter { $0.contains("ondeck ") }
        #expect(examples.contains { $0.contains(" \(name)") })
        #expect(examples.allSatisfy { $0.hasPrefix("  ") })
    }
}
