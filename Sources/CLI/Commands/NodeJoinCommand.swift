// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser

public struct NodeJoinCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Print the lines of ondeck.yaml with which the next machine joins, or check them there.",
        discussion: """
            On a machine that is in the cluster; it prints, and changes nothing:

              ondeck node join --node rack1-b

            On the new machine, before OnDeck is started there. Exit status 1: something FAILED.

              ondeck node join --check
            """)

    @Option(name: [.short, .long], help: "The configuration file.", completion: .file())
    var config = ServerConfiguration.defaultPath

    @Option(help: ArgumentHelp("The new machine's name as a node.", valueName: "name"))
    var node: String?

    @Flag(help: "Check this machine's configuration file, and what it needs to join.")
    var check = false

    public init() {}

    public func validate() throws {
        guard let node else {
            if !check { throw ValidationError("--node NAME is missing: what is the new node to be called?") }
            return
        }
        guard ObjectNames.isValid(node) else {
            throw ValidationError("\"\(node)\" is not a name of a node: \(ObjectNames.rule)")
        }
    }

    public func run() async throws { try await run(.standard) }

    func run(_ terminal: Terminal) async throws {
        do {
            guard check else {
                return terminal.out(try lines(ServerConfiguration.load(path: config), node: node ?? ""))
            }
            let list = await NodeJoinCheck(path: config, node: node, access: try .required()).run()
            terminal.lines(list.lines(terminal))
            if list.failed > 0 { throw ExitCode.failure }
        } catch let error as FileErrors {
            terminal.errorLine("\(error)")
            throw ExitCode.failure
        } catch let error as CommandError {
            terminal.errorLine("\(error)")
            throw ExitCode.failure
        }
    }

    /// What goes into the new machine's file, and in comments what is to be done besides.
    private func lines(_ configuration: ServerConfiguration, node: String) throws(CommandError) -> String {
        guard configuration.isClustered else {
            throw CommandError(
                "\(config): the store is sqlite, which no other machine can use",
                hint: "First move to etcd or Consul: ondeck store copy --from sqlite --to etcd.")
        }
        guard configuration.node != node else {
            throw CommandError("\(node) is this node's own name", hint: "The new one needs another.")
        }
        let placeholder = "ADDRESS-OF-\(node)"
        let text = configuration.clusterLines(node: node, placeholder: placeholder)
        var notes: [String] = []
        if text.contains(placeholder) {
            let own = configuration.cluster.peer.address ?? configuration.cluster.peer.listen
            notes.append("\(placeholder): write the address at which the other nodes reach it (here it is \(own)).")
        }
        let local = configuration.store.endpoints.filter(\.isLoopback)
        if !local.isEmpty {
            let list = local.map(\.description).joined(separator: ", ")
            notes.append("\(list) is that machine itself there: the store must be listening on it, too.")
        }
        let files = configuration.neededFiles.map(\.path)
        if !files.isEmpty { notes.append("Copy to it, readable for the user ondeck: \(files.joined(separator: ", "))") }
        let others = configuration.otherKeys
        if !others.isEmpty {
            notes.append(
                "This node's file also has: \(others.joined(separator: ", ")). What suits both belongs there too.")
        }
        notes.append("Then, on \(node): ondeck node join --check && systemctl enable --now ondeck")
        return "# \(ServerConfiguration.defaultPath) of \(node)\n" + text + "\n"
            + notes.map { "# \($0)\n" }.joined()
    }
}
