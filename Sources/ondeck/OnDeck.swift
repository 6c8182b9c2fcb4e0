// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CLI

@main
struct OnDeck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ondeck",
        abstract: "Boots machines over the network: DHCP, TFTP, HTTP boot, and an API for all of it.",
        discussion: """
            Start the server on one machine:     ondeck serve
            Describe your networks in a file:    ondeck apply -f site.yaml
            Ask why a machine gets what it gets: ondeck explain --mac 52:54:00:12:34:56 --arch x64-uefi
            See it happen:                       ondeck watch
            Bring a boot image in:               ondeck content add debian-12 --url URL
            See whether a failure would be safe: ondeck cluster
            """,
        version: Version.text,
        groupedSubcommands: [
            CommandGroup(name: "The server", subcommands: [ServeCommand.self, CheckConfigCommand.self]),
            CommandGroup(
                name: "The site", subcommands: [DiffCommand.self, ApplyCommand.self, ExportCommand.self]),
            CommandGroup(
                name: "One object at a time", subcommands: [GetCommand.self, SetCommand.self, DeleteCommand.self]),
            CommandGroup(
                name: "Machines and leases",
                subcommands: [BootCommand.self, LeaseCommand.self, ExplainCommand.self, WatchCommand.self]),
            CommandGroup(
                name: "Files",
                subcommands: [ContentCommand.self, TargetsCommand.self, TargetCommand.self]),
            CommandGroup(
                name: "The cluster",
                subcommands: [
                    ClusterCommand.self, DrillCommand.self, WindowCommand.self, NodeCommand.self, StoreCommand.self,
                ]),
            CommandGroup(name: "Other", subcommands: [VersionCommand.self]),
        ])

    static func main() async {
        let commands = configuration.groupedSubcommands.flatMap { group in
            group.subcommands.compactMap { $0.configuration.commandName }
        }
        if let wrong = UnknownCommand.complaint(Array(CommandLine.arguments.dropFirst()), commands: commands) {
            exit(withError: ValidationError(wrong))
        }
        await StoreAccess.$current.withValue(Composition.storeAccess) {
            await DrillAccess.$current.withValue(Composition.drillAccess) { await Self.main(nil) }
        }
    }

    /// So that these can stand before the subcommand too, which finds them here.
    @OptionGroup var connection: ConnectionOptions
}
