// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Ports
import Simulation
import Testing

@testable import CLI

/// What an operator is told before, instead of and after a copy; the copy itself is tested with the engine.
@Suite struct StoreCopyCommandTests {
    private func copy(_ arguments: [String], _ stores: FakeStores) async -> Ran {
        let screen = Screen()
        var exitCode: Int32 = 0
        do {
            let command = try StoreCopyCommand.parse(arguments)
            try await StoreAccess.$current.withValue(stores.access) { try await command.run(screen.terminal()) }
        } catch { exitCode = StoreCopyCommand.exitCode(for: error).rawValue }
        return Ran(out: screen.out, error: screen.error, exitCode: exitCode)
    }

    /// A data directory with a database in it, and the configuration that names both stores.
    private func withFiles(_ body: (_ data: String, _ config: String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ondeck-move-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data().write(to: URL(filePath: folder + "/ondeck.sqlite"))
        let text = "node: rack1-a\ndata: \(folder)\nstore: { etcd: { endpoints: [http://10.0.0.1] } }\n"
        try Data(text.utf8).write(to: URL(filePath: folder + "/new.yaml"))
        try await body(folder, folder + "/new.yaml")
    }

    @Test func `there, with what to do next`() async throws {
        let stores = FakeStores(cluster: try SimStore(), sqlite: try SimStore())
        try await withFiles { data, config in
            let ran = await copy(["--from", "sqlite", "--to", "etcd", "--config", config], stores)
            #expect(ran.error == "")
            #expect(ran.exitCode == 0)
            let first =
                "10 records are there, read back and compared: 1 site objects, 2 boot states, 0 images, "
                + "3 leases, 4 terms. Written: 5, in "
            #expect(ran.out.hasPrefix(first))
            #expect(
                ran.out.hasSuffix(
                    """

                    Next:
                    - In /etc/ondeck/ondeck.yaml, instead of node, store and cluster as they are:

                          node: rack1-a
                          store:
                            etcd:
                              endpoints: [http://10.0.0.1:2379]
                          cluster:
                            name: ondeck

                    - systemctl start ondeck
                    - ondeck node join --node NAME prints the lines for the next machine.
                    - What was copied is still in \(data)/ondeck.sqlite. Start no OnDeck with it again: two stores for one network give
                      an address twice. It is a backup of this hour, and no more.

                    """))
        }
    }

    @Test func `and back`() async throws {
        let stores = FakeStores(cluster: try SimStore(), sqlite: try SimStore())
        try await withFiles { _, config in
            let ran = await copy(["--from", "etcd", "--to", "sqlite", "--config", config, "--replace"], stores)
            #expect(ran.exitCode == 0)
            #expect(ran.out.contains("      store: sqlite\n"))
            #expect(ran.out.contains("still in etcd at http://10.0.0.1:2379. Start no OnDeck"))
            #expect(!ran.out.contains("node join"))
        }
    }

    @Test func `a running server must be stopped first`() async throws {
        try await withFiles { data, config in
            let ran = await copy(
                ["--from", "sqlite", "--to", "etcd", "--config", config], FakeStores(cluster: try SimStore()))
            #expect(ran.exitCode == 1)
            #expect(
                ran.error == """
                    cannot open the source, sqlite: in use by another ondeck. A running OnDeck keeps it to itself; stop that first: \
                    systemctl stop ondeck. Machines keep their addresses meanwhile.

                    """)
        }
    }

    @Test func `wrong sides are refused before anything is opened`() async throws {
        let stores = FakeStores(cluster: try SimStore(), isClusterDown: true)
        try await withFiles { data, config in
            let kind = await copy(["--from", "sqlite", "--to", "consul", "--config", config], stores)
            #expect(kind.error.hasPrefix("\(config) has no lines of consul: its store is etcd at http://10.0.0.1:2379"))
            #expect(await copy(["--from", "etcd", "--to", "etcd", "--config", config], stores).exitCode == 64)
            let same = await copy(
                ["--from", "etcd", "--to", "etcd", "--config", config, "--from-config", config], stores)
            #expect(same.error.hasPrefix("source and target are the same"))
            try FileManager.default.removeItem(atPath: data + "/ondeck.sqlite")
            let gone = await copy(["--from", "sqlite", "--to", "etcd", "--config", config], stores)
            #expect(gone.error.hasPrefix("there is no database \(data)/ondeck.sqlite"))
            #expect(gone.exitCode == 1)
        }
    }

    @Test func `a copy that fails says so, and closes both stores`() async throws {
        let (cluster, sqlite) = (try SimStore(), try SimStore())
        try await withFiles { _, config in
            let stores = FakeStores(cluster: cluster, sqlite: sqlite, copyFailure: .full("quota"))
            let ran = await copy(["--from", "sqlite", "--to", "etcd", "--config", config], stores)
            #expect(ran.error == "not copied: no space is left (quota)\n")
            #expect(ran.exitCode == 1)
        }
        for store in [cluster, sqlite] { await #expect(throws: StoreError.self) { try await store.read(prefix: "") } }
    }
}
