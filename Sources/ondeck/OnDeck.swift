// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CLI

@main
struct OnDeck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ondeck",
        abstract: "Boots machines over the network: DHCP, TFTP, HTTP boot, and an API for all of it.",
        discussion: """
            Start the server on one machine:    ondeck serve
            Describe your networks in a file:   ondeck apply -f site.yaml
            Ask why a machine gets what it gets: ondeck explain --mac 52:54:00:12:34:56 --arch x64-uefi
            See it happen:                      ondeck watch
            """,
        version: Version.text,
        subcommands: [ServeCommand.self])
}
