// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Ports
import Synchronization

/// The kinds of stores, as words.
enum StoreKind: String, CaseIterable, ExpressibleByArgument, Sendable {
    case sqlite, etcd, consul

    func matches(_ store: ServerConfiguration.Store) -> Bool {
        switch (self, store) {
        case (.sqlite, .sqlite), (.etcd, .etcd), (.consul, .consul): true
        default: false
        }
    }
}

public struct StoreCopyCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Copy the site and all leases from one store to another.",
        discussion: """
            From one machine to a cluster. OnDeck is down from the first line to the last, which takes seconds; machines
            keep their addresses meanwhile. new.yaml is ondeck.yaml as it will be, with node, store and cluster.

              systemctl stop ondeck
              sudo -u ondeck ondeck store copy --from sqlite --to etcd --config /etc/ondeck/new.yaml
              mv /etc/ondeck/new.yaml /etc/ondeck/ondeck.yaml && systemctl start ondeck

            Back again: stop OnDeck on every machine, then on one of them, with its ondeck.yaml as it is:

              sudo -u ondeck ondeck store copy --from etcd --to sqlite --replace

            Every record is read back and compared. If it was interrupted, run it again: it goes on where it was.
            """)

    @Option(help: "What to copy from.")
    var from: StoreKind

    @Option(help: "What to copy to.")
    var to: StoreKind

    @Option(
        name: [.short, .long],
        help: "The configuration file with the lines of etcd or Consul, and with the data directory of SQLite.",
        completion: .file())
    var config = ServerConfiguration.defaultPath

    @Option(help: "The same for --from, where --config is not the file that has its lines.", completion: .file())
    var fromConfig: String?

    @Flag(help: "Give up what the target holds of another site.")
    var replace = false

    public init() {}

    public func validate() throws {
        if from == to, fromConfig == nil {
            throw ValidationError("from \(from.rawValue) to \(to.rawValue): name the other file with --from-config")
        }
    }

    public func run() async throws { try await run(.standard) }

    func run(_ terminal: Terminal) async throws {
        do {
            try await run(terminal, .required())
        } catch let error as CommandError {
            terminal.errorLine("\(error)")
            throw ExitCode.failure
        } catch let error as FileErrors {
            terminal.errorLine("\(error)")
            throw ExitCode.failure
        }
    }

    private func run(_ terminal: Terminal, _ access: StoreAccess) async throws {
        let source = try side(from, fromConfig ?? config)
        let target = try side(to, config)
        try check(source, target)
        let start = ContinuousClock.now
        let counts = try await withStore(source, "the source", access) { source in
            try await withStore(target, "the target", access) { target in
                try await copy(source, target, terminal, access)
            }
        }
        let seconds = Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000
        let records = counts.siteObjects + counts.bootStates + counts.images + counts.leases + counts.terms
        terminal.line(
            "\(records) records are there, read back and compared: \(counts.siteObjects) site objects, "
                + "\(counts.bootStates) boot states, \(counts.images) images, \(counts.leases) leases, "
                + "\(counts.terms) terms. "
                + "Written: \(counts.written), in \(String(format: "%.1f", seconds)) s.")
        terminal.line("")
        terminal.out(next(source, target))
    }

    // MARK: The two sides

    /// The configuration of one of the stores. SQLite needs no more of the file than its data directory.
    private func side(_ kind: StoreKind, _ path: String) throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        if path != ServerConfiguration.defaultPath || FileManager.default.fileExists(atPath: path) {
            configuration = try ServerConfiguration.load(path: path)
            if kind != .sqlite { try configuration.checkNeededFiles(path: path) }
        }
        if kind == .sqlite { configuration.store = .sqlite }
        guard kind.matches(configuration.store) else {
            throw CommandError(
                "\(path) has no lines of \(kind.rawValue): its store is \(configuration.store.spoken)",
                hint: "Name the file that has them with --config, or with --from-config if it is the source's.")
        }
        return configuration
    }

    private func check(_ source: ServerConfiguration, _ target: ServerConfiguration) throws {
        if source.store == target.store, source.isClustered || source.data == target.data {
            throw CommandError("source and target are the same: \(source.store.spoken)")
        }
        if from == .sqlite, !FileManager.default.fileExists(atPath: source.databaseFile) {
            throw CommandError(
                "there is no database \(source.databaseFile)", hint: "Where is it? See data in the configuration file.")
        }
        for configuration in [source, target] where !configuration.isClustered {
            guard let owner = Self.owner(configuration.data), owner != geteuid() else { continue }
            let name = getpwuid(owner).map { String(cString: $0.pointee.pw_name) } ?? "#\(owner)"
            throw CommandError(
                "\(configuration.data) belongs to \(name), and what another user writes there the server cannot open",
                hint: "Run it as that user: sudo -u \(name) ondeck store copy ...")
        }
    }

    private static func owner(_ path: String) -> uid_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_uid : nil
    }

    private func withStore<Value: Sendable>(
        _ configuration: ServerConfiguration, _ role: String, _ access: StoreAccess,
        _ body: (any StateStore) async throws -> Value
    ) async throws -> Value {
        let store: any StateStore
        do { store = try await access.open(configuration) } catch {
            throw CommandError(
                "cannot open \(role), \(configuration.store.spoken): \(storeText(error))",
                hint: configuration.isClustered
                    ? "Is it running, and reachable from here?"
                    : "A running OnDeck keeps it to itself; stop that first: systemctl stop ondeck. Machines keep "
                        + "their addresses meanwhile.")
        }
        let result: Result<Value, any Error>
        do { result = .success(try await body(store)) } catch { result = .failure(error) }
        await store.close()
        return try result.get()
    }

    private func copy(
        _ source: any StateStore, _ target: any StateStore, _ terminal: Terminal, _ access: StoreAccess
    ) async throws -> StoreAccess.CopyCounts {
        let tenthsSaid = Mutex(0)
        let order = StoreAccess.CopyOrder(replaces: replace) { done, all in
            // Few are written before anybody could read it.
            guard all >= 10_000 else { return }
            let tenth = 10 * done / all
            let isNew = tenthsSaid.withLock { said in
                defer { said = tenth }
                return tenth > said
            }
            if isNew { terminal.errorLine("\(done) of \(all) written") }
        }
        do { return try await access.copy(source, target, order) } catch {
            throw CommandError("not copied: \(storeText(error))")
        }
    }

    // MARK: What comes next

    private func next(_ source: ServerConfiguration, _ target: ServerConfiguration) -> String {
        let lines = target.clusterLines(node: target.node ?? source.node ?? "rack1-a").split(
            separator: "\n", omittingEmptySubsequences: true)
        let isThere = target.isClustered && config == ServerConfiguration.defaultPath
        var text = "Next:\n"
        if isThere {
            text += "- \(config) has the lines of the new store already.\n"
        } else {
            text += "- In \(ServerConfiguration.defaultPath), instead of node, store and cluster as they are:\n\n"
            text += lines.map { "      \($0)\n" }.joined() + "\n"
        }
        text += "- systemctl start ondeck\n"
        if target.isClustered { text += "- ondeck node join --node NAME prints the lines for the next machine.\n" }
        let old = source.isClustered ? source.store.spoken : source.databaseFile
        text +=
            "- What was copied is still in \(old). Start no OnDeck with it again: two stores for one network give\n"
            + "  an address twice. It is a backup of this hour, and no more.\n"
        return text
    }
}
